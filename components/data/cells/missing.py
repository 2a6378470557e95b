"""Cells without a value.

A marker is known by its letters, whatever their case, with or without spaces around it.
"""

import math

# in a column of numbers or dates none of these can be a value
NO_NUMBER = (
    *("", "na", "n/a", "#n/a", "#na", "nan", "-nan", "null", "#null!", "none", "nil"),
    *("(null)", "<na>", "\\n", "nat", "-", "--", "---", ".", "..", "...", "?", "*"),
    *("missing", "unknown", "unk", "not available", "#div/0!", "#value!", "#ref!"),
    *("#num!", "#name?", "blank", "(blank)", "empty", "undefined"),
)
# in a column of words, and among labels: "none" or "-" may be one of its words
NO_WORD = ("", "na", "n/a", "#n/a", "nan", "null", "<na>", "nat")
NO_CELL = ("",)  # where the user says that a column holds categories


class Markers:
    """The markers of a data set: common ones and the user's.

    Args:
        given: tuple of str, further markers, as the user has typed them. A number is
            one however it is written: "-999" is -999.0 too.
    """

    def __init__(self, given=()):
        self.given = tuple(given)
        self.folded = [word.strip().casefold() for word in given]
        self.numbers = [n for n in map(number, given) if n is not None]

    def mask(self, trimmed, common):
        """True for cells without a value.

        Args:
            trimmed: pyarrow.Array of strings [N], without spaces around them.
            common: NO_NUMBER, NO_WORD or NO_CELL.

        Returns:
            pyarrow.Array of bool [N], without nulls.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        words = pa.array([*common, *self.folded], pa.string())
        # long cells are no markers; casefold of them would cost time
        return pc.is_in(pc.utf8_lower(pc.fill_null(trimmed, "")), words)

    def is_marker(self, cell, common):
        """True if one cell, or None, has no value.  str -> bool"""
        cell = (cell or "").strip()
        value = number(cell) if self.numbers else None
        return cell.casefold() in (*common, *self.folded) or value in self.numbers


def number(text):
    """A text as a finite float; None if it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def trimmed(values):
    """Strings without the spaces around them, null as null.  Array -> Array"""
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(values)
