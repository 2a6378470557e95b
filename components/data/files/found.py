"""Files as a user names them: a file, a folder, or a pattern with * and ?."""

import glob
import os
import re
from pathlib import Path

from phistar.components.data.files import streams

SPLITS = {  # names of files and folders that tell a split
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}
HIDDEN = "hidden and editors' files left out"
OTHER = "files of other kinds left out"
LOST = "links that lead nowhere left out"
TWICE = "links to folders that are read already left out"
# in lower case: they lie in any
SYSTEM = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir")


class Found:
    """The files that a key names.

    Args:
        key: of the section `ingest`.
        path: its value; "~" and "~name" are folders of users.
        suffixes: ends of names, without those of packing, that are taken from folders;
            a file that is named itself, or by a pattern, may have any.
        counts: Counter of notices; what is left out is counted.

    Attributes:
        place: Path, as it is typed, "~" expanded.
        root: Path, of the folder that names are shown from.
        files: list of Path, sorted.
        title: a name for the data.

    Raises:
        ValueError: if there is none.
    """

    def __init__(self, key, path, suffixes, counts):
        self.key, self.path, self.counts = key, path, counts
        self.place = place = expanded(key, path)
        # a name that holds * or [ is taken as it is, if there is such a file
        matched = [place] if place.exists() else sorted(map(Path, self.glob(place)))
        self.root = place
        while not self.root.is_dir():  # a file, or parts of a pattern
            self.root = self.root.parent
        named = place if place.exists() else self.root
        self.title = re.sub(r"\W+", "_", named.resolve().name.split(".")[0])
        self.files, read = [], set()
        for one in matched:
            if one.is_dir():
                self.files += [
                    file
                    for file in sorted(self.below(one, read))
                    if self.wanted(file, suffixes)
                ]
            elif one == place or not hidden(one.name):
                self.files.append(one)
            else:
                counts.add(HIDDEN, one.name)
        if not self.files:
            listed = ", ".join(suffixes)
            raise ValueError(
                f"no such file. Received: ingest.{key}={path!r}, that is "
                f"{place.absolute()}{self.instead()}. Expected a file, a pattern like "
                f"'letters/*.txt', or a folder with files that end in {listed}."
            )
        for file in self.files:
            streams.require_regular(file)
            if not os.access(file, os.R_OK):
                raise ValueError(
                    f"a file that may not be read. Received: {file}, of ingest.{key}. "
                    "Expected a file that you may read: change its permissions."
                )

    @staticmethod
    def glob(place):
        """Paths that a pattern matches; `**` is any depth."""
        return glob.glob(str(place), recursive=True)

    def name(self, file):
        """A file's name, as notices and errors show it."""
        below = file.is_relative_to(self.root)
        return shown(file.relative_to(self.root) if below else file)

    def below(self, folder, read):
        """Files below a folder and below links to folders.

        Args:
            folder: Path.
            read: set of real paths of folders that have been read; a loop of links
                would never end.
        """
        for at, folders, names in os.walk(folder, followlinks=True):
            here = Path(at)
            read.add(os.path.realpath(at))
            for name in list(folders):
                if hidden(name):
                    self.counts.add(HIDDEN, f"{self.name(here / name)}/")
                elif os.path.realpath(here / name) in read:
                    self.counts.add(TWICE, f"{self.name(here / name)}/")
                else:
                    continue
                folders.remove(name)
            folders.sort()
            for name in names:
                yield here / name

    def wanted(self, file, suffixes):
        """True for a file to read; any other is counted."""
        if hidden(file.name):
            self.counts.add(HIDDEN, self.name(file))
        elif not file.exists():
            self.counts.add(LOST, self.name(file))
        elif not file.is_file() or own_suffix(file) not in suffixes:
            self.counts.add(OTHER, self.name(file))
        else:
            return True
        return False

    def instead(self):
        """Files that the place holds instead, in words."""
        found = "; ".join(map(str, self.counts.values()))
        return f", with {found}" if found else ""

    def splits(self):
        """The files by split, as folders or the names of files tell it.

        train/..., valid/..., test/...    or    train.txt, valid.txt, test.txt

        Returns:
            dict of split -> list of Path; {} if the names tell no splits.

        Raises:
            ValueError: files beside those of the splits, or splits without train.
        """
        found, others, folders = {}, [], False
        for file in self.files:
            parts = Path(self.name(file)).parts
            word = (
                parts[0].lower() if len(parts) > 1 else parts[0].split(".")[0].lower()
            )
            if word in SPLITS:
                folders |= len(parts) > 1
                found.setdefault(SPLITS[word], []).append(file)
            else:
                others.append(file)
        told = folders or ("train" in found and len(found) > 1)
        if not told:
            return {}
        if others or "train" not in found:
            what = "no train" if "train" not in found else "other files beside them"
            received = [self.name(file) for file in (others or self.files)[:5]]
            raise ValueError(
                f"{self.root} has splits, but {what}. Received: {', '.join(received)}. "
                "Expected all files in folders train, valid and test, or called so: "
                "move the others away, or rename what is no split."
            )
        return found


def shown(path):
    """A path as text; bytes of it that are not UTF-8 become U+FFFD.  Path -> str"""
    return os.fsencode(path).decode("utf-8", "replace")


def own_suffix(file):
    """The suffix without that of packing: "a.TXT.gz" has ".txt", "a.gz" has ".gz"."""
    return streams.suffix(file) or Path(file).suffix.lower()


def expanded(key, path):
    """A path with "~" expanded.

    Raises:
        ValueError: an empty one, or no such user.
    """
    if not path.strip():
        raise ValueError(
            f"no path. Received: ingest.{key}={path!r}. Expected a file or a folder."
        )
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"no such user. Received: ingest.{key}={path!r}: {error} Expected a path "
            "like ~/letters; a file whose name begins with ~ is ./~name."
        ) from None


def hidden(name):
    """True for a name that systems and editors give: .DS_Store, ._a.txt, a.txt~."""
    return (
        name.startswith((".", "~$"))
        or name.endswith("~")
        or (name.startswith("#") and name.endswith("#"))
        or name.lower() in SYSTEM
    )
