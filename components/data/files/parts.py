"""The parts of the data that are given: train, valid and test, or all of it as one."""

import hashlib
import os

from phistar.components.data.files.found import Found, shown

KEYS = {"path": "train", "valid_path": "valid", "test_path": "test"}


class Part:
    """Files of one part, in order.

    Args:
        found: Found.
        files: list of Path, those of its files that belong to the part.
    """

    def __init__(self, found, files):
        self.found, self.files = found, files

    def named(self):
        """The files with the names that notices and errors show.  -> iterator."""
        return ((file, self.found.name(file)) for file in self.files)

    def __str__(self):
        if len(self.files) == 1:
            return shown(self.files[0])
        return f"{len(self.files):,} files of {self.found.path}"


def parts(path, valid_path, test_path, split, suffixes, notices):
    """The files of each part.

    Args:
        path, valid_path, test_path: keys of the section `ingest`, None if not given.
        split: name of the column that tells the splits instead, or None.
        suffixes: see Found.
        notices: of the source.

    Returns:
        dict of "train", "valid", "test", or "all" if no split is given -> Part.

    Raises:
        ValueError: no such files, splits given twice, or a file in two splits.
    """
    paths = {"path": path, "valid_path": valid_path, "test_path": test_path}
    given = {key: path for key, path in paths.items() if path is not None}
    counts = notices.begin("files")
    found = {key: Found(key, path, suffixes, counts) for key, path in given.items()}
    own = found["path"].splits() if found["path"].root.is_dir() else {}
    if own and len(given) > 1:
        key = next(key for key in given if key != "path")
        raise ValueError(
            f"splits given twice. Received: ingest.path={given['path']!r}, with "
            f"{', '.join(own)} in it, and ingest.{key}={given[key]!r}. Expected one: "
            f"leave ingest.{key} out, or let ingest.path name the files of train."
        )
    if own:
        named = {name: Part(found["path"], files) for name, files in own.items()}
    elif len(given) > 1:
        named = {KEYS[key]: Part(one, one.files) for key, one in found.items()}
    else:
        named = {"all": Part(found["path"], found["path"].files)}
    require_apart({name: part.files for name, part in named.items()})
    require_one_division(named, split)
    return named


def require_apart(files):
    """Refuse a file that is in two splits.

    Args:
        files: dict of split -> list of Path.

    Raises:
        ValueError: the first one, with both splits.
    """
    seen = {}
    for split, of_split in files.items():
        for file in of_split:
            other = seen.setdefault(os.path.realpath(file), split)
            if other != split:
                raise ValueError(
                    f"one file in two splits. Received: {file}, in {other} and in "
                    f"{split}. Expected each file in one: correct the paths."
                )


def require_one_division(given, split):
    """Refuse a column of splits where files tell the splits.

    Args:
        given: dict of split, or "all" -> Part.
        split: name of the column, or None.
    """
    if split is not None and "all" not in given:
        told = ", ".join(f"{name} of {part}" for name, part in given.items())
        raise ValueError(
            f"splits given twice. Received: ingest.split={split!r}, and {told}. "
            "Expected one: leave ingest.split out, or give all rows as ingest.path."
        )


def digest(given, inputs):
    """A hash of the names and bytes of all files.

    Args:
        given: dict of split -> Part.
        inputs: Inputs, which notes the files.

    Returns:
        str.
    """
    every = [
        (split, file, name)
        for split, part in given.items()
        for file, name in part.named()
    ]
    digests = inputs.sha256([file for _, file, _ in every])
    listed = hashlib.sha256()
    for (split, _, name), one in zip(every, digests, strict=True):
        listed.update(f"{split}\0{name}\0{one}\n".encode())
    return listed.hexdigest()


def size_of(given):
    """Bytes of all files.  dict of split -> Part -> int"""
    return sum(file.stat().st_size for part in given.values() for file in part.files)


def origin(given, dividing):
    """The origin of each split's rows.

    Args:
        given: dict of split -> Part.
        dividing: Dividing.

    Returns:
        dict of split, or "all" -> words.
    """
    how = "".join(
        f", {'by' if key == 'time' else f'{key} by'} its column {name!r}"
        for key, name in dividing.given.items()
    )
    return {split: f"{part}{how}" for split, part in given.items()}
