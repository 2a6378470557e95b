"""Digests of the user's files, remembered as long as a file is the same."""

import contextlib
import hashlib
import os
import sqlite3
import time
from array import array
from pathlib import Path

from phistar.components.hashing import file_sha256

VERIFY = "PHISTAR_VERIFY"  # in the environment: hash every file anew
SETTLED = 2.0  # s; a file that is younger may change within a tick of its clock
COLUMNS = "device, inode, size, modified, changed"


class Inputs:
    """Files of the user, each as it was when it was hashed.

    What is made of them is kept under their hashes, so it must be made of the bytes
    that were hashed. Who has read the files calls `require_same` at the end: a file
    that was changed meanwhile, or replaced and put back, shows it in its times.
    """

    def __init__(self):
        self.files, self.states = [], array("q")  # a million files are 16 MB
        self.young = {}  # number of a file that had just been written -> its digest

    def sha256(self, paths):
        """SHA-256 of files, as `data_sha256` gives them; the files are noted."""
        states = [state(path) for path in paths]
        digests = data_sha256(paths)
        first = len(self.files)
        for number, (one, digest) in enumerate(zip(states, digests, strict=True)):
            if not settled(one):
                self.young[first + number] = digest
        self.files += paths
        self.states.extend(map(mark, states))
        return digests

    def mark(self):
        """A hash of the states of all files.  -> str"""
        return hashlib.sha256(self.states.tobytes()).hexdigest()

    def require_same(self):
        """Refuse files that are not those that were hashed.

        Raises:
            ValueError: the first one.
        """
        for number, (file, known) in enumerate(
            zip(self.files, self.states, strict=True)
        ):
            try:
                same = mark(state(file)) == known
                # within a tick of the clock a file may change and keep its times
                if same and number in self.young:
                    same = file_sha256(file) == self.young[number]
            except OSError:
                same = False
            if not same:
                raise ValueError(
                    f"a file was changed while it was read. Received: {file}, which is "
                    "not as it was when its hash was taken. Expected files that stay "
                    "as they are until the stage has ended: type the same command "
                    "again."
                )


def require_fingerprint(received, expected):
    """Refuse data that are no longer those of the result's key.

    Args:
        received: dict of plain data, of the files as they are now.
        expected: that of the key; None compares nothing.

    Raises:
        ValueError: they differ.
    """
    if expected is not None and received != expected:
        raise ValueError(
            f"the data were changed while the command began. Received: {received}. "
            f"Expected {expected}, as a moment before: type the same command again."
        )


def data_sha256(paths):
    """SHA-256 of files of the user, which may be large and are seldom changed.

    Those of files whose device, inode, size and times are as they were are remembered,
    in digests.sqlite of the cache. With VERIFY in the environment all are read.

    Args:
        paths: list of Path.

    Returns:
        list of str, hexadecimal.
    """
    with contextlib.ExitStack() as stack:
        known = None
        with contextlib.suppress(OSError, sqlite3.Error):
            known = stack.enter_context(memory())
        return [one_sha256(path, known) for path in paths]


def one_sha256(path, known):
    """The digest of a file, from an open memory if it has it.

    Args:
        path: Path.
        known: sqlite3.Connection, or None.
    """
    before = state(path)
    if known is not None and not os.environ.get(VERIFY):
        with contextlib.suppress(sqlite3.Error):
            query = f"SELECT sha256 FROM digests WHERE ({COLUMNS}) = (?, ?, ?, ?, ?)"
            if found := known.execute(query, before).fetchone():
                return found[0]
    digest = file_sha256(path)
    if known is not None and settled(before) and state(path) == before:
        with contextlib.suppress(sqlite3.Error):
            row = (*before, digest)
            known.execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?)", row
            )
    return digest


def state(path):
    """Device, inode, size and times in ns: equal as long as a file is the same."""
    found = os.stat(path)
    return (
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )


def settled(found):
    """True if a file of this state can no longer change within the same tick."""
    return time.time() - max(found[3:]) / 1e9 > SETTLED


def mark(found):
    """A number of 64 bits for a state; the device, which a mount may change, is out."""
    return hash(found[1:])


def place():
    """The file of the memory.  -> Path"""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return folder / "phistar" / "digests.sqlite"


@contextlib.contextmanager
def memory():
    """The open memory of digests; what was added is kept at the end."""
    file = place()
    file.parent.mkdir(parents=True, exist_ok=True)
    known = sqlite3.connect(file, timeout=5)
    try:
        known.execute(
            f"CREATE TABLE IF NOT EXISTS digests ({COLUMNS}, sha256, "
            "PRIMARY KEY (device, inode))"
        )
        yield known
        with contextlib.suppress(sqlite3.Error):
            known.commit()
    finally:
        known.close()
