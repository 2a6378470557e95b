"""Texts in pieces: memory does not grow with the data."""

from phistar.components.data.sources.base import Rows, objects

PIECE_BYTES = 16 * 2**20
PIECE_ROWS = 2**17  # short texts cost more as objects than their bytes tell


def pieces(texts):
    """Texts -> Rows of about PIECE_BYTES each.

    Args:
        texts: iterable of bytes.

    Yields:
        Rows.
    """
    for group in grouped(texts, len):
        yield Rows(None, objects(group))


def grouped(examples, size_of):
    """Groups of examples, of about PIECE_BYTES each.

    Args:
        examples: iterable.
        size_of: function of an example -> its bytes.

    Yields:
        list of examples.
    """
    group, size = [], 0
    for example in examples:
        group.append(example)
        size += size_of(example)
        if size >= PIECE_BYTES or len(group) == PIECE_ROWS:
            yield group
            group, size = [], 0
    if group:
        yield group
