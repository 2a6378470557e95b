"""The first rows of a table, as ingest would read them."""

from collections import Counter
from pathlib import Path

from phistar.pipeline.init.encoding import encoding_line

HEAD_ROWS = 10**5  # that are looked at
HEAD_LETTERS = 2**26  # of texts, which may be long
PART = 2**12  # rows at a time
LONG = 60  # letters of a cell, from which words are a text


class Looked:
    """The first rows of a table.

    Args:
        files: list of Path, of the same columns.

    Attributes:
        table: TableFiles.
        columns: name -> Column.
        cells: name -> Counter of its cells, trimmed.
        seen: rows that were looked at.
        rows: about the rows of all files.
        further: lines of ingest that tell how the files are read.

    Raises:
        ValueError: no table, or one that cannot be read.
    """

    def __init__(self, files: list[Path]):
        from phistar.components.data.files.tables import TableFiles

        line = encoding_line(files)
        self.further = [line] if line else []
        self.table = TableFiles(files, encoding=line.value if line else None)
        self.seen, self.forms = 0, {}
        while not self._read():
            pass
        self.rows = self.seen if self.whole else self._estimated(files)

    def _read(self) -> bool:
        """Read the first rows; False if a column must be read in another form."""
        import numpy as np

        from phistar.components.data.cells.column import Column, OtherForm
        from phistar.components.data.cells.missing import Markers, trimmed

        names, decimal = self.table.names, self.table.decimal
        self.columns = {
            name: Column(name, Markers(), decimal, form=self.forms.get(name))
            for name in names
        }
        self.cells = {name: Counter() for name in names}
        self.seen, self.letters, self.whole = 0, 0, True
        try:
            for batch in self.table.batches():
                total = len(next(iter(batch.columns.values())))
                for start in range(0, total, PART):
                    number = min(PART, total - start)
                    numbers = np.arange(number) + batch.first + start
                    for name, every in batch.columns.items():
                        cells = every.slice(start, number)
                        self.columns[name].add(cells, batch.file, numbers)
                        for one in trimmed(cells).value_counts().to_pylist():
                            word = one["values"] or ""
                            self.cells[name][word] += one["counts"]
                            self.letters += (len(word) + 1) * one["counts"]
                    self.seen += number
                    if self.seen >= HEAD_ROWS or self.letters >= HEAD_LETTERS:
                        self.whole = False
                        return True
        except OtherForm as other:
            self.forms[other.name] = other.form
            return False
        return True

    def _estimated(self, files: list[Path]) -> int:
        """About the rows of all files, by the bytes of the first ones."""
        if counted := self._counted(files):
            return counted
        return round(self.seen * sum(f.stat().st_size for f in files) / self.letters)

    def _counted(self, files: list[Path]) -> int:
        """The rows that Parquet files tell; 0 if one tells none."""
        from phistar.components.data.files.typed_files import parquet

        if {one.kind for one in self.table.opened.values()} != {"parquet"}:
            return 0
        return sum(parquet(file).metadata.num_rows for file in files)

    def length(self, name: str) -> float:
        """Mean length of the cells of a column, letters."""
        total = sum(len(cell) * count for cell, count in self.cells[name].items())
        return total / self.seen

    def texts(self) -> list[str]:
        """Columns of long words."""
        return [
            name
            for name, column in self.columns.items()
            if column.form == "words" and self.length(name) > LONG
        ]
