"""Pieces of work whose results are kept in a folder, so that none is done twice.

An interrupted run, by Ctrl-C or kill -9, leaves the pieces that it has finished.
The same work in the same folder then reads them instead of making them again. What a
piece was made of is kept with it: another request is another piece. So are hashes of
its files: one that was damaged is made again.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from phistar.components.data.workers import Workers
from phistar.components.hashing import file_sha256, parsed, seal

NOTES = "notes.json"


class Piece(NamedTuple):
    """A piece of work.

    Args:
        name: of its files.
        size: bytes that are read for it.
        request: dict of plain data, the arguments of the function that makes it.
    """

    name: str
    size: int
    request: dict


class Kept:
    """The pieces of one pass over the user's files.

    Args:
        folder: Path, made here.
        workers: Workers that make the pieces; None for this process alone.
        owner: object that removes the folder once nobody needs it.
    """

    def __init__(self, folder, workers=None, owner=None):
        self.folder, self.owner = Path(folder), owner
        self.workers = workers or Workers()
        self.folder.mkdir(parents=True, exist_ok=True)

    def map(self, function, first, others, read=lambda more: None):
        """Make the pieces that are not there yet.

        Args:
            function: see Workers.map. It also gets `out`, the path of its files without
                a suffix. They are on the disk when it returns.
            first: Piece.
            others: function of the first one's result -> list of Piece.
            read: function that gets how many more bytes have been read.

        Yields:
            The result of each piece, in order: plain data.
        """
        known = [self._known(first)]
        yield from (head := list(self._made(function, [first], known, read)))
        pieces = others(*head)
        known += [self._known(piece) for piece in pieces]
        if there := sum(result is not None for result in known):
            print(
                f"ingest  goes on: {there:,} of {len(known):,} parts of the files are "
                "read already",
                file=sys.stderr,
            )
        yield from self._made(function, pieces, known[1:], read)

    def _made(self, function, pieces, known, read):
        """The results of pieces, those that are not known made now."""
        both = list(zip(pieces, known, strict=True))
        requests = (
            piece.request | {"out": str(self.path(piece))}
            for piece, result in both
            if result is None
        )
        made = self.workers.map(function, requests, read)
        for piece, result in both:
            if result is None:
                result = next(made)
                made_of = {"request": digest(piece.request), "result": result}
                made_of["files"] = self._files(piece)
                self._write(f"{piece.name}.json", made_of)
            else:
                read(piece.size)
            try:
                yield result
            except GeneratorExit:
                made.close()  # none of them is being written any more
                raise

    def path(self, piece):
        """The path of a piece's files, without a suffix."""
        return self.folder / piece.name

    def notes(self):
        """Plain data that `note` has kept, or None."""
        return self._read(NOTES)

    def note(self, notes):
        """Keep plain data that decide how the pieces are made."""
        self._write(NOTES, notes)

    def _known(self, piece):
        """The result of a piece that is there, else None."""
        found = self._read(f"{piece.name}.json")
        same = found is not None and found["request"] == digest(piece.request)
        whole = same and found["files"] == self._files(piece)
        return found["result"] if whole else None

    def _files(self, piece):
        """Name -> SHA-256 of the files of a piece; {} where nobody goes on with it."""
        if self.owner is not None:
            return {}
        every = sorted(self.folder.glob(f"{piece.name}.*"))
        names = [path for path in every if path.suffix not in (".json", ".part")]
        return {path.name: file_sha256(path) for path in names}

    def _read(self, name):
        """Plain data in the folder; None without any that is whole."""
        try:
            return parsed((self.folder / name).read_bytes())["data"]
        except (OSError, ValueError):
            return None

    def _write(self, name, data):
        """Write plain data, whole or not at all."""
        part = self.folder / f"{name}.part"
        whole = {"data": data}
        part.write_text(json.dumps(whole | {"seal": seal(whole)}), "utf-8")
        os.replace(part, self.folder / name)


class Scratch:
    """A folder for what is kept between the passes over a source's rows.

    Args:
        folder: Path; None for one of its own, which goes with this object.
        workers: Workers that read the files; None for this process alone.
    """

    def __init__(self, folder=None, workers=None):
        self.owner = None
        if folder is None:
            self.owner = tempfile.TemporaryDirectory(prefix="phistar-")
            folder = self.owner.name
        self.folder, self.workers = Path(folder), workers

    def kept(self, name):
        """The Kept in a folder of that name."""
        return Kept(self.folder / name, self.workers, self.owner)


def digest(request):
    """A hash of a request.  -> str"""
    text = json.dumps(request, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()
