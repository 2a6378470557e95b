"""The table of tasks: a distribution P(y | x) over each kind of label space."""


def task(name):
    """The class of the task called `name`.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "binary":
            from phistar.components.tasks.binary import Binary

            return Binary
        case "language":
            from phistar.components.tasks.language import Language

            return Language
        case "multiclass":
            from phistar.components.tasks.multiclass import Multiclass

            return Multiclass
        case "translation":
            from phistar.components.tasks.translation import Translation

            return Translation
        case _:
            raise ValueError(f"no such task. Received: {name!r}.")
