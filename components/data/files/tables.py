"""Files of rows in any format, as columns of strings, some rows at a time.

CSV in any dialect, JSON lines, Parquet and Feather; gzip, zstd and bzip2. pyarrow reads
them. Only a file with a mistake is read by Python too, to find its line.
"""

import json
import sys
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from phistar.components.data.files import slow, streams
from phistar.components.data.files.dialect import dialect
from phistar.components.data.files.lines import lines
from phistar.components.data.files.slow import Fault

BLOCK_BYTES = 2**22  # of text that is parsed at a time
BATCH_ROWS = 2**15
MOST_FAULTS = 1000  # that are looked for before a file is refused
SHOWN = 30  # names that an error lists


class Batch(NamedTuple):
    """Rows that stand one behind the other in a file.

    Args:
        file: Path.
        first: int, number of the first row in its file, from 0.
        columns: dict of name -> pyarrow.Array of strings [N], null where the file
            itself has null.
    """

    file: Path
    first: int
    columns: dict


class TableFiles:
    """Files that have the same columns.

    Args:
        files: list of Path.
        separator, quote, encoding, decimal: of files of cells, see Dialect; None for
            what each file itself tells.
        max_bad_rows: int, rows that cannot be read and are let through.

    Attributes:
        files: list of Path.
        kinds: file -> "csv", "json", "parquet" or "feather".
        dialects: file -> Dialect, of files of cells.
        bad: list of Fault, the rows that the last pass has let through.

    Raises:
        ValueError: a file of another kind, without a header, or with other columns.
    """

    def __init__(
        self,
        files,
        separator=None,
        quote=None,
        encoding=None,
        decimal=None,
        max_bad_rows=0,
    ):
        self.files, self.max_bad_rows, self.bad = list(files), max_bad_rows, []
        self.kinds, self.dialects, self.headers = {}, {}, {}
        self.sound, self.broken = set(), set()  # files that pyarrow reads, and not
        for file in self.files:
            self.kinds[file] = streams.kind(file, streams.head(file, 2**16))
            if self.kinds[file] == "csv":
                options = separator, quote, encoding, decimal
                self.dialects[file] = dialect(file, *options)
            self.headers[file] = self._header(file)
        self.names = self.headers[self.files[0]]
        for file in self.files[1:]:
            if sorted(self.headers[file]) != sorted(self.names):
                raise ValueError(
                    f"files with other columns. Received: {file} with "
                    f"{shortened(self.headers[file])}. Expected those of "
                    f"{self.files[0]}: {shortened(self.names)}."
                )

    @property
    def decimal(self):
        """The decimal mark of numbers in the files; None if nothing tells it."""
        marks = {found.decimal for found in self.dialects.values()}
        if not self.dialects:
            return "."  # JSON and typed files know no other
        return "," if "," in marks else "." if "." in marks else None

    def formats(self):
        """Format of each file in words.  -> dict of words -> list of Path."""
        found = {}
        for file in self.files:
            words = {
                "json": "JSON lines",
                "parquet": "Parquet",
                "feather": "Feather",
            }.get(self.kinds[file])
            found.setdefault(words or str(self.dialects[file]), []).append(file)
        return found

    def _header(self, file):
        """Names of the columns of a file, as they stand there.  -> list of str."""
        match self.kinds[file]:
            case "parquet":
                return schema(file, parquet(file).schema_arrow)
            case "feather":
                with feather(file) as (found, _):
                    return schema(file, found)
            case "json":
                return list(dict.fromkeys(key for row in objects(file) for key in row))
        _, header = next(slow.rows(file, self.dialects[file]), (0, []))
        if isinstance(header, Fault):
            raise ValueError(str(header))
        if not header:
            raise ValueError(
                f"{file} is empty. Received: no header. Expected a file of rows with "
                "the names of the columns in the first line."
            )
        checked = slow.checked(file, 1, header, header, False, self.dialects[file])
        if isinstance(checked, Fault):
            raise ValueError(str(checked._replace(column="")))
        return header

    def batches(self, columns=None):
        """The rows of all files, in order.

        Args:
            columns: names of those to read; None for all.

        Yields:
            Batch.

        Raises:
            ValueError: a row that cannot be read, with its line; no row at all.
        """
        self.bad, total = [], 0
        wanted = list(dict.fromkeys(self.names if columns is None else columns))
        for file in self.files:
            first = 0
            for arrays in self._arrays(file, wanted):
                yield Batch(file, first, dict(zip(wanted, arrays, strict=True)))
                first += len(arrays[0])
            total += first
        if not total:
            raise ValueError(
                f"{self.files[0]} has no row below its header. Received: "
                f"{len(self.names)} columns. Expected a row for each example."
            )

    def _arrays(self, file, wanted):
        """Pieces of a file.  -> iterator of list of Array, in the order of `wanted`."""
        match self.kinds[file]:
            case "parquet":
                return of_typed(parquet_batches(file, wanted), file)
            case "feather":
                return of_typed(feather_batches(file, wanted), file)
            case "json":
                return json_arrays(file, wanted)
        return self._cells(file, wanted)

    def _cells(self, file, wanted):
        """Pieces of a file of cells; Python reads on where pyarrow cannot."""
        import pyarrow as pa

        found, header, done = self.dialects[file], self.headers[file], 0
        if self.max_bad_rows and file not in self.sound | self.broken:
            self._survey(file)  # else bad rows might already be given away
        if file not in self.broken:
            try:
                sound = file in self.sound
                for arrays in csv_arrays(file, found, header, wanted, sound):
                    done += len(arrays[0])
                    yield arrays
                self.sound.add(file)
                return
            except (pa.ArrowInvalid, UnicodeError):
                self._require_few(file)
                self.broken.add(file)
        places = [header.index(name) for name in wanted]
        rows = self._good(file)
        for _ in islice(rows, done):
            pass
        while piece := list(islice(rows, BATCH_ROWS)):
            yield [pa.array([row[place] for _, row in piece]) for place in places]

    def _survey(self, file):
        """Note whether pyarrow can read a file of cells."""
        import pyarrow as pa

        try:
            header = self.headers[file]
            for _ in csv_arrays(file, self.dialects[file], header, header):
                pass
            self.sound.add(file)
        except (pa.ArrowInvalid, UnicodeError):
            self._require_few(file)
            self.broken.add(file)

    def _good(self, file):
        """The rows of a file without those that cannot be read, which are noted."""
        every = slow.rows(file, self.dialects[file], self.headers[file])
        for line, row in islice(every, 1, None):  # behind the header
            if not isinstance(row, Fault):
                yield line, row
                continue
            self.bad.append(row)
            if len(self.bad) > self.max_bad_rows:
                raise refused(self.bad, self.max_bad_rows)

    def _require_few(self, file):
        """Refuse a file with more faults than may be."""
        found = list(islice(slow.faults(file, self.dialects[file]), MOST_FAULTS))
        if len(self.bad) + len(found) > self.max_bad_rows:
            raise refused(self.bad + found, self.max_bad_rows)

    def lines(self, file):
        """The line of each row of a file, or its number in a file without lines.

        Returns:
            ("line" or "row", iterator of int).
        """
        match self.kinds[file]:
            case "json":
                return "line", (number for number, line in json_lines(file) if line)
            case "csv":
                found, header = self.dialects[file], self.headers[file]
                return "line", lines(file, found, header, file in self.broken)
        return "row", count()

    def place(self, file, row):
        """Place of a row, for errors: "FILE:LINE", or "FILE: row N" without lines.

        Args:
            file: Path.
            row: int, as batches number it.
        """
        what, every = self.lines(file)
        number = next(islice(every, row, None), row)
        return f"{file}:{number}" if what == "line" else f"{file}: row {number}"


def refused(faults, allowed):
    """The error of rows that cannot be read.  list of Fault -> ValueError"""
    first, *others = faults
    more = ""
    if others:
        places = ", ".join(f"{one.file}:{one.line}" for one in others[:4])
        many = f"{MOST_FAULTS} or more" if len(faults) >= MOST_FAULTS else len(faults)
        more = f" There are {many} such rows; the next: {places}."
    return ValueError(
        f"{first}{more} ingest.max_bad_rows=N lets N such rows be left out"
        + (f"; it is {allowed}." if allowed else ".")
    )


def csv_arrays(file, found, header, wanted, sound=False):
    """Pieces of a file of cells by pyarrow.  -> iterator of list of Array

    Args:
        file: Path.
        found: Dialect.
        header: names of all columns.
        wanted: names of those to give.
        sound: True if an earlier pass has found no mistake.

    Raises:
        pyarrow.ArrowInvalid: it cannot read the file.
    """
    import pyarrow as pa
    from pyarrow import csv

    # a header may have a name twice: pyarrow gets our own
    names = [str(number) for number in range(len(header))]
    chosen = [names[header.index(name)] for name in wanted]
    with streams.opened(file) as stream:
        counted = Counted(stream, found)
        reader = csv.open_csv(
            pa.PythonFile(counted, mode="r"),
            csv.ReadOptions(
                block_size=BLOCK_BYTES,
                skip_rows=found.skipped,
                column_names=names,
                skip_rows_after_names=1,
                encoding="utf8" if found.encoding == "utf-8" else found.encoding,
            ),
            csv.ParseOptions(
                delimiter=found.separator,
                quote_char=found.quote or False,
                double_quote=not found.escape,
                escape_char=found.escape or False,
                newlines_in_values=bool(found.quote),
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.string()),
                include_columns=chosen,
                strings_can_be_null=False,
            ),
        )
        last = None
        for batch in reader:
            if last is not None and last.num_rows:
                yield last.columns
            last = batch
        # pyarrow closes a quote at the end of the file, and lets "a"b be ab
        if counted.stray and not sound and any(slow.faults(file, found)):
            raise pa.ArrowInvalid("a quote that is not closed, or is no quote")
        if last is not None and last.num_rows:
            yield last.columns


class Counted:
    """A stream that looks for stray quotes in what is read.

    Args:
        stream: of bytes.
        found: Dialect.
    """

    closed = False

    def __init__(self, stream, found):
        import numpy as np

        self.stream, self.quotes, self.inside = stream, 0, False
        self.quote = ord(found.quote) if found.quote and not found.escape else None
        self.ordinary = np.ones(256, bool)  # bytes that end no cell
        marks = "\r\n" + found.separator + found.quote
        self.ordinary[list(marks.encode())] = False

    @property
    def stray(self):
        """True if a quote may be one that is not closed, or within a cell."""
        return self.inside or self.quotes % 2 == 1

    def read(self, size=-1):
        """The next bytes."""
        import numpy as np

        data = self.stream.read(size)
        if self.quote is None or self.inside:
            return data
        values = np.frombuffer(data, "uint8")
        places = np.flatnonzero(values == self.quote)
        self.quotes += len(places)
        # a quote between two bytes of a cell; not at the ends of what is read
        places = places[(places > 0) & (places < len(values) - 1)]
        before, after = values[places - 1], values[places + 1]
        self.inside = bool((self.ordinary[before] & self.ordinary[after]).any())
        return data


def schema(file, found):
    """Names of the columns of a typed file.

    Raises:
        ValueError: a name that is there twice.
    """
    if twice := {name for name in found.names if found.names.count(name) > 1}:
        raise ValueError(
            f"{file} has a column twice. Received: {shortened(sorted(twice))}. "
            "Expected each name once."
        )
    return found.names


def parquet(file):
    """A Parquet file, its rows not read.

    Raises:
        ValueError: it is broken.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(file, memory_map=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{file} cannot be read: {error}. Expected a whole Parquet file."
        ) from error


def parquet_batches(file, wanted):
    """Pieces of a Parquet file.  -> iterator of list of Array"""
    for batch in parquet(file).iter_batches(BATCH_ROWS, columns=wanted):
        yield [batch.column(name) for name in wanted]


class feather:  # noqa: N801, used as a function
    """An Arrow file or stream: (schema, iterator of batches) inside a `with`."""

    def __init__(self, file):
        self.file, self.stream = file, streams.opened(file)

    def __enter__(self):
        import pyarrow as pa

        stream = self.stream.__enter__()
        try:
            if not self.file_format():
                reader = pa.ipc.open_stream(stream)
                return reader.schema, iter(reader)
            # a packed file cannot be sought in
            whole = stream if stream.seekable() else pa.BufferReader(stream.read())
            reader = pa.ipc.open_file(whole)
            every = range(reader.num_record_batches)
            return reader.schema, map(reader.get_batch, every)
        except pa.ArrowInvalid as error:
            raise ValueError(
                f"{self.file} cannot be read: {error}. Expected a whole Feather file."
            ) from error

    def __exit__(self, *error):
        self.stream.__exit__(*error)

    def file_format(self):
        """True of a file, False of a stream."""
        return streams.head(self.file, 6) == b"ARROW1"


def feather_batches(file, wanted):
    """Pieces of a Feather file.  -> iterator of list of Array"""
    with feather(file) as (_, batches):
        for batch in batches:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                piece = batch.slice(start, BATCH_ROWS)
                yield [piece.column(name) for name in wanted]


def of_typed(pieces, file):
    """Pieces as strings; numbers get the shortest that is read as the same number.

    Raises:
        ValueError: a column of lists or of other columns.
    """
    import pyarrow as pa

    for arrays in pieces:
        try:
            yield [as_strings(array) for array in arrays]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(
                f"{file}: a column that holds no single values. Received: {error}. "
                "Expected numbers, texts, booleans, dates or times: leave it out "
                "(ingest.ignore)."
            ) from error


def as_strings(array):
    """An Array as strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return array.cast(pa.string())


def json_lines(file):
    """Lines of a file with their numbers, from 1, b"" for blank ones."""
    with streams.opened(file) as stream:
        rest, number = b"", 1
        while block := stream.read(BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield number, line.strip()
                number += 1
        yield number, rest.strip()


def objects(file):
    """The objects of a file of JSON lines, numbers as they are written.

    Raises:
        ValueError: a line that is none, with its number.
    """
    for number, line in json_lines(file):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line:
            continue
        try:
            row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
            if not isinstance(row, dict):
                raise ValueError("no object")
        except ValueError as error:
            text = line[: slow.SHOWN].decode("utf-8", "replace")
            raise ValueError(
                f"{file}:{number}: no JSON object: {error}. Received: {text!r}. "
                'Expected one object in each line, {"column": value, ...}, in UTF-8.'
            ) from error
        yield row


def json_arrays(file, wanted):
    """Pieces of a file of JSON lines.  -> iterator of list of Array"""
    import pyarrow as pa

    rows, first = objects(file), 0
    while piece := list(islice(rows, BATCH_ROWS)):
        arrays = []
        for name in wanted:
            values = [row.get(name) for row in piece]
            if not {str, type(None)}.issuperset(map(type, values)):
                values = [
                    of_json(v, name, file, first + n) for n, v in enumerate(values)
                ]
            arrays.append(pa.array(values, pa.string()))
        yield arrays
        first += len(piece)


def of_json(value, name, file, row):
    """A value of JSON as a string, None of null."""
    if isinstance(value, dict | list):
        raise ValueError(
            f"{file}: row {row}: a column that holds no single values. Received: "
            f"{value!r:.60} in {name!r}. Expected a text, a number, true, false or "
            "null: leave it out (ingest.ignore)."
        )
    return str(value).lower() if isinstance(value, bool) else value


def shortened(names):
    """Names in one line, of many the first ones and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def report(files, out=None):
    """Say how the files are read.

    Args:
        files: TableFiles.
        out: stream; default: stderr.
    """
    for words, found in files.formats().items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        print(f"{found[0].name}{more}: {words}", file=out or sys.stderr)
