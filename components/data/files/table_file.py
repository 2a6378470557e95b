"""One file of rows in any format, as columns of strings, some rows at a time."""

from dataclasses import asdict
from functools import lru_cache
from itertools import count, islice
from pathlib import Path

from phistar.components.data.files import csv_files, json_files, slow, streams
from phistar.components.data.files import typed_files as typed
from phistar.components.data.files.dialect import Dialect, dialect
from phistar.components.data.files.lines import lines
from phistar.components.data.files.slow import Fault
from phistar.components.digests import state

BATCH_ROWS = 2**15
MOST_COLUMNS = 100_000  # reading one takes some 50 microseconds in each pass
MOST_FAULTS = 1000  # that are looked for before a file is refused
WORDS = {"json": "JSON lines", "parquet": "Parquet", "feather": "Feather"}


class Undivided(ValueError):
    """A part of a file that cannot be read without what stands before it."""


class TableFile:
    """A file of rows.

    Args:
        file: Path.
        kind: "csv", "json", "parquet" or "feather".
        dialect: Dialect, of a file of cells; else None.
        header: names of the columns, as they stand there.

    Attributes:
        sound: True once pyarrow has read a file of cells to its end.
        broken: True if it cannot.
    """

    def __init__(self, file, kind, dialect, header):
        self.file, self.kind = Path(file), kind
        self.dialect, self.header = dialect, header
        self.sound = self.broken = False

    @classmethod
    def open(cls, file, options):
        """Look at a file.

        Args:
            file: Path.
            options: separator, quote, encoding and decimal, see `dialect`.

        Raises:
            ValueError: a file of another kind, or without a header.
        """
        kind = streams.kind(file, streams.head(file, 2**16))
        found = dialect(file, *options) if kind == "csv" else None
        names = header(file, kind, found)
        require_columns(file, len(names))
        return cls(file, kind, found, names)

    def plain(self):
        """Plain data, from which `of_plain` makes the same."""
        found = None if self.dialect is None else asdict(self.dialect)
        return {
            "file": str(self.file),
            "kind": self.kind,
            "dialect": found,
            "header": self.header,
        }

    @classmethod
    def of_plain(cls, file, kind, dialect, header):
        """The file of plain data."""
        return cls(file, kind, dialect and Dialect(**dialect), header)

    def __str__(self):
        return WORDS.get(self.kind) or str(self.dialect)

    def arrays(self, wanted, bad, most_bad, span=None):
        """Pieces of the file.

        Args:
            wanted: names of the columns.
            bad: list of Fault, to which the rows that cannot be read are added.
            most_bad: int, how many there may be.
            span: part of the file to read alone, see ranges.py; None for all.

        Returns:
            iterator of list of pyarrow.Array of strings [N], in the order of `wanted`.

        Raises:
            Undivided: a part of a file of cells with a mistake.
            ValueError: a row that cannot be read, with its line.
        """
        match self.kind:
            case "parquet":
                return typed.of_typed(
                    typed.parquet_batches(self.file, wanted, span), self.file
                )
            case "feather":
                return typed.of_typed(
                    typed.feather_batches(self.file, wanted), self.file
                )
            case "json":
                return json_files.json_arrays(self.file, wanted, span)
        if span is not None:
            return self._part(wanted, span)
        return self._cells(wanted, bad, most_bad)

    def _part(self, wanted, span):
        """Pieces of a part of a file of cells."""
        import pyarrow as pa

        try:
            yield from csv_files.csv_arrays(
                self.file, self.dialect, self.header, wanted, span=span
            )
        except (pa.ArrowInvalid, UnicodeError) as error:
            raise Undivided(str(error)) from error

    def _cells(self, wanted, bad, most_bad):
        """Pieces of a file of cells; Python reads on where pyarrow cannot."""
        import pyarrow as pa

        known, done = (self.file, self.dialect, self.header), 0
        if most_bad and not (self.sound or self.broken):
            self._survey(bad, most_bad)  # else bad rows might already be given away
        if not self.broken:
            try:
                for arrays in csv_files.csv_arrays(*known, wanted, self.sound):
                    done += len(arrays[0])
                    yield arrays
                self.sound = True
                return
            except (pa.ArrowInvalid, UnicodeError):
                self._require_few(bad, most_bad)
                self.broken = True
        places = [self.header.index(name) for name in wanted]
        rows = self._good(bad, most_bad)
        for _ in islice(rows, done):
            pass
        while piece := list(islice(rows, BATCH_ROWS)):
            yield [pa.array([row[place] for _, row in piece]) for place in places]

    def _survey(self, bad, most_bad):
        """Note whether pyarrow can read a file of cells."""
        import pyarrow as pa

        known = self.file, self.dialect, self.header
        try:
            for _ in csv_files.csv_arrays(*known, self.header):
                pass
            self.sound = True
        except (pa.ArrowInvalid, UnicodeError):
            self._require_few(bad, most_bad)
            self.broken = True

    def _good(self, bad, most_bad):
        """The rows of a file without those that cannot be read, which are noted."""
        every = slow.rows(self.file, self.dialect, self.header)
        for line, row in islice(every, 1, None):  # behind the header
            if not isinstance(row, Fault):
                yield line, row
                continue
            bad.append(row)
            require_few(bad, most_bad)

    def _require_few(self, bad, most_bad):
        """Refuse a file with more faults than may be."""
        found = list(islice(slow.faults(self.file, self.dialect), MOST_FAULTS))
        require_few(bad + found, most_bad)

    def lines(self):
        """The line of each row, or its number in a file without lines.

        Returns:
            ("line" or "row", iterator of int).
        """
        match self.kind:
            case "json":
                numbered = json_files.json_lines(self.file)
                return "line", (number for number, line in numbered if line)
            case "csv":
                return "line", lines(self.file, self.dialect, self.header, self.broken)
        return "row", count()

    def place(self, row):
        """Place of a row, for errors: "FILE:LINE", or "FILE: row N" without lines."""
        what, every = self.lines()
        number = next(islice(every, row, None), row)
        return (
            f"{self.file}:{number}" if what == "line" else f"{self.file}: row {number}"
        )


def header(file, kind, found):
    """Names of the columns of a file, as they stand there.

    Args:
        file: Path.
        kind: of the file.
        found: Dialect, or None.

    Returns:
        list of str.
    """
    match kind:
        case "parquet":
            return typed.schema(file, typed.parquet(file).schema_arrow)
        case "feather":
            with typed.feather(file) as (of_file, _):
                return typed.schema(file, of_file)
        case "json":
            return list(json_names(file, state(file)))
    _, names = next(slow.rows(file, found), (0, []))
    if isinstance(names, Fault):
        raise ValueError(str(names))
    if not names:
        raise ValueError(
            f"{file} is empty. Received: no header. Expected a file of rows with "
            "the names of the columns in the first line."
        )
    checked = slow.checked(file, 1, names, names, False, found)
    if isinstance(checked, Fault):
        raise ValueError(str(checked._replace(column="")))
    return names


@lru_cache(maxsize=64)  # the whole file is read for them
def json_names(file, now):
    """Names in any object of a file of JSON lines; `now` is its `state`."""
    found = {}
    for row in json_files.objects(file):
        found |= dict.fromkeys(row)
        require_columns(file, len(found))
    return tuple(found)


def require_columns(file, count):
    """Refuse a file with so many columns that it is none of rows.

    Raises:
        ValueError: it has.
    """
    if count > MOST_COLUMNS:
        raise ValueError(
            f"{file} has too many columns. Received: {count:,} or more. Expected at "
            f"most {MOST_COLUMNS:,}, and a row for each example: are its rows and "
            "columns exchanged?"
        )


def require_few(faults, most):
    """Refuse more rows that cannot be read than may be.

    Args:
        faults: list of Fault.
        most: int.

    Raises:
        ValueError: with the first ones.
    """
    if len(faults) <= most:
        return
    first, *others = faults
    more = ""
    if others:
        places = ", ".join(f"{one.file}:{one.line}" for one in others[:4])
        many = f"{MOST_FAULTS} or more" if len(faults) >= MOST_FAULTS else len(faults)
        more = f" There are {many} such rows; the next: {places}."
    raise ValueError(
        f"{first}{more} ingest.max_bad_rows=N lets N such rows be left out"
        + (f"; it is {most}." if most else ".")
    )
