"""Files of rows -> typed columns in scratch files, in one pass, part by part."""

from phistar.components import progress
from phistar.components.data import scratch
from phistar.components.data.cells.column import OtherForm
from phistar.components.data.cells.forms import WORDS
from phistar.components.data.cells.piece import (
    COLUMN,
    KEYS,
    LABEL,
    SPLIT,
    TIME,
    WEIGHT,
    Seen,
    typed_piece,
)
from phistar.components.data.cells.refusals import require_meaning
from phistar.components.data.files import bad_rows
from phistar.components.data.files.ranges import table_parts
from phistar.components.data.files.slow import Fault
from phistar.components.data.files.table_file import require_few
from phistar.components.data.kept import Piece

MEGABYTE = 10**6


class OneFile(Exception):
    """A file must be read as a whole: what a part of it holds depends on the others."""


class Typed:
    """Typed columns of all files.

    Args:
        files: dict of split, or "all" -> TableFiles.
        roles: Roles.
        rules: Rules.
        kept: Kept, for the scratch files of each part.

    Attributes:
        seen: Seen, of all rows.
        columns: list of Column, of the inputs.

    Raises:
        ValueError: a mistake in the files, with its place.
    """

    def __init__(self, files, roles, rules, kept):
        self.files, self.roles, self.rules, self.kept = files, roles, rules, kept
        # a pass that must be read again is begun anew with what it has told
        notes = kept.notes() or {"forms": {}, "whole": []}
        while True:
            try:
                self._pass(notes["forms"], notes["whole"])
                self._require()
                return
            except OtherForm as other:  # as seldom as a form changes
                notes["forms"][other.name] = [other.form, [other.form]]
            except OneFile as one:
                notes["whole"].append(str(one))
            kept.note(notes)

    def _pass(self, forms, whole):
        """Read all files.

        Args:
            forms: see Seen.
            whole: paths of files that are not divided.
        """
        self.parts = [
            (split, one, span)
            for split, files in self.files.items()
            for one in files.opened.values()
            for span in ([None] if str(one.file) in whole else table_parts(one))
        ]
        first, *others = range(len(self.parts))

        def rest(result):
            """The other parts, which begin with the forms that the first one has."""
            known = dict(forms)
            for name, one in result.get("seen", {}).get("columns", {}).items():
                if one["form"] is not None:
                    known[name] = [one["form"], one["fits"]]
            return [self._piece(number, known) for number in others]

        self.seen = Seen(self.roles, self.rules, {})
        place, before = 0, None
        self.rows_of = dict.fromkeys(self.files, 0)
        for files in self.files.values():
            files.bad = []
        sizes = [self._size(one, span) for _, one, span in self.parts]
        count, done = progress.counter("MB", sum(sizes) // MEGABYTE), 0
        made = self.kept.map(typed_piece, self._piece(first, forms), rest)
        for number, result in enumerate(made):
            split, one, _ = self.parts[number]
            place = place if one is before else 0  # the row where the part begins
            try:
                self._join(result, split, one, place)
            except (OtherForm, OneFile):
                made.close()
                raise
            place, before = place + result["rows"], one
            count((done + sizes[number]) // MEGABYTE - done // MEGABYTE)
            done += sizes[number]
        for split, files in self.files.items():
            files.require_rows(self.rows_of[split])

    def _join(self, result, split, one, place):
        """Take in the result of a part.

        Raises:
            OtherForm, OneFile: all must be read again.
        """
        if "other" in result:
            raise OtherForm(*result["other"])
        if "undivided" in result:
            raise OneFile(str(one.file))
        files = self.files[split]
        decimal = self._decimal(one)
        for column in self.seen.columns.values():
            column.decimal = decimal
        self.seen.join(result["seen"], one.file, place)
        self.rows_of[split] += result["rows"]
        one.broken = one.broken or result["broken"]
        faults = (Fault(one.file, int(line), *more) for _, line, *more in result["bad"])
        files.bad += faults
        require_few(files.bad, files.max_bad_rows)

    def _piece(self, number, forms):
        """The Piece of a part."""
        split, one, span = self.parts[number]
        request = {
            "table": one.plain(),
            "span": span,
            "roles": self.roles._asdict(),
            "rules": self.rules._asdict() | {"decimal": self._decimal(one)},
            "forms": forms,
            "watched": not number,
            "most_bad": self.files[split].max_bad_rows,
        }
        return Piece(f"{number:06}", self._size(one, span), request)

    def _size(self, one, span):
        """Bytes of a part, about."""
        size = one.file.stat().st_size
        if span is None:
            return size
        if one.kind != "parquet":
            return span[1] - span[0]
        ends = [s[1] for _, other, s in self.parts if other is one]
        return size * (span[1] - span[0]) // ends[-1]

    def _decimal(self, one):
        """The decimal mark of a file: each has its own, unless the user has told it."""
        if one.dialect is None:
            return "."  # JSON and typed files know no other
        told = "decimal" in self.rules.dialect or one.dialect.decimal is None
        return self.rules.decimal if told else one.dialect.decimal

    @property
    def columns(self):
        """The columns of the inputs.  -> list of Column"""
        return [self.seen.columns[name] for name in self.roles.inputs]

    def place(self, file, row):
        """Place of a row: "FILE:LINE"."""
        owner = next(table for table in self.files.values() if file in table.opened)
        return owner.place(file, row)

    def _require(self):
        """Refuse what would change the meaning of the data."""
        separators = {
            found.separator
            for table in self.files.values()
            for found in table.dialects.values()
        }
        require_meaning(self.seen, self.roles, self.rules, self.place, separators)
        for column in self.seen.columns.values():
            if column.num_wrong and column.form != WORDS:
                raise OtherForm(column.name, WORDS)

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
        for name in self.seen.equal & self.rules.keys.keys():
            counts.add("columns that are equal to the label in every row", name)
        self.seen.labels.tell(self.place, counts)
        for table in self.files.values():
            bad_rows.tell(table.bad, counts)

    def reading(self):
        """Rules by which cells are read, for `phistar predict`.  -> plain data"""
        return {
            "forms": {column.name: column.form for column in self.columns},
            "named": [c.name for c in self.columns if c.key == "categorical"],
            "missing": list(self.rules.missing),
            "decimal": self.rules.decimal,
            "dialect": self.rules.dialect,
        }

    def rows(self, split):
        """The rows of a split, in pieces.  -> iterator of Rows"""
        for number, part in enumerate(self.parts):
            if part[0] == split:
                path = self.kept.folder / f"{number:06}.arrow"
                yield from map(self._rows, scratch.batches(path))

    def _rows(self, piece):
        """A piece of a scratch file.  dict of name -> pyarrow.Array -> Rows"""
        from phistar.components.data.sources.base import Rows

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
        return Rows(inputs, labels, keys=piece[KEYS].to_numpy(), **optional)
