"""Parts of files of texts, or of pairs of them -> rows in scratch files.

Each function reads one part, in this process or in a worker, and writes OUT.arrow with
the fields of Rows. It returns what was seen on the way: the numbers of rows, notices,
rows that cannot be read.
"""

from itertools import zip_longest
from pathlib import Path

from phistar.components.data import scratch
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.table_file import TableFile, Undivided
from phistar.components.data.files.texts import CHANGED, TextFile
from phistar.components.data.notices import FIRST, Counter
from phistar.components.data.sources.base import Rows, objects
from phistar.components.data.sources.pieces import grouped

NO_LINE = "empty lines left out"
NO_TEXT = "rows without a text left out"
NO_SIDE = "pairs with an empty side left out"
KEPT = "pairs with an empty side kept, as the test is given"
SIGNS = {sign: what for sign, what in CHANGED.items() if sign != "\r"}
SIDES = ("inputs", "labels")


def lines_piece(files, document, encoding, span, line, out, read):
    """Read texts of plain files: each line is one, or each file.

    Args:
        files: list of [path, name].
        document: "file" or "line".
        encoding: of the files, or None.
        span: bytes of the only file to read alone, or None.
        line: int, number of its first line there.
        out, read: see Kept.map.
    """
    counts = Counter()

    def texts():
        for path, name in files:
            file = TextFile(Path(path), name, encoding, span, line)
            if document == "file":
                yield file.whole(counts, read)
                continue
            for number, text in enumerate(file.lines(counts, read), line):
                if text:
                    yield text
                else:
                    counts.add(NO_LINE, f"{name}:{number}")

    def columns():
        for group in grouped(texts(), len):
            yield {"labels": binary(group)}

    return written(out, columns(), counts)


def pairs_piece(files, encoding, spans, line, whole, out, read):
    """Read line n of two files, one the translation of the other.

    Args:
        files: two [path, name].
        encoding, line: see `lines_piece`.
        spans: two spans, or two None.
        whole: True to keep pairs with an empty side.
        out, read: see Kept.map.

    Raises:
        ValueError: if the numbers of lines differ, with both.
    """
    counts = Counter()
    both = [
        TextFile(Path(path), name, encoding, span, line)
        for (path, name), span in zip(files, spans, strict=True)
    ]

    def pairs():
        numbers = [line - 1, line - 1]
        for pair in zip_longest(*(file.lines(counts, read) for file in both)):
            for side, text in enumerate(pair):
                numbers[side] += text is not None
            if None in pair:
                continue  # the other file's lines are counted, for the error
            full = all(map(bytes.strip, pair))
            if not full:
                counts.add(KEPT if whole else NO_SIDE, f"{both[0].name}:{numbers[0]}")
            if full or whole:
                yield pair
        if numbers[0] != numbers[1]:
            raise ValueError(
                "the files are not line by line one another's translation. Received: "
                f"{both[0].file} with {numbers[0]} lines, {both[1].file} with "
                f"{numbers[1]}. Expected as many: a sentence without a translation "
                "leaves an empty line."
            )

    def columns():
        for group in grouped(pairs(), lambda pair: sum(map(len, pair))):
            sides = map(binary, zip(*group, strict=True))
            yield dict(zip(SIDES, sides, strict=True))

    return written(out, columns(), counts)


def rows_piece(table, span, columns, dividing, form, whole, most_bad, out, read):
    """Read columns of texts of a file of rows.

    Args:
        table: plain data of a TableFile.
        span: part of it, or None.
        columns: names of the columns, the label's last.
        dividing: keys of Dividing.
        form: of the times, if other rows have told it.
        whole: True to keep rows with an empty text, as those of test in any case.
        most_bad: rows that cannot be read and are let through.
        out, read: see Kept.map.

    Returns:
        plain data; places of notices are numbers of rows. Or "undivided".
    """
    one, counts, bad = TableFile.of_plain(**table), Counter(), []
    divide = Dividing(**dividing)
    divide.form = form
    wanted = list(dict.fromkeys([*columns, *divide.given.values()]))

    def pieces():
        first = 0
        for arrays in one.arrays(wanted, bad, most_bad, span):
            named = dict(zip(wanted, arrays, strict=True))
            yield texts_of(named, columns, first, one, divide, whole, counts)
            first += len(arrays[0])
        seen.append(first)

    seen = []
    try:
        found = written(out, pieces(), counts)
    except ValueError as error:
        # only who reads the file from its beginning can tell the line
        if span is None and not isinstance(error, Undivided):
            raise
        return {"undivided": str(error)}
    if span is None:
        read(one.file.stat().st_size)
    bad = [[str(part) for part in fault] for fault in bad]
    more = {"rows": seen[0], "bad": bad, "broken": one.broken, "form": divide.form}
    return found | more


def texts_of(named, columns, first, one, divide, whole, counts):
    """Fields of Rows of some rows of a file, those without a text left out.

    Args:
        named: dict of name -> pyarrow.Array of strings [N].
        first: int, the number of the first row.
        one: TableFile.
        divide: Dividing.
        columns, whole: see `rows_piece`.
        counts: Counter.

    Returns:
        dict of field -> array [n].
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [pc.fill_null(named[name], "") for name in columns]

    def note(what, mask):
        places = (first + np.flatnonzero(mask)[:FIRST]).tolist()
        for place in places:
            counts.add(what, str(place))
        if more := int(mask.sum()) - len(places):
            counts.add(what, count=more)

    def any_of(function):
        masks = [function(text).to_numpy(zero_copy_only=False) for text in texts]
        return np.any(masks, axis=0)

    for sign, what in SIGNS.items():
        note(what, any_of(lambda text, sign=sign: pc.match_substring(text, sign)))
    fields = divide.fields(named, lambda row: one.place(first + row))
    kept = np.full(len(texts[0]), whole)
    if "split" in fields and len(texts) > 1:
        kept = fields["split"] == "test"
    if len(texts) == 1:
        empty = any_of(lambda text: pc.equal(text, ""))
        note(NO_TEXT, empty & ~kept)
    else:
        empty = any_of(lambda text: pc.equal(pc.ascii_trim_whitespace(text), ""))
        note(KEPT, empty & kept)
        note(NO_SIDE, empty & ~kept)
    chosen = pa.array(kept | ~empty)
    texts = [text.cast(pa.binary()).filter(chosen) for text in texts]
    found = dict(zip(SIDES[-len(texts) :], texts, strict=True))
    return found | {name: pa.array(v).filter(chosen) for name, v in fields.items()}


def binary(texts):
    """list of bytes -> pyarrow.Array"""
    import pyarrow as pa

    return pa.array(texts, pa.binary())


def written(out, columns, counts):
    """Write rows.

    Args:
        out: path without its suffix.
        columns: iterable of dict of field -> array.
        counts: Counter of notices.

    Returns:
        plain data: "kept", the number of rows, and "noted".
    """
    file, kept = scratch.ScratchFile(f"{out}.arrow"), 0
    try:
        for piece in columns:
            if len(piece["labels"]):
                file.append(piece)
                kept += len(piece["labels"])
    finally:
        file.close()
    return {"kept": kept, "noted": counts.plain()}


def rows_of(path):
    """The rows of a file of these functions, in pieces.  -> iterator of Rows"""
    for piece in scratch.batches(path):
        sides = [objects(piece[s].to_pylist()) if s in piece else None for s in SIDES]
        others = piece.keys() - set(SIDES)
        fields = {name: piece[name] for name in others}
        if "split" in fields:
            fields["split"] = scratch.numpy_strings(fields.pop("split"))
        numbers = {n: v.to_numpy() for n, v in fields.items() if n != "split"}
        yield Rows(*sides, **fields | numbers)


def chained(paths, owner):
    """The rows of several files, one behind the other.

    Args:
        paths: list of str.
        owner: object that keeps the files as long as they are read.

    Yields:
        Rows.
    """
    for path in paths:
        yield from rows_of(path)
