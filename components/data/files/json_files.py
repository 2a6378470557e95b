"""Files of JSON lines: an object in each line, its values as strings."""

import json
from itertools import islice

from phistar.components.data.files import slow, streams

BLOCK_BYTES = 2**22  # of text that is parsed at a time
BATCH_ROWS = 2**15
DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def json_lines(file, span=None):
    """Lines of a file with their numbers, from 1, b"" for blank ones.

    Args:
        file: Path.
        span: (start, stop) bytes to read alone, or None for all; see ranges.py.
    """
    with streams.opened(file, span) as stream:
        rest, number = b"", 1
        while block := stream.read(BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield number, line.strip()
                number += 1
        yield number, rest.strip()


def objects(file, span=None):
    """The objects of a file of JSON lines, numbers as they are written.

    Raises:
        ValueError: a line that is none, with its number.
    """
    for number, line in json_lines(file, span):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line:
            continue
        try:
            row = DECODER.decode(line.decode())
            if not isinstance(row, dict):
                raise ValueError("no object")
        except (ValueError, RecursionError) as error:
            text = line[: slow.SHOWN].decode("utf-8", "replace")
            raise ValueError(
                f"{file}:{number}: no JSON object: {error}. Received: {text!r}. "
                'Expected one object in each line, {"column": value, ...}, in UTF-8.'
            ) from error
        yield row


def json_arrays(file, wanted, span=None):
    """Pieces of a file of JSON lines.  -> iterator of list of Array"""
    import pyarrow as pa

    rows, first = objects(file, span), 0
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
