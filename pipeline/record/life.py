"""Life of a record: its writer holds a lock, which the kernel drops with the process.

    runs/<run_id>.alive     there while a process writes the record

A pid and a host's name prove nothing. In a container every run is process 1, and a
container that is started again may have another name.
"""

import fcntl
import os
import time
from pathlib import Path

TRIES, PAUSE = 20, 0.01  # number and s: whoever asks holds the lock for a moment

_held: dict[Path, int] = {}  # that this process holds -> their descriptors


def hold(record: Path) -> bool:
    """Take the lock of a record for this process.

    Args:
        record: path of the record.

    Returns:
        False if another process has it.
    """
    path = _path(record)
    for _ in range(TRIES):
        if path in _held:
            return True
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            time.sleep(PAUSE)
            continue
        if _is(file, path):
            _held[path] = file
        else:  # its last holder has removed it meanwhile
            os.close(file)
    return path in _held


def release(record: Path) -> None:
    """Give the lock of a record back, if this process has it."""
    path = _path(record)
    if path in _held:
        path.unlink(missing_ok=True)
        os.close(_held.pop(path))


def alive(record: Path) -> bool:
    """True if a process writes the record."""
    path = _path(record)
    if path in _held:
        return True
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _is(file: int, path: Path) -> bool:
    """True if an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _path(record: Path) -> Path:
    return Path(record).absolute().with_suffix(".alive")
