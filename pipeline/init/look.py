"""Files as the user gives them -> a guess of a recipe."""

import os
from itertools import islice
from pathlib import Path

from phistar.components.data.files import streams
from phistar.components.data.files.columns import SUFFIXES as TABLES
from phistar.components.data.files.found import SPLITS, hidden
from phistar.components.data.files.texts import TextFile
from phistar.components.data.image_files import SUFFIXES as IMAGES
from phistar.components.data.notices import Notices
from phistar.components.data.sources.text import SUFFIXES as TEXTS
from phistar.pipeline.init import others, tables
from phistar.pipeline.init.guess import Guess, Line

KINDS = {"images": IMAGES, "tables": TABLES, "texts": TEXTS}
HEAD_LINES = 10**5  # of a text that are looked at
PAIR_COLUMNS = (("source", "target"), ("src", "tgt"), ("source", "translation"))
TEXT_COLUMNS = ("text", "content", "document", "sentence")
KEYS = {"train": "path", "valid": "valid_path", "test": "test_path"}


def look(given: list[str], label: str | None) -> Guess:
    """The guess for some files.

    Args:
        given: paths, as typed.
        label: column of a table, if the user names it.

    Raises:
        ValueError: there are no such files, or they are of no kind that is read.
    """
    paths = [Path(path).expanduser() for path in given]
    for path in paths:
        if not path.exists():
            raise ValueError(
                f"no such file. Received: --data {path}, that is {path.absolute()}. "
                "Expected a file, or a folder."
            )
    if len(paths) == 1 and paths[0].is_dir():
        return of_folder(paths[0], label)
    if any(path.is_dir() for path in paths):
        raise ValueError(
            f"files and folders together. Received: --data {' '.join(map(str, paths))}."
            " Expected one folder, or files."
        )
    kinds = {kind_of(path) for path in paths}
    if label is not None and "tables" not in kinds:
        raise ValueError(
            f"--label names a column of a table. Received: {paths[0]}, which is none. "
            "Expected no --label: folders are the labels of images."
        )
    if kinds == {"tables"}:
        return of_tables(by_split(paths), label)
    if kinds == {"texts"} and len(paths) == 1:
        return of_text(paths[0])
    if kinds == {"texts"}:
        return of_lines(paths)
    raise ValueError(
        f"no data that are read. Received: {', '.join(map(str, paths))}. Expected a "
        "table, texts, or a folder of images, texts or tables."
    )


def kind_of(path: Path) -> str:
    """The kind of a file by its name: "images", "tables", "texts" or "".

    A file of any other name may be lines of text: train.en, train.de.
    """
    suffix = streams.suffix(path).lower()
    for kind, suffixes in KINDS.items():
        if suffix in suffixes:
            return kind
    head = streams.head(path, 2**12)
    return "" if b"\0" in head else "texts"


def by_split(paths: list[Path]) -> dict[str, list[Path]]:
    """Files by the split that their names tell; all of it is "train".

    Raises:
        ValueError: several files of one split.
    """
    found: dict[str, list[Path]] = {}
    for path in paths:
        word = path.name.split(".")[0].lower()
        found.setdefault(SPLITS.get(word, "train"), []).append(path)
    return found


def lines_of(found: dict[str, list[Path]]) -> list[Line]:
    """The keys of ingest with one file for each split.

    Raises:
        ValueError: several files of one split.
    """
    for split, files in found.items():
        if len(files) > 1:
            raise ValueError(
                f"several files of {split}. Received: {', '.join(map(str, files))}. "
                "Expected one for each of train, valid and test, called so; or a "
                "folder with all of them."
            )
    if "train" not in found:
        raise ValueError(
            f"no file to train on. Received: {', '.join(found)}. Expected train too."
        )
    order = [split for split in KEYS if split in found]
    return [Line(KEYS[split], absolute(found[split][0])) for split in order]


def absolute(path: Path) -> str:
    """A path as a recipe holds it: it is read from any working directory."""
    return os.path.abspath(path)


def of_folder(folder: Path, label: str | None) -> Guess:
    """A folder of images, texts or tables, by the files that it has the most of.

    Raises:
        ValueError: it has none of them.
    """
    counts = dict.fromkeys(KINDS, 0)
    files: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for at, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not hidden(name))
        for name in sorted(names):
            suffix = streams.suffix(Path(name)).lower()
            for kind, suffixes in KINDS.items():
                if suffix in suffixes and not hidden(name):
                    counts[kind] += 1
                    files[kind].append(Path(at, name))
                    break
    kind = max(counts, key=lambda kind: counts[kind])
    if not counts[kind]:
        raise ValueError(
            f"no data that are read. Received: the folder {folder}. Expected images in "
            "a folder for each label, texts (.txt, .md), or tables (.csv, .parquet, "
            ".jsonl and others)."
        )
    path = [Line("path", absolute(folder))]
    if kind == "images":
        return others.images(folder, path)
    if kind == "tables":
        train = [f for f in files[kind] if is_train(f, folder)] or files[kind]
        return tables_of(tables.Looked(train[:1]), path, label)
    size = sum(file.stat().st_size for file in files[kind])
    found = [f"{counts[kind]:,} files of texts, each one text"]
    return others.texts(size, [Line("source", "text"), *path], found)


def is_train(file: Path, folder: Path) -> bool:
    """True if a file's name, or its folder's, is that of train."""
    first = file.relative_to(folder).parts[0]
    return SPLITS.get(first.split(".")[0].lower()) == "train"


def of_tables(found: dict[str, list[Path]], label: str | None) -> Guess:
    """One table, or one for each split."""
    paths = lines_of(found)
    return tables_of(tables.Looked(found["train"]), paths, label)


def tables_of(looked: tables.Looked, paths: list[Line], label: str | None) -> Guess:
    """A table of rows with labels, of sentence pairs, or of texts."""
    names = {name.lower(): name for name in reversed(looked.table.names)}
    if label is None:
        for source, target in PAIR_COLUMNS:
            if source in names and target in names:
                return of_pair_columns(looked, paths, names[source], names[target])
        called = [names[word] for word in TEXT_COLUMNS if word in names]
        if called and not names.keys() & set(tables.LABELS):
            return of_text_column(looked, paths, called[0])
    return tables.table(looked, paths, label)


def of_pair_columns(
    looked: tables.Looked, paths: list[Line], source: str, target: str
) -> Guess:
    """A table with a column of sentences and one of their translations."""
    ingest = [Line("source", "parallel"), *paths]
    for key, name in (("source_column", source), ("target_column", target)):
        ingest.append(Line(key, name, "by its name"))
    letters = looked.length(source) + looked.length(target)
    words = {
        w for name in (source, target) for c in looked.cells[name] for w in c.split()
    }
    found = [f"a table of sentence pairs, in the columns {source!r} and {target!r}"]
    size = round(letters * looked.rows)
    return others.pairs(looked.rows, size, len(words), ingest, found)


def of_text_column(looked: tables.Looked, paths: list[Line], name: str) -> Guess:
    """A table with a column of texts."""
    ask = "is this the column of texts?"
    ingest = [Line("source", "text"), *paths, Line("text", name, "by its name", ask)]
    found = [f"a table of about {looked.rows:,} texts, in the column {name!r}"]
    return others.texts(round(looked.length(name) * looked.rows), ingest, found)


def of_text(path: Path) -> Guess:
    """One file of texts: each line is one, since one text cannot be split."""
    ingest = [
        Line("source", "text"),
        Line("path", absolute(path)),
        Line("document", "line", "one file must hold many texts"),
    ]
    lines = len(head_of(path))
    more = " or more" if lines >= HEAD_LINES else ""
    found = [f"a text of {lines:,}{more} lines; each line is one text"]
    return others.texts(path.stat().st_size, ingest, found)


def of_lines(paths: list[Path]) -> Guess:
    """Files of lines, two for each split: line n of one the translation of the other's.

    Raises:
        ValueError: not two files for each split.
    """
    found = by_split(paths)
    wrong = {split: files for split, files in found.items() if len(files) != 2}
    if wrong or "train" not in found:
        raise ValueError(
            "files of lines that make no pairs. Received: "
            f"{', '.join(map(str, paths))}. Expected two files, line n of one the "
            "translation of the other's; also two called valid.* and two called "
            "test.*. Or a folder of texts."
        )
    sides = [path.suffix for path in found["train"]]
    ingest, ask = [Line("source", "parallel")], ""
    for split, files in found.items():
        ordered = sorted(files, key=lambda file: sides.index(file.suffix))
        prefix = "" if split == "train" else f"{split}_"
        for side, file in zip(("source", "target"), ordered, strict=True):
            if split == "train" and side == "source":
                ask = "are these the sentences to translate?"
            ingest.append(Line(f"{prefix}{side}_path", absolute(file), "", ask))
            ask = ""
    heads = [head_of(path) for path in found["train"]]
    words = {word for lines in heads for line in lines for word in line.split()}
    number = min(map(len, heads))
    size = sum(path.stat().st_size for path in found["train"])
    return others.pairs(
        number, size, len(words), ingest, [f"pairs of lines, {number:,} or more"]
    )


def head_of(path: Path) -> list[bytes]:
    """The first lines of a file."""
    counts = Notices().begin()
    return list(islice(TextFile(path, path.name).lines(counts), HEAD_LINES))
