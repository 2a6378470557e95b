"""Files of rows -> typed columns in scratch files, in one pass."""

from typing import NamedTuple

import numpy as np

from phistar.components.data.cells import scratch
from phistar.components.data.cells.column import Column, OtherForm
from phistar.components.data.cells.forms import WORDS
from phistar.components.data.cells.keys import row_keys, words
from phistar.components.data.cells.labels import WHOLE, Labels
from phistar.components.data.cells.missing import trimmed
from phistar.components.data.cells.refusals import require_one_form
from phistar.components.data.files.found import SPLITS

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


class Rules(NamedTuple):
    """Rules by which cells are read.

    Args:
        markers: Markers.
        keys: dict of column -> "numeric" or "categorical".
        decimal: "." or ",".
        dialect: dict, the options of TableFiles that the user has told.
        drop_unlabelled: True to leave out rows without a label.
    """

    markers: object
    keys: dict
    decimal: str
    dialect: dict
    drop_unlabelled: bool


class Typed:
    """Typed columns of all files.

    Args:
        files: dict of split, or "all" -> TableFiles.
        roles: Roles.
        rules: Rules.
        folder: Path for the scratch files, one for each split.
        owner: object that removes the folder once nobody needs it.

    Attributes:
        columns: list of Column, of the inputs.
        labels: Labels.
        equal: names of inputs that are equal to the label in every row.

    Raises:
        ValueError: a mistake in the files, with its place.
    """

    def __init__(self, files, roles, rules, folder, owner=None):
        self.files, self.roles, self.rules = files, roles, rules
        self.folder, self.owner = folder, owner
        forms = {}
        while True:
            try:
                self._pass(forms)
                self._require()
                return
            except OtherForm as other:  # read again, as seldom as a form changes
                forms[other.name] = other.form

    def _pass(self, forms):
        """Read all files."""
        roles, rules = self.roles, self.rules
        numeric = [name for name in (roles.time, roles.weight) if name]
        every = [*roles.inputs, *numeric]
        made = {
            name: Column(
                name,
                rules.markers,
                rules.decimal,
                "numeric" if name in numeric else rules.keys.get(name, ""),
                forms.get(name),
            )
            for name in every
        }
        self.columns = [made[name] for name in roles.inputs]
        self.time, self.weight = made.get(roles.time), made.get(roles.weight)
        self.labels = Labels(roles.label, rules.markers, rules.drop_unlabelled)
        self.equal = set(roles.inputs)
        for split, files in self.files.items():
            file = scratch.ScratchFile(self.folder / scratch.FILE.format(split))
            try:
                for batch in files.batches(roles.needed):
                    file.append(self._typed(batch, split, made))
            finally:
                file.close()

    def _typed(self, batch, split, made):
        """One piece, rows without a label left out.  -> dict of name -> array"""
        import pyarrow as pa

        roles = self.roles
        labels, kept = self.labels.add(
            batch.columns[roles.label], batch.file, batch.first
        )
        rows = np.arange(batch.first, batch.first + len(labels))
        cells, labelled = batch.columns, labels
        if not kept.all():
            chosen = pa.array(kept)
            cells = {name: one.filter(chosen) for name, one in cells.items()}
            labelled, rows = labels.filter(chosen), rows[kept]
        for name in list(self.equal):
            if not same(cells[name], labelled):
                self.equal.discard(name)
        decimal, values = self._decimal(batch.file, split), {}
        for name, column in made.items():
            column.decimal = decimal
            values[name] = column.add(cells[name], batch.file, rows)
        inputs = [values[name] for name in roles.inputs]
        found = {COLUMN.format(n): one for n, one in enumerate(inputs)}
        found[LABEL] = labelled
        found[KEYS] = row_keys(inputs)
        if roles.group:
            found[KEYS] = self._groups(cells[roles.group], batch.file, rows)
        if roles.split:
            found[SPLIT] = self._splits(cells[roles.split], batch.file, rows)
        if roles.time:
            found[TIME] = values[roles.time]
        if roles.weight:
            found[WEIGHT] = values[roles.weight]
        return found

    def _decimal(self, file, split):
        """The decimal mark of a file: each has its own, unless the user has told it."""
        found = self.files[split].dialects.get(file)
        if found is None:
            return "."  # JSON and typed files know no other
        told = "decimal" in self.rules.dialect or found.decimal is None
        return self.rules.decimal if told else found.decimal

    def _groups(self, cells, file, rows):
        """Keys of the groups.  -> uint64 [N]"""
        import pyarrow.compute as pc

        names = pc.fill_null(trimmed(cells), "")
        if (missing := pc.index(names, "").as_py()) >= 0:
            place = self.place(file, int(rows[missing]))
            raise ValueError(
                f"{place}: a row without a group. Received: '' in the column "
                f"{self.roles.group!r} (ingest.group). Expected a name or a number: a "
                "row that is a group of its own needs one too."
            )
        return words(names)

    def _splits(self, cells, file, rows):
        """Our names of the splits.  -> pyarrow.Array of strings [N]"""
        import pyarrow as pa
        import pyarrow.compute as pc

        names = pc.utf8_lower(pc.fill_null(trimmed(cells), ""))
        place = pc.index_in(names, pa.array(list(SPLITS)))
        if place.null_count:
            row = pc.index(place.is_null(), True).as_py()
            raise ValueError(
                f"{self.place(file, int(rows[row]))}: no such split. Received: "
                f"{cells[row].as_py()!r} in the column {self.roles.split!r} "
                f"(ingest.split). Expected one of {', '.join(SPLITS)}."
            )
        return pa.array(list(SPLITS.values())).take(place)

    def place(self, file, row):
        """Place of a row: "FILE:LINE"."""
        owner = next(table for table in self.files.values() if file in table.opened)
        return owner.place(file, row)

    def _require(self):
        """Refuse what would change the meaning of the data."""
        self.labels.require(self.place)
        separators = {
            found.separator
            for table in self.files.values()
            for found in table.dialects.values()
        }
        told = "decimal" in self.rules.dialect
        further = [column for column in (self.time, self.weight) if column]
        for column in [*self.columns, *further]:
            require_one_form(column, self.place, told, separators)
            if column.num_wrong and column.form != WORDS:
                raise OtherForm(column.name, WORDS)
        if self.time and self.time.missing:
            mark, (_, file, row) = next(iter(self.time.marks.items()))
            raise ValueError(
                f"{self.place(file, row)}: a row without a time. Received: {mark!r} in "
                f"the column {self.time.name!r} (ingest.time). Expected a date, a time "
                "or a number in every row."
            )
        if self.weight and (self.weight.missing or self.weight.low < 0):
            first = f"the least is {self.weight.low:g}"
            if self.weight.missing:
                mark, (_, file, row) = next(iter(self.weight.marks.items()))
                first = f"{mark!r} in {self.place(file, row)}"
            raise ValueError(
                f"a weight that is none. Received: {first}, in the column "
                f"{self.weight.name!r} (ingest.weight). Expected a number from 0 on in "
                "every row."
            )
        for name in sorted(self.equal - self.rules.keys.keys()):
            raise ValueError(
                f"the column {name!r} is equal to the label in every row. Received: a "
                "copy of the answer, which is not there for new rows. Expected none: "
                f"leave it out with ingest.ignore=[{name!r}], or name it in "
                "ingest.categorical or ingest.numeric if it is meant."
            )

    def tell(self, counts):
        """Count what was dropped or changed.

        Args:
            counts: Counter of notices.
        """
        for column in self.columns:
            for mark, (count, file, row) in column.marks.items():
                if mark.strip():
                    what = f"cells {mark!r} of {column.name!r} taken as missing"
                    counts.add(what, self.place(file, row), count)
            if column.form not in ("number", WORDS):
                counts.add(f"columns taken as {column.meaning}", column.name)
            if column.constant:
                counts.add("columns that are the same in every row", column.name)
            if column.identifier:
                what = "columns that number or name the rows, and tell nothing of new"
                counts.add(f"{what} ones", column.name)
        for name in self.equal & self.rules.keys.keys():
            counts.add("columns that are equal to the label in every row", name)
        self.labels.tell(self.place, counts)
        for table in self.files.values():
            for fault in table.bad:
                what = "rows that cannot be read left out, see bad_rows.csv"
                counts.add(what, f"{fault.file}:{fault.line}")

    def reading(self):
        """Rules by which cells are read, for `phistar predict`.  -> plain data"""
        return {
            "forms": {column.name: column.form for column in self.columns},
            "named": [c.name for c in self.columns if c.key == "categorical"],
            "missing": list(self.rules.markers.given),
            "decimal": self.rules.decimal,
            "dialect": self.rules.dialect,
        }

    def rows(self, split):
        """The rows of a split, in pieces.  -> iterator of Rows"""
        from phistar.components.data.sources.base import Rows

        for piece in scratch.batches(self.folder / scratch.FILE.format(split)):
            inputs = {}
            for number, column in enumerate(self.columns):
                values = piece[COLUMN.format(number)]
                words = column.form == WORDS
                inputs[column.name] = (
                    scratch.numpy_strings(values) if words else values.to_numpy()
                )
            optional = {}
            if self.roles.split:
                optional["split"] = scratch.numpy_strings(piece[SPLIT])
            if self.roles.time:
                optional["time"] = piece[TIME].to_numpy()
            if self.roles.weight:
                optional["weights"] = piece[WEIGHT].to_numpy()
            labels = scratch.numpy_strings(piece[LABEL])
            yield Rows(inputs, labels, keys=piece[KEYS].to_numpy(), **optional)


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
