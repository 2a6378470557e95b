"""A part of a file of rows -> typed columns in a scratch file."""

from typing import NamedTuple

import numpy as np

from phistar.components.data import scratch
from phistar.components.data.cells.column import Column, OtherForm
from phistar.components.data.cells.keys import row_keys
from phistar.components.data.cells.labels import WHOLE, Labels
from phistar.components.data.cells.missing import Markers, trimmed
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.table_file import TableFile, Undivided

LABEL, SPLIT, TIME, KEYS, WEIGHT = "label", "split", "time", "keys", "weight"
COLUMN = "column {}"  # an input, by its number: it may have any name


class Roles(NamedTuple):
    """Names of the columns, by what they are for.

    Args:
        inputs: list of str.
        label: str.
        split, group, time, weight: str or None.
    """

    inputs: list
    label: str
    split: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None

    @property
    def needed(self):
        """Names of all columns to read.  -> list of str"""
        given = [self.label, self.split, self.group, self.time, self.weight]
        return [*self.inputs, *(name for name in given if name is not None)]

    @property
    def typed(self):
        """Names of the columns whose cells have a form.  -> list of str"""
        return [*self.inputs, *(name for name in (self.time, self.weight) if name)]


class Rules(NamedTuple):
    """Rules by which cells are read.

    Args:
        missing: tuple of str, further markers.
        keys: dict of column -> "numeric" or "categorical".
        decimal: "." or ",".
        dialect: dict, the options of TableFiles that the user has told.
        drop_unlabelled: True to leave out rows without a label.
    """

    missing: tuple
    keys: dict
    decimal: str
    dialect: dict
    drop_unlabelled: bool


class Seen:
    """Facts that the rows of a part have shown.

    Args:
        roles: Roles.
        rules: Rules.
        forms: dict of column -> [form, forms that fit], of other rows; those that are
            not in it are found.
        watched: see Column.

    Attributes:
        columns: dict of name -> Column.
        labels: Labels.
        equal: names of inputs that are equal to the label in every row.
    """

    def __init__(self, roles, rules, forms, watched=True):
        markers = Markers(rules.missing)
        numeric = (roles.time, roles.weight)
        self.columns = {
            name: Column(
                name,
                markers,
                rules.decimal,
                "numeric" if name in numeric else rules.keys.get(name, ""),
                *forms.get(name, (None, None)),
                watched=watched,
            )
            for name in roles.typed
        }
        self.labels = Labels(roles.label, markers, rules.drop_unlabelled)
        self.equal = set(roles.inputs)

    def state(self):
        """Plain data, for `join`."""
        return {
            "columns": {name: one.state() for name, one in self.columns.items()},
            "labels": self.labels.state(),
            "equal": sorted(self.equal),
        }

    def join(self, state, file, first):
        """Take in what the rows of a next part have shown, see Column.join."""
        for name, one in state["columns"].items():
            self.columns[name].join(one, file, first)
        self.labels.join(state["labels"], file, first)
        self.equal &= set(state["equal"])


def typed_piece(table, span, roles, rules, forms, watched, most_bad, out, read):
    """Read a part of a file, and write its typed columns to OUT.arrow.

    Args:
        table: plain data of a TableFile.
        span: the part, see ranges.py.
        roles, rules: fields of Roles and Rules.
        forms, watched: see Seen.
        most_bad: rows that cannot be read and are let through.
        out: path without its suffix.
        read: not called, the part is small or cannot be cut.

    Returns:
        plain data: "rows", "bad" (fields of Fault), "broken" and "seen"; or "other", a
        column and the form as which it must be read; or "undivided".
    """
    roles, rules, bad = Roles(**roles), Rules(**rules), []
    one, seen = TableFile.of_plain(**table), Seen(roles, rules, forms, watched)
    dividing = Dividing(roles.split, roles.group)
    file, first = scratch.ScratchFile(f"{out}.arrow"), 0
    wanted = list(dict.fromkeys(roles.needed))
    try:
        for arrays in one.arrays(wanted, bad, most_bad, span):
            columns = dict(zip(wanted, arrays, strict=True))
            file.append(typed(columns, first, one, roles, seen, dividing))
            first += len(arrays[0])
    except OtherForm as other:
        return {"other": [other.name, other.form]}
    except ValueError as error:
        # only who reads the file from its beginning can tell the line
        if span is None and not isinstance(error, Undivided):
            raise
        return {"undivided": str(error)}
    finally:
        file.close()
    bad = [[str(part) for part in fault] for fault in bad]
    return {"rows": first, "bad": bad, "broken": one.broken, "seen": seen.state()}


def typed(cells, first, one, roles, seen, dividing):
    """Some rows, those without a label left out.

    Args:
        cells: dict of name -> pyarrow.Array of strings [N].
        first: int, the number of the first row.
        one: TableFile that they are of.
        roles: Roles.
        seen: Seen.
        dividing: Dividing.

    Returns:
        dict of name -> array [n].
    """
    import pyarrow as pa

    labels, kept = seen.labels.add(cells[roles.label], one.file, first)
    rows = np.arange(first, first + len(labels))
    if not kept.all():
        chosen = pa.array(kept)
        cells = {name: array.filter(chosen) for name, array in cells.items()}
        labels, rows = labels.filter(chosen), rows[kept]
    for name in list(seen.equal):
        if not same(cells[name], labels):
            seen.equal.discard(name)
    values = {
        name: column.add(cells[name], one.file, rows)
        for name, column in seen.columns.items()
    }
    inputs = [values[name] for name in roles.inputs]
    found = {COLUMN.format(n): array for n, array in enumerate(inputs)}
    divided = dividing.fields(cells, lambda row: one.place(int(rows[row])))
    found[LABEL] = labels
    found[KEYS] = divided["keys"] if roles.group else row_keys(inputs)
    if roles.split:
        found[SPLIT] = divided["split"]
    if roles.time:
        found[TIME] = values[roles.time]
    if roles.weight:
        found[WEIGHT] = values[roles.weight]
    return found


def same(cells, labels):
    """True if cells are the labels of their rows."""
    import pyarrow.compute as pc

    if cells.null_count or not len(cells):
        return not len(cells)
    # the first row alone tells it of nearly every column
    few = min(len(cells), 8)
    for size in (few, len(cells)):
        plain = trimmed(cells.slice(0, size))
        plain = pc.replace_substring_regex(plain, WHOLE, r"\1")
        if not pc.all(pc.equal(plain, labels.slice(0, size))).as_py():
            return False
    return True
