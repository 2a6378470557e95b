"""Images: in folders by label, or named by a table."""

import os
from collections import Counter
from pathlib import Path

from phistar.components.data.files.found import SPLITS
from phistar.components.data.image_files import SUFFIXES
from phistar.pipeline.init import tables
from phistar.pipeline.init.guess import Guess, Line, passes
from phistar.pipeline.init.looked import Looked

SHOWN = 100  # images whose sizes are read
LARGEST = 96  # pixels of a side, unless the user wants more
STEPS = 2000
MOSTLY = 0.9  # of the cells of a column of images


def column_of_files(looked: Looked) -> str | None:
    """The column that names images, which are there; None without one."""
    for name, cells in looked.cells.items():
        named = [cell for cell in cells if cell.lower().endswith(SUFFIXES)]
        known = len(cells) - ("" in cells)
        if named and len(named) >= MOSTLY * known:
            return name
    return None


def by_label(folder: Path, files: list[Path]) -> Counter:
    """Images of each label, as folders tell it; empty with fewer than two labels."""
    inside = [file.relative_to(folder).parts for file in files]
    splits = splits_in(folder, files)
    labels = [p[1] if p[0] in splits else p[0] for p in inside if len(p) > 1]
    counts = Counter(labels)
    return counts if len(counts) > 1 else Counter()


def splits_in(folder: Path, files: list[Path]) -> set[str]:
    """Folders in a folder that are splits: of such a name, with folders in them."""
    inside = [file.relative_to(folder).parts for file in files]
    return {p[0] for p in inside if len(p) > 2 and p[0].lower() in SPLITS}


def of_folder(folder: Path, files: list[Path], paths: list[Line]) -> Guess:
    """The guess of a classifier of images in folders.

    Args:
        folder: Path.
        files: images below it.
        paths: lines of ingest with the folder.

    Raises:
        ValueError: fewer than two folders with images.
    """
    counts = by_label(folder, files)
    if not counts:
        raise ValueError(
            f"images without labels. Received: {len(files):,} images in {folder}, and "
            "not two folders of them. Expected a folder for each label: "
            "PATH/LABEL/FILE, or PATH/SPLIT/LABEL/FILE; or a table that names the "
            "images and their labels."
        )
    splits = sorted(splits_in(folder, files))
    given = ", ".join(splits) or "made, each label has its share"
    found = [f"a label is a folder: {tables.shown(counts)}", f"splits: {given}"]
    ingest = [Line("source", "image_folder"), *paths]
    return guess(files, counts, len(files), ingest, found)


def of_table(
    looked: Looked, paths: list[Line], column: str, label: str | None
) -> Guess:
    """The guess of a classifier of images that a table names.

    Args:
        looked: at the files of train.
        paths: lines of ingest with the files.
        column: of the images' files.
        label: its column, if the user names it.

    Raises:
        ValueError: no column can be the label, or the first image is not there.
    """
    divided = tables.split_lines(looked)
    used = {column, *(line.value for line in divided)}
    name, why, ask = tables.label_of(looked, label, used)
    counts = tables.labels(looked, name)
    folder = looked.table.files[0].parent
    files = [folder / os.path.expanduser(cell) for cell in looked.cells[column] if cell]
    if not files[0].is_file():
        raise ValueError(
            f"an image that is not there. Received: {files[0]}, of the column "
            f"{column!r}. Expected files as the table names them, from its folder on: "
            "move the table beside the images, or correct the names."
        )
    ingest = [Line("source", "image_table"), *paths]
    ingest.append(Line("images", column, "its cells are names of images"))
    ingest.append(Line("label", name, why, ask))
    rest = set(looked.columns) - {name, *used}
    ingest += [*divided, *tables.dividing(looked, rest), *looked.further]
    found = [
        f"a table of about {looked.rows:,} images, in the column {column!r}",
        f"the label is {name!r} ({why or 'as you say'}): {tables.shown(counts)}",
    ]
    return guess(files, counts, looked.rows, ingest, found)


def guess(
    files: list[Path], counts: Counter, rows: int, ingest: list[Line], found: list[str]
) -> Guess:
    """The guess of a classifier of images.

    Args:
        files: images; of some the sizes are read.
        counts: of the labels.
        rows: images of all files.
        ingest: lines of its section; sizes are added.
        found: what the files are taken for.
    """
    width, height = middle_size(files)
    found = [f"{rows:,} images, {width}x{height} in the middle", *found]
    binary, large = len(counts) == 2, max(width, height)
    task = [Line("name", "binary" if binary else "multiclass")]
    if binary:
        task.append(tables.positive(counts))
    if large > LARGEST:
        why = f"images are about {width}x{height}; larger ones take longer"
        width, height = (max(8, round(n * LARGEST / large)) for n in (width, height))
        ingest = [*ingest, Line("height", height, why), Line("width", width)]
    side = min(width, height)
    blocks = max(1, min(4, (side // 4).bit_length()))
    return Guess(
        f"Which label has an image?  {len(counts)} labels, {rows:,} images.",
        found,
        {
            "task": task,
            "ingest": ingest,
            "build": [
                Line("network", "vgg_small"),
                Line("num_blocks", blocks, f"for {side} pixels"),
            ],
            "train": [
                Line("loss", "logistic" if binary else "cross_entropy"),
                Line("epochs", passes(rows, 32, STEPS)),
                Line("batch_size", 32),
                Line("learning_rate", 0.002),
            ],
        },
    )


def middle_size(files: list[Path]) -> tuple[int, int]:
    """Median width and height of some images.

    Raises:
        ValueError: none of them can be read.
    """
    from PIL import Image

    sizes = []
    for file in files[:: max(1, len(files) // SHOWN)]:
        try:
            with Image.open(file) as image:
                sizes.append(image.size)
        except OSError:
            continue  # ingest tells which files are broken
    if not sizes:
        raise ValueError(
            f"no image that can be read. Received: {files[0]} and others. Expected "
            "PNG, JPEG, WebP, BMP, TIFF or GIF files."
        )
    width, height = (sorted(side)[len(side) // 2] for side in zip(*sizes, strict=True))
    return width, height
