"""Bytes on disk below folders, and files that are kept twice."""

import contextlib
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from phistar.components.hashing import file_sha256


def files(paths: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """The regular files at and below paths, with their states; no symbolic links."""
    for path in paths:
        for file in [path, *path.rglob("*")]:
            with contextlib.suppress(FileNotFoundError):  # it has just been removed
                if file.is_file() and not file.is_symlink():
                    yield file, file.stat()


def freed(paths: Iterable[Path]) -> int:
    """Bytes that are free once all of the paths are removed.

    A file that has a further name elsewhere, a hard link, frees nothing.
    """
    states, names = {}, Counter()
    for _, state in files(paths):
        states[state.st_dev, state.st_ino] = state
        names[state.st_dev, state.st_ino] += 1
    return sum(
        state.st_size
        for inode, state in states.items()
        if names[inode] == state.st_nlink
    )


def twins(
    folders: Iterable[Path], known: dict[str, tuple[int, Path]]
) -> Iterator[tuple[Path, Path, int]]:
    """Files whose bytes are also those of a file of the store.

    Args:
        folders: to look in.
        known: SHA-256 -> size and path, of files of the store.

    Yields:
        (file, that of the store, bytes); a file that has several names is left out.
    """
    sizes = {size for size, _ in known.values() if size}
    for file, state in files(folders):
        if state.st_nlink > 1 or state.st_size not in sizes:
            continue
        with contextlib.suppress(FileNotFoundError):
            _, own = known.get(file_sha256(file), (0, None))
            if own is not None and own.stat().st_dev == state.st_dev:
                yield file, own, state.st_size


def link(file: Path, own: Path) -> None:
    """Make a file another name of one with the same bytes, by one rename."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    os.link(own, draft)
    try:
        os.replace(draft, file)
    except OSError:
        draft.unlink()
        raise
