"""A finding of a check, and the lock that tells whether a process is at work."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class Finding(NamedTuple):
    """Something that is not as it should be.

    Args:
        check: word for the part that was looked at.
        place: file, folder or name.
        problem: a sentence, with what was found.
        mend: mends it, and returns what it did, in words; None: nothing safe can be
            done here.
        advice: what the user can do, where `mend` is None.
        harm: False if it is only worth knowing.
    """

    check: str
    place: str
    problem: str
    mend: Callable[[], str] | None = None
    advice: str = ""
    harm: bool = True


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder in the block.

    Yields:
        False if another process has it, or the path is gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def free(path: Path) -> bool:
    """True if no process has the lock of a path that exists."""
    with held(path) as ours:
        return ours


def removal(path: Path, lock: Path | None = None) -> Callable[[], str]:
    """A mend that removes a file or folder, unless a process has its lock.

    Args:
        path: to remove.
        lock: the path that is locked; default: `path`.
    """

    def mend() -> str:
        with held(lock or path) as ours:
            if not ours:
                raise OSError("a process is at work there")
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        return "removed"

    return mend


def aside(path: Path, inode: int | None = None) -> str:
    """Give a path a name that nothing reads, and tell it.

    Args:
        path: to rename.
        inode: that it must have still: another process may have made it again.

    Raises:
        OSError: it is another one by now.
    """
    if inode is not None and path.stat().st_ino != inode:
        raise OSError("it has been made again meanwhile")
    new = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    path.rename(new)
    return f"moved to {new.name}"


def old(path: Path, seconds: float = 3600.0) -> bool:
    """True if a file has not been written for a while: nobody is about to use it."""
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > seconds
    return False
