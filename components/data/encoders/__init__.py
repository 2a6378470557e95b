"""The table of encoders: one case per kind of input."""


def encoder(kind):
    """The class that encodes inputs of this kind.

    Raises:
        ValueError: if there is none.
    """
    match kind:
        case "columns":
            from components.data.encoders.columns import Columns

            return Columns
        case "images":
            from components.data.encoders.images import Images

            return Images
        case "pairs":
            from components.data.encoders.pairs import Pairs

            return Pairs
        case "text":
            from components.data.encoders.text import Text

            return Text
        case _:
            raise ValueError(f"no such kind of input. Received: {kind!r}.")
