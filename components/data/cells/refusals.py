"""Errors about a column whose cells are not of one form."""

from phistar.components.data.cells.dates import AMBIGUOUS
from phistar.components.data.cells.forms import MEANING, WORDS

ADVICE = (
    "Expected {kind} alone: add the word to ingest.missing if it means that there is "
    "none, name the column in ingest.categorical if its values are names, or in "
    "ingest.ignore."
)


def require_one_form(column, place, decimal_told, separators):
    """Refuse a column whose cells may be meant otherwise than they would be taken.

    Args:
        column: Column, after its last cell.
        place: function of (file, row), the place in words.
        decimal_told: True if the user has set ingest.decimal.
        separators: set of the separators of the files.

    Raises:
        ValueError: words among numbers, a date of two meanings, an unknown decimal
            mark, no value at all.
    """
    name = column.name
    if column.form is None:
        markers = ", ".join(repr(mark) for mark in list(column.marks)[:3])
        raise ValueError(
            f"the column {name!r} has no value in any row. Received: {column.rows} "
            f"cells, {markers}. Expected values: leave it out with ingest.ignore."
        )
    if len(column.fits) > 1 and AMBIGUOUS.issuperset(column.fits):
        raise ValueError(
            f"the dates in the column {name!r} have two meanings. Received: days and "
            "months up to 12 alone, so neither 1/2/2020 says which is the month. "
            "Expected year-month-day, 2020-02-01: rewrite them, or name the column in "
            "ingest.categorical or ingest.ignore."
        )
    if column.form == "grouped" and not (
        column.pointed or decimal_told or column.decimal == "," or separators <= {","}
    ):
        raise ValueError(
            f"the numbers in the column {name!r} have two meanings. Received: commas, "
            "each before three digits. Expected to know what they are: set "
            "ingest.decimal=. if they divide thousands, ingest.decimal=, if decimals."
        )
    if column.form == WORDS:
        if column.key == "categorical":
            return
        if column.swapped and column.swapped >= column.numbers + column.num_wrong / 2:
            other = "." if column.decimal == "," else ","
            raise ValueError(
                f"the column {name!r} has numbers with {other!r} before the decimals. "
                f"Received: {first(column, place)}. Expected {column.decimal!r}, as "
                f"other columns have: set ingest.decimal={other}, or name it in "
                "ingest.categorical."
            )
    elif not column.num_wrong:
        return
    if column.key == "numeric":
        value, file, row = column.wrong[0]
        raise ValueError(
            f"{place(file, row)}: not a number. Received: {value!r} in the column "
            f"{name!r}, {column.num_wrong} such cells. Expected numbers, since "
            "ingest.numeric names the column: add the word to ingest.missing if it "
            "means that there is none."
        )
    if column.mostly_numbers and column.wrong:
        kind = "numbers or dates" if column.form == WORDS else MEANING[column.form]
        raise ValueError(
            f"{first(column, place)}: another word in a column of {kind}. Received: "
            f"{column.num_wrong} such cells beside {column.numbers} others in the "
            f"column {name!r}. {ADVICE.format(kind=kind)}"
        )


def first(column, place):
    """Place and value of the first cell of another form."""
    value, file, row = column.wrong[0]
    return f"{place(file, row)}: {value!r}"


def require_meaning(seen, roles, rules, place, separators):
    """Refuse what would change the meaning of the data.

    Args:
        seen: Seen, of all rows.
        roles: Roles.
        rules: Rules.
        place: function of (file, row), the place in words.
        separators: set of the separators of the files.

    Raises:
        ValueError: the first mistake.
    """
    seen.labels.require(place)
    for column in seen.columns.values():
        require_one_form(column, place, "decimal" in rules.dialect, separators)
    time, weight = (seen.columns.get(name) for name in (roles.time, roles.weight))
    if time and time.missing:
        mark, (_, file, row) = next(iter(time.marks.items()))
        raise ValueError(
            f"{place(file, row)}: a row without a time. Received: {mark!r} in "
            f"the column {time.name!r} (ingest.time). Expected a date, a time "
            "or a number in every row."
        )
    if weight and (weight.missing or weight.low < 0):
        least = f"the least is {weight.low:g}"
        if weight.missing:
            mark, (_, file, row) = next(iter(weight.marks.items()))
            least = f"{mark!r} in {place(file, row)}"
        raise ValueError(
            f"a weight that is none. Received: {least}, in the column "
            f"{weight.name!r} (ingest.weight). Expected a number from 0 on in "
            "every row."
        )
    for name in sorted(seen.equal - rules.keys.keys()):
        raise ValueError(
            f"the column {name!r} is equal to the label in every row. Received: a "
            "copy of the answer, which is not there for new rows. Expected none: "
            f"leave it out with ingest.ignore=[{name!r}], or name it in "
            "ingest.categorical or ingest.numeric if it is meant."
        )
