"""Files as the user names them -> the keys of ingest that name them again."""

import glob
import os
import re
from pathlib import Path

from phistar.components.data.files.found import SPLITS, Found, hidden
from phistar.pipeline.init.guess import Line

KEYS = {"train": "path", "valid": "valid_path", "test": "test_path"}


def files_of(given: list[str]) -> list[Path]:
    """The paths that words name; a word with * or ? is a pattern.

    Args:
        given: paths and patterns, as typed.

    Raises:
        ValueError: a word that names none.
    """
    found = []
    for word in given:
        path = Path(word).expanduser()
        if path.exists():
            found.append(path)
            continue
        matched = sorted(map(Path, Found.glob(path))) if glob.has_magic(word) else []
        matched = [one for one in matched if not hidden(one.name)]
        if not matched:
            raise ValueError(
                f"no such file. Received: --data {word}, that is {path.absolute()}. "
                "Expected a file, a folder, or a pattern in quotes like 'data/*.csv'."
            )
        found += matched
    return list(dict.fromkeys(found))


def by_split(paths: list[Path]) -> dict[str, list[Path]]:
    """Files by the split that their names tell: test.csv, shop-test-2.csv.

    A name with no split in it, or with two, is of train.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        words = re.split(r"[^a-z]+", path.name.split(".")[0].lower())
        told = {SPLITS[word] for word in words if word in SPLITS}
        found.setdefault(told.pop() if len(told) == 1 else "train", []).append(path)
    return found


def lines_of(found: dict[str, list[Path]]) -> list[Line]:
    """The keys of ingest for the files of each split.

    Raises:
        ValueError: no file of train, or files that no pattern names.
    """
    require_train(found)
    order = [split for split in KEYS if split in found]
    return [Line(KEYS[split], together(found[split])) for split in order]


def in_folder(folder: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Files of a folder by split, as names of folders in it tell, or their own."""
    found: dict[str, list[Path]] = {}
    for file in files:
        first, *rest = file.relative_to(folder).parts
        if rest and first.lower() in SPLITS:
            found.setdefault(SPLITS[first.lower()], []).append(file)
    if sum(map(len, found.values())) == len(files):
        return found
    return by_split(files)


def keys_of(found: dict[str, list[Path]], folder: Path | None) -> list[Line]:
    """The keys of ingest with the files of each split.

    Args:
        found: split -> files.
        folder: that has them; None for files that are named one by one.
    """
    if folder is None:
        return lines_of(found)
    require_train(found)
    every = [file for files in found.values() for file in files]
    inside = len(found) == 1 or all(ingest_knows(file, folder) for file in every)
    if inside:
        return [Line("path", absolute(folder))]
    return lines_of(found)  # shop-train.csv, which ingest takes for no split


def ingest_knows(file: Path, folder: Path) -> bool:
    """True if a folder's or the file's own name is exactly that of a split."""
    return file.relative_to(folder).parts[0].split(".")[0].lower() in SPLITS


def require_train(found: dict[str, list[Path]]) -> None:
    """Refuse files of which none is of train."""
    if "train" not in found:
        names = ", ".join(str(path) for paths in found.values() for path in paths)
        raise ValueError(
            f"no file to train on. Received: {names}, which are of "
            f"{' and '.join(found)} by their names. Expected train too."
        )


def together(paths: list[Path]) -> str:
    """One path for all of some files: that of the only one, or a pattern.

    Raises:
        ValueError: no pattern names them and nothing else.
    """
    if len(paths) == 1:
        return absolute(paths[0])
    folders = {path.parent.absolute() for path in paths}
    if len(folders) == 1:
        folder, names = folders.pop(), [path.name for path in paths]
        front = os.path.commonprefix(names)
        backwards = [name[len(front) :][::-1] for name in names]
        end = os.path.commonprefix(backwards)[::-1]
        pattern = folder_pattern(folder, f"{glob.escape(front)}*{glob.escape(end)}")
        matched = {Path(one).name for one in glob.glob(pattern)}
        if {name for name in matched if not hidden(name)} == set(names):
            return pattern
    raise ValueError(
        f"several files that no pattern names. Received: {shown(paths)}. Expected a "
        "folder that holds them alone, or a pattern in quotes: --data 'data/*.csv'."
    )


def folder_pattern(folder: Path, names: str) -> str:
    """A pattern of the files in a folder."""
    return os.path.join(glob.escape(absolute(folder)), names)


def absolute(path: Path) -> str:
    """A path as a recipe holds it: it is read from any working directory."""
    return os.path.abspath(path)


def shown(paths: list[Path]) -> str:
    """Files in one line, of many the first ones."""
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(map(str, paths[:5])) + more
