"""The table of kinds of data: how each is stored, without TensorFlow.

The other half of a kind is its encoder, components/data/encoders/: raw inputs to
arrays, at ingest and in the SavedModel.
"""

from phistar.components.data.kinds.base import (
    StoredColumns,
    StoredImages,
    StoredPairs,
    StoredText,
)


def kind(name):
    """The class of the kind called `name`, which is the `kind` of a Source.

    Each is a subclass of one of the two in components/data/kinds/base.py.

    Args:
        name: of the kind.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "columns":
            return StoredColumns
        case "images":
            return StoredImages
        case "pairs":
            return StoredPairs
        case "text":
            return StoredText
        case _:
            raise ValueError(f"no such kind of data. Received: {name!r}.")
