"""Sentence pairs: a look at own files before ingest, and pieces of rows."""

from phistar.components.data.sources.base import FEW_ROWS, Overview, Rows, objects
from phistar.components.data.sources.pieces import grouped

SMALL = 64 * 2**20  # bytes that are read within a second or two


def overview(data, size, origin):
    """The pairs, unless they are many.

    Args:
        data: TextRows.
        size: bytes of all files.
        origin: of the source.

    Returns:
        Overview.

    Raises:
        ValueError: no pair, other numbers of lines, or a file that cannot be read.
    """
    data.require_columns()
    if size > SMALL:
        return Overview()
    read, total = data.read(), 0
    for split, pieces in read.items():
        count = sum(
            bool(source.strip() and target.strip())
            for piece in pieces
            for source, target in zip(piece.inputs, piece.labels, strict=True)
        )
        total += count
        if not count:
            raise ValueError(
                f"no pair of sentences. Received: {origin[split]}, where every "
                "pair is empty on one side or both. Expected sentences in both."
            )
    few = "all" in read and total < FEW_ROWS
    return Overview(rows=read["all"] if few else None)


def pieces(pairs):
    """Pairs -> Rows of about PIECE_BYTES each.

    Args:
        pairs: iterable of (bytes, bytes), source and target.

    Yields:
        Rows.
    """
    for group in grouped(pairs, lambda pair: sum(map(len, pair))):
        yield Rows(*map(objects, zip(*group, strict=True)))
