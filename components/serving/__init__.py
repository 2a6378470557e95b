"""The table of servers: the SavedModel's signatures of each task."""


def server(name):
    """The class that serves the task called `name`.

    Each is a tf.Module, made of (task, encoder, network, scale, decoding):

        signatures()   name -> concrete function
        units          name of an input or output -> its meaning
        forms          name of an input -> how a request gives it
        knobs          name -> default, of the inputs beside x and y
        ranges         knob -> Range, of those that have one
        facts()        further keys of the contract, plain data

    Args:
        name: of the task.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "binary" | "multiclass":
            from phistar.components.serving.labels import LabelServer

            return LabelServer
        case "language":
            from phistar.components.serving.language import LanguageServer

            return LanguageServer
        case "translation":
            from phistar.components.serving.translation import TranslationServer

            return TranslationServer
        case _:
            raise ValueError(f"no server of this task. Received: {name!r}.")
