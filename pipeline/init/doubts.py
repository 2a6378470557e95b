"""Cells that ingest would refuse, or take for numbers though they are none."""

import re
from typing import TYPE_CHECKING

from phistar.components.data.cells.missing import number
from phistar.pipeline.init.guess import Line
from phistar.pipeline.init.looked import Looked

if TYPE_CHECKING:
    from phistar.components.data.cells.column import Column

MOST_WORDS = 3  # of a column of numbers, that are taken for "no value"
OFTEN = 2  # times that such a word comes at least: a single one may be a slip
STAND_IN = re.compile(r"[-−]?9{2,}")  # for a missing number
CODES = ("zip", "zipcode", "postcode", "postal_code", "plz")


def doubts(looked: Looked, names: list[str]) -> list[Line]:
    """Keys of ingest that say what some cells mean.

    Args:
        looked: at the table.
        names: of the inputs.

    Returns:
        list of Line: `missing`, words that stand among numbers in place of one. As
        comments, numbers like -999; and `categorical`, columns of numbers that look
        like names.
    """
    found, codes = {}, {}
    for name in names:
        column, cells = looked.columns[name], looked.cells[name]
        if column.form in (None, "words"):
            continue
        words = others(column, list(cells)) if column.num_wrong else []
        if 0 < len(words) <= MOST_WORDS and min(cells[w] for w in words) >= OFTEN:
            found |= {word: f"{name}: {cells[word]:,} times {word!r}" for word in words}
        if column.form == "number" and column.whole:
            zeros = next(
                (c for c in cells if len(c) > 1 and c.isdigit() and c[0] == "0"), ""
            )
            if zeros:
                codes[name] = f"{name}: it has numbers like {zeros}"
            elif name.strip().lower() in CODES:
                codes[name] = f"{name}: by its name"
    lines = []
    if found:
        ask = "do these words say that there is no number?"
        why = "; ".join(dict.fromkeys(found.values())) + " among numbers"
        lines.append(Line("missing", list(found), why, ask))
    if far := stand_ins(looked, names):
        every, ask = [*found, *far], "do these numbers stand for a missing value?"
        why = "; ".join(far.values())
        lines.append(Line("missing", every, why, ask, off=True))
    if codes:
        ask = "are these numbers names, like a postcode? Then no one is larger"
        lines.append(
            Line("categorical", list(codes), "; ".join(codes.values()), ask, off=True)
        )
    return lines


def others(column: "Column", words: list[str]) -> list[str]:
    """The words that are no numbers of the column's form."""
    import pyarrow as pa

    from phistar.components.data.cells.forms import values

    wrong = values(
        pa.array(words, pa.string()), column.form, column.markers, column.decimal
    )[2]
    return [word for word, bad in zip(words, wrong, strict=True) if bad]


def stand_ins(looked: Looked, names: list[str]) -> dict[str, str]:
    """Numbers like -999 that are far from all others, with the reason.

    Far is farther than the others are apart.
    """
    found = {}
    for name in names:
        cells = looked.cells[name]
        values = sorted({n for n in map(number, cells) if n is not None})
        if looked.columns[name].form == "words" or len(values) < 3:
            continue
        for cell, times in cells.items():
            if times < OFTEN or not STAND_IN.fullmatch(plain(cell)):
                continue
            others = [n for n in values if n != number(cell)]
            low, high = others[0], others[-1]
            if not low - (high - low) <= number(cell) <= 2 * high - low:
                found[plain(cell)] = f"{name}: {cell} in {times:,} rows, far off"
    return found


def plain(cell: str) -> str:
    """A label as ingest takes it: 1.0 is 1."""
    head, point, tail = cell.partition(".")
    return (
        head if point and head.lstrip("+-").isdigit() and not tail.strip("0") else cell
    )
