"""A SavedModel that is called from Python."""

import contextlib
import importlib
import re
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

TEXT_LIBRARY = "tensorflow_text"
ASSERTION = "assertion failed:"
LONGEST = 600  # characters of an error about a request
PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # paths that TensorFlow takes as they are
# beginnings of lines that do not describe the inputs
GRAPH = ("Graph execution error", "Detected at node", "<stack traces", "[[")


class Refused(ValueError):
    """The SavedModel does not take these inputs."""


class Model:
    """A SavedModel in memory.

    Args:
        folder: Path of it.
        op_libraries: list of str, of its contract: they register its operations.

    Raises:
        ValueError: a library that is not known here, or not installed.
    """

    def __init__(self, folder, op_libraries=()):
        for library in op_libraries:
            register(library)
        self.loaded = load(folder)  # keeps the variables
        self.functions = {}  # signature's name -> result of `by_name`

    def call(self, signature, inputs):
        """Outputs of a signature.

        Args:
            signature: its name.
            inputs: dict of name -> array, of the signature's dtype and shape, all with
                the same number of rows.

        Returns:
            dict of name -> np.ndarray, sorted by name as the contract is: the order of
            a loaded signature differs between processes.

        Raises:
            Refused: if the model does not take the inputs.
        """
        if signature not in self.functions:
            self.functions[signature] = by_name(self.loaded.signatures[signature])
        names, function = self.functions[signature]
        if inputs.keys() != names:
            received, expected = (", ".join(sorted(n)) for n in (inputs, names))
            raise Refused(
                f"{signature} takes other inputs. Received: {received or 'none'}. "
                f"Expected: {expected}."
            )
        try:
            answer = function(inputs)
        except tf.errors.InvalidArgumentError as error:
            text = reason(error.message)
            # an operation's own error does not name the input
            if not inputs.keys() & set(re.findall(r"\w+", text)):
                text = f"{', '.join(inputs)}: {text}"
            raise Refused(text) from error
        return {name: answer[name].numpy() for name in sorted(answer)}


@contextlib.contextmanager
def plain(folder):
    """A path of a folder that TensorFlow and MLflow take as it is, in the block.

    TensorFlow reads brackets and backslashes as a pattern, MLflow reads % and ? as
    parts of an address. So an odd path gets a plain one, a link in a temporary folder.

    Args:
        folder: Path, which exists.

    Yields:
        Path.
    """
    if PLAIN.fullmatch(str(folder)):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as place:
        link = Path(place, "folder")
        link.symlink_to(Path(folder).resolve(), target_is_directory=True)
        yield link


def load(folder):
    """The SavedModel of a folder, whatever its path.  -> what TensorFlow has loaded."""
    with plain(folder) as path:
        return tf.saved_model.load(str(path))


def by_name(signature):
    """A signature as a function of a dict.

    TensorFlow runs Python for every argument, and a table has many: columns of one
    dtype go as one tensor, [columns, N], and a graph takes it apart.

    Args:
        signature: of a loaded SavedModel.

    Returns:
        (set of the inputs' names, function: dict of name -> array -> dict of name ->
        tensor).
    """
    specs = signature.structured_input_signature[1]
    groups = {}
    for name, spec in specs.items():
        key = spec.dtype if spec.shape.rank == 1 else name
        groups.setdefault(key, []).append(name)
    groups = list(groups.values())

    def direct(inputs):
        return signature(**{name: tf.constant(v) for name, v in inputs.items()})

    if len(groups) == len(specs):  # nothing to stack
        return specs.keys(), direct

    def unstacked(*stacks):
        inputs = {}
        for names, stack in zip(groups, stacks, strict=True):
            inputs |= zip(names, tf.unstack(stack), strict=True)  # [columns, N] -> [N]
        return signature(**inputs)

    first = [(len(names), specs[names[0]]) for names in groups]
    stacks = [tf.TensorSpec([size, *spec.shape], spec.dtype) for size, spec in first]
    function = tf.function(unstacked, input_signature=stacks, autograph=False)

    def stacked(inputs):
        return function(*[np.stack([inputs[n] for n in names]) for names in groups])

    return specs.keys(), stacked


def register(library):
    """Import a library whose operations a SavedModel uses."""
    if library.replace("-", "_") != TEXT_LIBRARY:
        raise ValueError(
            f"no such library of operations. Received: {library!r}. "
            f"Expected {TEXT_LIBRARY!r}."
        )
    # by its name: an export without it depends on no version of it
    importlib.import_module(TEXT_LIBRARY)


def reason(message):
    """The text of an assertion or an operation, without the graph's own lines.

    Args:
        message: str, of a tf.errors.OpError.
    """
    lines = re.sub(r"{{.*?}} ?", "", message).splitlines()
    kept = [line for line in lines if line and not line.strip().startswith(GRAPH)]
    text = kept[0] if kept else message
    if text.startswith(ASSERTION):  # each part of it is in brackets
        text = text.removeprefix(f"{ASSERTION} [").removesuffix("]")
        text = text.replace("] [", " ")
    if len(text) > LONGEST:  # it may hold all inputs
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return text
