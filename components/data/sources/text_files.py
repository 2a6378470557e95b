"""Own files of texts or pairs, part by part: what `text` and `parallel` share."""

from functools import partial

from phistar.components import progress
from phistar.components.data.files import bad_rows
from phistar.components.data.files.columns import TextColumns
from phistar.components.data.files.slow import Fault
from phistar.components.data.files.table_file import require_few
from phistar.components.data.kept import Piece, Scratch
from phistar.components.data.sources.base import Chunks
from phistar.components.data.sources.text_parts import row_parts
from phistar.components.data.sources.text_pieces import chained, rows_piece

MEGABYTE = 10**6


class TextRows:
    """The rows of own files, read once into scratch files.

    Args:
        function: of text_pieces.py.
        plan: function of a list of paths, of files that must not be divided -> list of
            Part, in the order of the rows.
        splits: names of the parts that are given.
        notices: of the source.
        tables: dict of split -> TextColumns, or {}.
    """

    def __init__(self, function, plan, splits, notices, tables=None):
        self.function, self.plan, self.splits = function, plan, splits
        self.notices, self.tables, self.scratch = notices, tables or {}, []

    @classmethod
    def of_tables(cls, given, columns, dividing, options, notices):
        """The rows of tables.

        Args:
            given: dict of split, or "all" -> files/parts.py's Part.
            columns: key of the section `ingest` -> name of a column, the label's last.
            dividing: Dividing.
            options: keys of TableFiles.
            notices: of the source.
        """
        tables = {
            split: TextColumns(part, columns, dividing, options)
            for split, part in given.items()
        }
        made = partial(row_parts, tables)
        return cls(rows_piece, made, given, notices, tables)

    def require_columns(self):
        """Refuse a column that the files lack."""
        for one in self.tables.values():
            one.require()

    def prepare(self, scratch):
        """Keep the rows in a Scratch."""
        self.scratch.append(scratch)

    def read(self):
        """The rows of each part.  -> dict of split, or "all" -> Chunks"""
        scratch = self.scratch[-1] if self.scratch else Scratch()
        kept = scratch.kept("rows")
        whole = kept.notes() or []
        while (found := self._pass(kept, whole)) is None:
            kept.note(whole)
        for split in self.tables:
            name = bad_rows.NAME.format("" if split == "all" else f"_{split}")
            bad_rows.write(self.tables[split].table.bad, scratch.folder / name)
        return {
            split: Chunks(partial(chained, paths, kept))
            for split, paths in found.items()
        }

    def _pass(self, kept, whole):
        """Read all parts; None if a file turns out to be one part.

        Args:
            kept: Kept.
            whole: list of paths, to which such a file is added.

        Returns:
            dict of split -> list of paths of scratch files.
        """
        parts = self.plan(whole)
        counts = {split: self.notices.begin(split) for split in self.splits}
        for one in self.tables.values():
            one.table.bad = []
        pieces = [
            Piece(f"{number:06}", part.size, part.request)
            for number, part in enumerate(parts)
        ]
        paths, place, before = {split: [] for split in self.splits}, 0, None

        def others(first):
            form = {"form": first["form"]} if first.get("form") else {}
            return [one._replace(request=one.request | form) for one in pieces[1:]]

        made = kept.map(self.function, pieces[0], others, self._bar(parts))
        for part, piece, result in zip(parts, pieces, made, strict=True):
            if "undivided" in result:
                made.close()
                whole.append(str(part.table.file))
                return None
            place = place if part.table is before else 0
            self._note(part, result, place, counts[part.split])
            place, before = place + result.get("rows", 0), part.table
            paths[part.split].append(f"{kept.path(piece)}.arrow")
        return paths

    def _bar(self, parts):
        """The function that counts bytes."""
        total, done = sum(part.size for part in parts), 0
        count = progress.counter("MB", total // MEGABYTE)

        def read(more):
            nonlocal done
            count((done + more) // MEGABYTE - done // MEGABYTE)
            done += more

        return read

    def _note(self, part, result, place, counts):
        """Take in the notices of a part.

        Args:
            part: Part.
            result: of it.
            place: int, the row of its file where it begins.
            counts: Counter of its split.
        """
        name = str if part.table is None else place_of(part.table, place)
        counts.join(result["noted"], name)
        if part.table is None:
            return
        part.table.broken = part.table.broken or result["broken"]
        table = self.tables[part.split].table
        found = [Fault(file, int(n), *more) for file, n, *more in result["bad"]]
        table.bad += found
        bad_rows.tell(found, counts)
        require_few(table.bad, table.max_bad_rows)


def place_of(table, first):
    """The function of the number of a row behind the `first` one -> its place."""
    return lambda row: table.place(first + int(row))
