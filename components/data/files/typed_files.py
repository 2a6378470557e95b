"""Files whose columns have types, Parquet and Feather, read as columns of strings."""

from phistar.components.data.files import streams

BATCH_ROWS = 2**15
SHOWN = 30  # names that an error lists
LONGEST = 300  # letters of a name in it


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


def parquet_batches(file, wanted, span=None):
    """Pieces of a Parquet file.  -> iterator of list of Array

    Args:
        file: Path.
        wanted: names of the columns to give.
        span: (start, stop) of its row groups, or None for all.
    """
    opened = parquet(file)
    groups = range(*(span or (0, opened.num_row_groups)))
    for batch in opened.iter_batches(BATCH_ROWS, groups, columns=wanted):
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


def shortened(names):
    """Names in one line, of many the first ones and the number of the others."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(named, names[:SHOWN])) + more


def named(name):
    """A name as an error shows it: of a long one the beginning.  -> str"""
    return repr(name) if len(name) <= LONGEST else f"{name[:LONGEST]!r}…"
