"""Digests of the user's files, remembered as long as a file is the same."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from phistar.components.hashing import file_sha256

VERIFY = "PHISTAR_VERIFY"  # in the environment: hash every file anew
SETTLED = 2.0  # s; a file that is younger may change within a tick of its clock
COLUMNS = "device, inode, size, modified, changed"


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
    settled = time.time() - max(before[3:]) / 1e9 > SETTLED
    if known is not None and settled and state(path) == before:
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
