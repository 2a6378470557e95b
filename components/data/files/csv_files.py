"""Files of cells in any dialect, read by pyarrow as columns of strings."""

import codecs

from phistar.components.data.files import slow, streams

BLOCK_BYTES = 2**22  # of text that is parsed at a time


def csv_arrays(file, found, header, wanted, sound=False, span=None):
    """Pieces of a file of cells by pyarrow.  -> iterator of list of Array

    Args:
        file: Path.
        found: Dialect.
        header: names of all columns.
        wanted: names of those to give.
        sound: True if an earlier pass has found no mistake.
        span: (start, stop) bytes to read alone, or None for all; see ranges.py.

    Raises:
        pyarrow.ArrowInvalid: it cannot read the file.
    """
    import pyarrow as pa
    from pyarrow import csv

    # a header may have a name twice: pyarrow gets our own
    names = [str(number) for number in range(len(header))]
    chosen = [names[header.index(name)] for name in wanted]
    # only the first part of a file has its header
    first = span is None or span[0] <= len(codecs.BOM_UTF8)
    with streams.opened(file, span) as stream:
        counted = Counted(stream, found)
        reader = csv.open_csv(
            pa.PythonFile(counted, mode="r"),
            csv.ReadOptions(
                block_size=BLOCK_BYTES,
                skip_rows=found.skipped if first else 0,
                column_names=names,
                skip_rows_after_names=int(first),
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
        unsure = counted.stray and not sound
        if unsure and (span is not None or any(slow.faults(file, found))):
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
