"""Parts of large files that can be read each by itself, whatever reads the others.

Plain files of lines are cut into ranges of bytes behind an end of line, Parquet files
into row groups. A cell in quotes may hold ends of line: its range goes on behind them.
Packed files, wide encodings and quotes that are not a cell's first and last sign are
not cut. The parts depend on the file alone.
"""

import codecs
import re
from itertools import chain

import numpy as np

from phistar.components.data.files import streams

PART_BYTES = 2**25  # of a part, about
BLOCK_BYTES = 2**23  # looked at at a time
# in these a byte below 128 is always the character of ASCII
NARROW = re.compile(r"utf-8|ascii|latin-?1|iso-?8859-\d+|(cp|windows-)125\d|koi8-[ru]")
NEAR = 2**14  # bytes in which an end of line is looked for
NEWLINE = 10


def table_parts(one):
    """Parts of a file of rows.

    Args:
        one: TableFile.

    Returns:
        list of (start, stop), bytes or row groups; [None] for a file that is not cut.
    """
    match one.kind:
        case "parquet":
            return group_parts(one.file)
        case "json" if is_plain(one.file):
            return between(line_cuts(one.file)[0])
        case "csv" if is_plain(one.file, one.dialect.encoding):
            found = one.dialect
            if found.quote and found.escape:
                return [None]
            if not found.quote:
                return between(line_cuts(one.file)[0])
            return between(cell_cuts(one.file, found))
    return [None]


def text_parts(file, encoding):
    """Parts of a text file, cut behind ends of line.

    Args:
        file: Path.
        encoding: of it.

    Returns:
        (list of (start, stop) or [None]; list of int, number of the first line of each,
        from 1).
    """
    if not is_plain(file, encoding):
        return [None], [1]
    cuts, lines = line_cuts(file)
    return between(cuts), lines


def is_plain(file, encoding="utf-8"):
    """True if a file is not packed, and is large enough to be cut."""
    if file.stat().st_size < 2 * PART_BYTES or not NARROW.fullmatch(encoding.lower()):
        return False
    with streams.native(file) as raw:
        first = raw.read(4)
    return not any(first.startswith(mark) for mark in streams.PACKED)


def between(cuts):
    """Pairs of neighbours; [None] where nothing is cut.  list of int -> list"""
    if len(cuts) < 3:
        return [None]
    return list(zip(cuts[:-1], cuts[1:], strict=True))


def group_parts(file):
    """Ranges of row groups of a Parquet file, of about PART_BYTES each."""
    from phistar.components.data.files.typed_files import parquet

    about, cuts, size = parquet(file).metadata, [0], 0
    for number in range(about.num_row_groups):
        size += about.row_group(number).total_byte_size
        if size >= PART_BYTES:
            cuts.append(number + 1)
            size = 0
    if cuts[-1] != about.num_row_groups:
        cuts.append(about.num_row_groups)
    return between(cuts)


def blocks(file, place=0):
    """The bytes of a file from a place on.  -> iterator of (int, bytes), with places"""
    with streams.opened(file, (place, file.stat().st_size)) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield place, block
            place += len(block)


def line_cuts(file):
    """Places behind an end of line, PART_BYTES apart or a little more.

    Args:
        file: Path.

    Returns:
        (list of int, from 0 to the file's size; list of int, number of the line that
        begins at each but the last).
    """
    cuts, lines, line, end = [0], [1], 1, 0
    for place, block in blocks(file):
        end, start = place + len(block), 0
        while (want := cuts[-1] + PART_BYTES) < end:
            found = block.find(b"\n", max(want - place - 1, start))
            if found < 0:
                break
            line += block.count(b"\n", start, found + 1)
            start = found + 1
            cuts.append(place + start)
            lines.append(line)
        line += block.count(b"\n", start)
    if cuts[-1] == end:
        lines.pop()
    else:
        cuts.append(end)
    return cuts, lines


def places_of_lines(file, lines):
    """Places where lines begin.

    Args:
        file: Path.
        lines: list of int, rising, from 1.

    Returns:
        list of int; the file's size for lines that it does not have.
    """
    found, wanted, before, end = [], list(lines), 1, 0
    for place, block in blocks(file):
        end = place + len(block)
        inside = before + block.count(b"\n")  # the line that the block ends in
        if wanted and wanted[0] <= inside:
            ends = np.flatnonzero(np.frombuffer(block, "uint8") == NEWLINE)
            while wanted and wanted[0] <= inside:
                number = wanted.pop(0) - before
                found.append(place + (int(ends[number - 1]) + 1 if number else 0))
        before = inside
    return found + [end] * len(wanted)


def cell_cuts(file, found):
    """Places where rows of cells begin, PART_BYTES apart or a little more.

    Args:
        file: Path.
        found: Dialect with a quote.

    Returns:
        list of int, from the header to the file's size. There is none between them if a
        quote stands elsewhere than around a cell: any line may then end in a cell.
    """
    mark = found.quote.encode()
    borders = np.zeros(256, bool)  # bytes beside a quote that stands around a cell
    borders[list(f"\r\n{found.separator}{found.quote}".encode())] = True
    size = file.stat().st_size
    # a mark at the beginning would stand beside the first quote
    start = len(codecs.BOM_UTF8) * (streams.head(file, 3) == codecs.BOM_UTF8)
    cuts, quotes, before, held, place = [start], 0, b"\n", b"", start
    for block in chain((block for _, block in blocks(file, start)), [b""]):
        # the byte behind a quote tells: the last one waits for the next block
        text, held = (held + block[:-1], block[-1:]) if block else (held, b"")
        values, marks = np.frombuffer(text, "uint8"), np.zeros(0, int)
        if mark in text:
            marks = np.flatnonzero(values == mark[0])
            around = np.frombuffer(before + text + (held or b"\n"), "uint8")
            # quotes open and close in turn; `around` begins one byte earlier
            opening = (np.arange(len(marks)) + quotes) % 2 == 0
            beside = np.where(opening, around[marks], around[marks + 2])
            if not borders[beside].all():
                return [start, size]
        while (want := cuts[-1] + PART_BYTES) < place + len(text):
            first, ends = max(want - place - 1, 0), np.zeros(0, int)
            while first < len(text) and not len(ends):
                ends = np.flatnonzero(values[first : first + NEAR] == NEWLINE) + first
                ends = ends[(np.searchsorted(marks, ends) + quotes) % 2 == 0]
                first += NEAR
            if not len(ends):
                break
            cuts.append(place + int(ends[0]) + 1)
        quotes += len(marks)
        before, place = text[-1:] or before, place + len(text)
    if cuts[-1] != size:
        cuts.append(size)
    return cuts
