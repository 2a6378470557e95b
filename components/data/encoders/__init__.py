"""The table of encoders: raw inputs of each kind of data to arrays, and in a graph."""


def encoder(kind):
    """The class that encodes the inputs of a kind of data.

    Each has the attributes

        shape, dtype    of one encoded input
        op_libraries    packages whose operations its graph needs
        reads           what `phistar predict` reads: "table", "images" or "lines"
        max_rows        rows of a request that servers take at most
        reading         how cells of files become columns, plain data; else None
        batch_size      rows that `phistar predict` sends at once
        own_names       input of the SavedModel -> name of its column in the data
        array           meaning of the encoded array; None if texts have no one shape

    and the methods fit, to_json, describe, seen and request; of inputs with names as
    labels also signature, forms, encode and encode_graph. See columns.py.

    Args:
        kind: name of the kind.

    Raises:
        ValueError: an unknown name.
    """
    match kind:
        case "columns":
            from phistar.components.data.encoders.columns import Columns

            return Columns
        case "images":
            from phistar.components.data.encoders.images import Images

            return Images
        case "pairs":
            from phistar.components.data.encoders.pairs import Pairs

            return Pairs
        case "text":
            from phistar.components.data.encoders.text import Text

            return Text
        case _:
            raise ValueError(f"no such kind of input. Received: {kind!r}.")
