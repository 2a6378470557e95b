"""A SavedModel, asked from Python."""

import importlib
import re

import numpy as np
import tensorflow as tf

TEXT_LIBRARY = "tensorflow_text"
ASSERTION = "assertion failed:"
LONGEST = 600  # characters of what is said of a request
# what lines that say nothing of the inputs begin with
GRAPH = ("Graph execution error", "Detected at node", "<stack traces", "[[")


class Refused(ValueError):
    """The SavedModel does not take what it was asked."""


class Model:
    """A SavedModel in memory.

    Args:
        folder: Path of it.
        op_libraries: list of str, of its contract: what registers its operations.

    Raises:
        ValueError: a library that is not known here, or not installed.
    """

    def __init__(self, folder, op_libraries=()):
        for library in op_libraries:
            register(library)
        self.loaded = tf.saved_model.load(str(folder))  # keeps the variables
        self.functions = {}  # signature's name -> as `by_name` gives it

    def ask(self, signature, inputs):
        """Call a signature.

        Args:
            signature: its name.
            inputs: dict of name -> array, of the dtype and shape that it takes, all of
                as many rows.

        Returns:
            dict of name -> np.ndarray, in the contract's order, by name: loaded
            signatures have one of their own in each process.

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
            said = reason(error.message)
            # an operation's own words name no input
            if not inputs.keys() & set(re.findall(r"\w+", said)):
                said = f"{', '.join(inputs)}: {said}"
            raise Refused(said) from error
        return {name: answer[name].numpy() for name in sorted(answer)}


def by_name(signature):
    """How a signature is asked with a dict.

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

    def ask(inputs):
        return signature(**{name: tf.constant(v) for name, v in inputs.items()})

    if len(groups) == len(specs):  # nothing to stack
        return specs.keys(), ask

    def unstacked(*stacks):
        inputs = {}
        for names, stack in zip(groups, stacks, strict=True):
            inputs |= zip(names, tf.unstack(stack), strict=True)
        return signature(**inputs)

    first = [(len(names), specs[names[0]]) for names in groups]
    stacks = [tf.TensorSpec([size, *spec.shape], spec.dtype) for size, spec in first]
    function = tf.function(unstacked, input_signature=stacks)

    def ask_stacked(inputs):
        return function(*[np.stack([inputs[n] for n in names]) for names in groups])

    return specs.keys(), ask_stacked


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
    """What an assertion or an operation says, without the graph's own words.

    Args:
        message: str, of a tf.errors.OpError.
    """
    lines = re.sub(r"{{.*?}} ?", "", message).splitlines()
    said = [line for line in lines if line and not line.strip().startswith(GRAPH)]
    found = said[0] if said else message
    if found.startswith(ASSERTION):  # each part of it is in brackets
        found = found.removeprefix(f"{ASSERTION} [").removesuffix("]")
        found = found.replace("] [", " ")
    if len(found) > LONGEST:  # it may hold all that was received
        found = f"{found[: LONGEST // 2]} ... {found[-LONGEST // 2 :]}"
    return found
