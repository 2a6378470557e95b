"""The disk: where it is full, and the space that is free."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EFBIG: "a file has become larger than this process may write",
}
TOLD = (errno.ENOSPC, errno.EDQUOT)  # that libraries in C++ tell by their text alone
UNITS = ("bytes", "kB", "MB", "GB", "TB")


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Name a path in those errors of the system in the block that name none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def reason(error: BaseException) -> str:
    """The kind of full disk that an error tells of, in words, or ""."""
    number = getattr(error, "errno", None)
    if number in FULL:
        return FULL[number]
    text = str(error)
    return next((FULL[n] for n in TOLD if os.strerror(n) in text), "")


def told(error: BaseException, during: str = "", folder: Path | None = None) -> str:
    """An error about a full disk, for the user.

    Args:
        error: with a `reason`.
        during: the stage that met it, if it is known.
        folder: that it wrote to.
    """
    path = getattr(error, "filename", None)
    if path is None and folder is not None:
        # libraries write also to the folder of temporary files
        path = min((Path(folder), Path(tempfile.gettempdir())), key=free)
    where = f" ({size(free(Path(path)))} free at {path})" if path else ""
    text = " ".join(str(error).split())[:300]
    of_stage = f" in stage {during}" if during else ""
    return (
        f"{reason(error)}{of_stage}. Received: {text}{where}. Expected more space: "
        "`phistar prune` tells what may be removed, --root and TMPDIR name other "
        "folders. Then type the same command again."
    )


def free(path: Path) -> int:
    """Bytes that may be written at a path, or where it would be made."""
    path = Path(path).absolute()
    while not os.path.exists(path):
        path = path.parent
    return shutil.disk_usage(path).free


def lacking(needed: int, folder: Path) -> str:
    """The space that a folder does not have, in words; "" if it has it.

    Args:
        needed: bytes.
        folder: to be written to; it may not exist yet.
    """
    there = free(folder)
    if needed <= there:
        return ""
    return (
        f"Received: {size(there)} free at {folder}. Expected {size(needed)}: `phistar "
        "prune` tells what may be removed, --root names another folder."
    )


def size(count: float) -> str:
    """A number of bytes in words: "3.2 MB"."""
    unit = 0
    while count >= 999.5 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {UNITS[unit]}"
