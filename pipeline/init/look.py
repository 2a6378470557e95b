"""Files as the user gives them -> a guess of a recipe."""

import os
from pathlib import Path

from phistar.components.data.files import streams
from phistar.components.data.files.columns import SUFFIXES as TABLES
from phistar.components.data.files.dialect import encoding_of
from phistar.components.data.files.found import hidden
from phistar.components.data.image_files import SUFFIXES as IMAGES
from phistar.components.data.sources.text import SUFFIXES as TEXTS
from phistar.pipeline.init import columns, lines, paths, pictures
from phistar.pipeline.init.guess import Guess, Line
from phistar.pipeline.init.looked import Looked

KINDS = {"images": IMAGES, "tables": TABLES, "texts": TEXTS}
MOST_TABLES = 10  # beside images, that are looked at


def look(given: list[str], label: str | None) -> Guess:
    """The guess for some files.

    Args:
        given: paths and patterns, as typed.
        label: column of a table, if the user names it.

    Raises:
        ValueError: there are no such files, or they are of no kind that is read.
    """
    found = paths.files_of(given)
    if len(found) == 1 and found[0].is_dir():
        return of_folder(found[0], label)
    if any(path.is_dir() for path in found):
        raise ValueError(
            f"files and folders together. Received: --data {' '.join(given)}. "
            "Expected one folder, or files."
        )
    kinds = {kind_of(path) for path in found}
    if kinds == {"tables"}:
        return of_tables(paths.by_split(found), label)
    if kinds == {"texts"}:
        require_no_label(label, found[0])
        return lines.of_texts(paths.by_split(found), typed=len(found) == len(given))
    advice = "give one kind of them"
    if kinds == {"images"}:
        advice = "give the folder of the images, or the table that names them"
    raise ValueError(
        f"no data that are read. Received: {paths.shown(found)}. Expected a table, "
        f"texts, or a folder of images, texts or tables: {advice}."
    )


def require_no_label(label: str | None, path: Path) -> None:
    """Refuse the name of a column where there is none."""
    if label is not None:
        raise ValueError(
            f"--label names a column of a table. Received: {path}, which is none. "
            "Expected no --label: folders are the labels of images."
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
    return "" if b"\0" in head and encoding_of(head) == "utf-8" else "texts"


def of_folder(folder: Path, label: str | None) -> Guess:
    """A folder of images, texts or tables, by the files that it has the most of.

    Raises:
        ValueError: it has none of them.
    """
    files: dict[str, list[Path]] = {kind: [] for kind in (*KINDS, "")}
    for at, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not hidden(name))
        for name in sorted(names):
            if hidden(name):
                continue
            suffix = streams.suffix(Path(name)).lower()
            of_name = (kind for kind, every in KINDS.items() if suffix in every)
            files[next(of_name, "")].append(Path(at, name))
    others = files.pop("")
    kind = max(files, key=lambda kind: len(files[kind]))
    if not files[kind]:
        pairs = paths.by_split(others)
        if len(pairs.get("train", [])) == 2 and {*map(kind_of, others)} == {"texts"}:
            require_no_label(label, folder)
            return lines.of_lines(pairs)
        raise ValueError(
            f"no data that are read. Received: the folder {folder}. Expected images in "
            "a folder for each label, texts (.txt, .md), or tables (.csv, .parquet, "
            ".jsonl and others)."
        )
    if kind == "images":
        return of_images(folder, files["images"], files["tables"], label)
    if kind == "tables":
        guess = of_tables(paths.in_folder(folder, files[kind]), label, folder)
    else:
        require_no_label(label, folder)
        guess = lines.of_texts(paths.in_folder(folder, files[kind]), False, folder)
    rest = [f"{len(v):,} {k}" for k, v in files.items() if k != kind and v]
    rest += [f"{len(others):,} other files"] if others else []
    if rest:
        guess.found.append(f"the folder also has {' and '.join(rest)}, left out")
    return guess


def of_images(
    folder: Path, files: list[Path], tables: list[Path], label: str | None
) -> Guess:
    """A folder of images: by label, or with a table that names them."""
    named = {}
    for one in tables[:MOST_TABLES]:
        try:
            looked = Looked([one])
        except ValueError:
            continue  # it is none that names images
        if column := pictures.column_of_files(looked):
            named[one] = looked, column
    if named and (label is not None or not pictures.by_label(folder, files)):
        path, (looked, column) = next(iter(named.items()))
        line = Line("path", paths.absolute(path))
        if len(named) > 1:
            also = f"of {len(named)} tables that name images, is it this one?"
            line = line._replace(ask=also)
        return pictures.of_table(looked, [line], column, label)
    require_no_label(label, folder)
    line = Line("path", paths.absolute(folder))
    if named:
        other = next(iter(named))
        ask = f"{other.name} names images too: does it hold the labels? Then --data it"
        line = line._replace(ask=ask)
    return pictures.of_folder(folder, files, [line])


def of_tables(
    found: dict[str, list[Path]], label: str | None, folder: Path | None = None
) -> Guess:
    """Tables of rows with labels, of images, of sentence pairs, or of texts."""
    keys = paths.keys_of(found, folder)
    return columns.of_columns(Looked(found["train"]), keys, label)
