"""A SavedModel, asked from Python."""

import re

import tensorflow as tf

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

    def ask(self, signature, inputs):
        """Call a signature.

        Args:
            signature: its name.
            inputs: dict of name -> array, of the dtype and shape that it takes.

        Returns:
            dict of name -> np.ndarray, in the contract's order, by name: loaded
            signatures have one of their own in each process.

        Raises:
            Refused: if the model does not take the inputs.
        """
        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        try:
            answer = self.loaded.signatures[signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            said = reason(error.message)
            # an operation's own words name no input
            if not inputs.keys() & set(re.findall(r"\w+", said)):
                said = f"{', '.join(inputs)}: {said}"
            raise Refused(said) from error
        return {name: answer[name].numpy() for name in sorted(answer)}


def register(library):
    """Import a library whose operations a SavedModel uses."""
    match library.replace("-", "_"):
        case "tensorflow_text":
            import tensorflow_text  # noqa: F401
        case _:
            raise ValueError(
                f"no such library of operations. Received: {library!r}. "
                "Expected 'tensorflow_text'."
            )


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
