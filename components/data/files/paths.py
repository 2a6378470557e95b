"""Files as the user names them: a file, a folder, or a pattern."""

import glob
import os
from pathlib import Path

EXPECTED = "a file, a folder of files, or a pattern like 'data/*.csv'"


def paths(pattern, key="path", expected=EXPECTED):
    """The files that a value of a key means.

    Hidden files, and marks of other programs (a name that begins with _ and has no
    suffix, like _SUCCESS), are no data and left out of folders and patterns.

    Args:
        pattern: str, "~" allowed: a file; a folder, for the files right in it; or a
            pattern with *, ?, [] and **.
        key: of the section `ingest`, for the error.
        expected: what the key takes, in words.

    Returns:
        list of Path, sorted by name, never empty.

    Raises:
        ValueError: there is no such file, or it may not be read.
    """
    place = Path(pattern).expanduser()
    received = f"Received: ingest.{key}={str(pattern)!r}, that is {place.absolute()}"
    if place.is_dir():
        found = [path for path in place.iterdir() if path.is_file() and is_data(path)]
        what = "a folder without files"
    elif place.exists():  # brackets may be part of a name
        found, what = [place], ""
    else:
        found = map(Path, glob.glob(str(place), recursive=True))
        found = [path for path in found if path.is_file() and is_data(path)]
        what = "no such file"
        if glob.has_magic(str(place)):
            what = "no file has a name of this pattern"
    if not found:
        raise ValueError(f"{what}. {received}. Expected {expected}.")
    for path in found:
        if not os.access(path, os.R_OK):
            raise ValueError(
                f"a file that may not be read. {received}, with {path}. Expected "
                f"{expected} that you may read: change its permissions."
            )
    return sorted(found)


def is_data(path):
    """False for hidden files, and for marks of other programs like _SUCCESS."""
    hidden = path.name.startswith(".")
    return not hidden and not (path.name.startswith("_") and not path.suffix)
