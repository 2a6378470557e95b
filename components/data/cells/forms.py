"""Forms of the cells of a column, and their values as float64."""

import numpy as np

from phistar.components.data.cells import dates, numbers
from phistar.components.data.cells.missing import NO_NUMBER, trimmed

WORDS = "words"
# in this order: a column gets the first form that all its cells have
FORMS = ("number", "grouped", "percent", "currency", "boolean", *dates.PATTERNS)
# Forms of which a few other words are a mistake; true, false and unknown are 3 words.
NUMERIC = tuple(form for form in FORMS if form != "boolean")
MEANING = {
    "number": "numbers",
    "grouped": "numbers with thousands separators",
    "percent": "numbers, in percent",
    "currency": "numbers, amounts of a currency",
    "boolean": "numbers, true is 1 and false is 0",
    WORDS: "words",
    **{form: f"seconds, {form}" for form in dates.PATTERNS},
}


def values(cells, form, markers, decimal="."):
    """Values of cells as float64.

    Args:
        cells: pyarrow.Array of strings [N].
        form: of FORMS.
        markers: Markers.
        decimal: "." or ",".

    Returns:
        (values, missing, wrong): float64 [N], NaN of both others; bool [N], cells
        without a value; bool [N], cells that are not of this form.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found = quick(cells) if form == "number" and decimal == "." else None
    if found is not None:
        missing = np.isnan(found)
        missing |= numeric_markers(found, markers)
        return np.where(missing, np.nan, found), missing, np.zeros(len(cells), bool)
    cells = trimmed(cells)
    gone = markers.mask(cells, NO_NUMBER)
    cells = pc.if_else(gone, pa.scalar(None, pa.string()), cells)
    if form in dates.PATTERNS:
        found = dates.seconds(cells, form)
    else:
        found = numbers.numbers(cells, form, decimal)
    missing = gone.to_numpy(zero_copy_only=False)
    wrong = np.isnan(found) & ~missing
    other = numeric_markers(found, markers)
    return np.where(other, np.nan, found), missing | other, wrong


def quick(cells):
    """Numbers of cells if all are plain ones, else None.  Array -> float64 [N]"""
    import pyarrow as pa

    if cells.null_count:
        return None
    try:
        return cells.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None


def numeric_markers(found, markers):
    """True where a number means that there is none.  float64 [N] -> bool [N]"""
    if not markers.numbers:
        return np.zeros(len(found), bool)
    return np.isin(found, markers.numbers)


def words(cells, markers, common):
    """Cells as words, "" without a value.

    Args:
        cells: pyarrow.Array of strings [N].
        markers: Markers.
        common: NO_WORD or NO_CELL.

    Returns:
        pyarrow.Array of strings [N].
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.fill_null(trimmed(cells), "")
    gone = markers.mask(cells, common)
    if markers.numbers:  # few of many cells are looked at one by one
        encoded = cells.dictionary_encode()
        every = encoded.dictionary.to_pylist()
        marked = np.array([markers.is_marker(cell, common) for cell in every], bool)
        gone = pa.array(marked[encoded.indices.to_numpy(zero_copy_only=False)])
    return pc.if_else(gone, "", cells)
