"""Cells of a table that may stand for a missing value: words, and numbers like -999."""

import re
from collections.abc import Iterable

from phistar.components.data.cells.missing import number
from phistar.pipeline.init.guess import Line
from phistar.pipeline.init.looked import Looked

FEW = 5  # different words of a column; more of them mean something else
STAND_IN = re.compile(r"[-−]?9{2,}")  # for a missing number


def missing_lines(looked: Looked, names: Iterable[str]) -> list[Line]:
    """The keys of cells that may stand for missing ones.

    Words among numbers or dates are taken so, with a question: else ingest refuses
    them. Numbers like -999 are asked about only.
    """
    words: list[str] = []
    reasons = []
    for name in sorted(names):
        others = others_than(looked, name)
        if 0 < len(others) <= FEW:
            times = sum(looked.cells[name][cell] for cell in others)
            kind = (
                "date" if looked.columns[name].meaning.startswith("sec") else "number"
            )
            shown = ", ".join(map(repr, others))
            reasons.append(f"{name}: {shown} is no {kind}, in {times:,} rows")
            words += others
    if not words:
        return stand_ins(looked, names)
    ask = "do these stand for a missing value?"
    taken = Line("missing", list(dict.fromkeys(words)), "; ".join(reasons), ask)
    return [taken, *stand_ins(looked, names)]


def others_than(looked: Looked, name: str) -> list[str]:
    """Cells of a column of numbers or dates that are neither, nor missing."""
    import pyarrow as pa

    from phistar.components.data.cells.forms import values
    from phistar.components.data.cells.missing import Markers

    column, cells = looked.columns[name], list(looked.cells[name])
    if column.form == "words" or not column.num_wrong:
        return []
    wrong = values(pa.array(cells), column.form, Markers(), column.decimal)[2]
    return [cell for cell, one in zip(cells, wrong.tolist(), strict=True) if one]


def stand_ins(looked: Looked, names: Iterable[str]) -> list[Line]:
    """The key of numbers like -999 that may stand for a missing value, as a comment.

    Such a number is far from all others of its column: farther than these are apart.
    """
    found, reasons = [], []
    for name in sorted(names):
        cells = looked.cells[name]
        values = sorted({n for n in map(number, cells) if n is not None})
        if looked.columns[name].form == "words" or len(values) < 3:
            continue
        for cell, times in cells.items():
            if times < 2 or not STAND_IN.fullmatch(plain(cell)):
                continue
            others = [n for n in values if n != number(cell)]
            low, high = others[0], others[-1]
            if not low - (high - low) <= number(cell) <= 2 * high - low:
                found.append(plain(cell))
                reasons.append(f"{name}: {cell} in {times:,} rows, far from the others")
    if not found:
        return []
    ask = "does it stand for a missing value?"
    every = list(dict.fromkeys(found))
    return [Line("missing", every, "; ".join(reasons), ask, off=True)]


def plain(cell: str) -> str:
    """A label as ingest takes it: 1.0 is 1."""
    head, point, tail = cell.partition(".")
    return (
        head if point and head.lstrip("+-").isdigit() and not tail.strip("0") else cell
    )
