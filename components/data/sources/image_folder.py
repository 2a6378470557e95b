"""Your own images: a folder for each label, files of any size and format.

PATH/LABEL/*.png            splits are made
PATH/SPLIT/LABEL/*.jpg      split as given: train, and perhaps valid and test
"""

import re
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.image_files import below, order
from phistar.components.data.notices import Notices
from phistar.components.data.sources.images import Example, Options, images

SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}
EXPECTED = (
    "Expected PATH/LABEL/FILE or PATH/SPLIT/LABEL/FILE, with splits train, valid and "
    "test."
)
DEEPER = "images in deeper folders, labelled by the first of these"
NO_LABEL = "images left out, as they are in no label's folder"


def image_folder(
    *,
    path: str,
    valid_path: str | None = None,
    test_path: str | None = None,
    height: Annotated[int, Field(ge=1)] | None = None,
    width: Annotated[int, Field(ge=1)] | None = None,
    channels: Literal[1, 3] | None = None,
    max_bad_files: Annotated[int, Field(ge=0)] = 0,
):
    """Images in folders by label, grey or RGB, each resized to one size.

    PNG, JPEG, WebP, BMP, TIFF and GIF, known by their content. They are turned as EXIF
    says, and transparent parts are laid on white. Images are resized as by the exported
    model: bilinear, antialiased, rounded to 8 bits, each side stretched by itself. Grey
    is repeated to RGB, or RGB becomes its luminance. Rows are in the order of the
    files' names (2.png before 10.png), then of the labels.

    Args:
        path: of the folder; relative to the working directory.
        valid_path: of a folder PATH/LABEL/FILE for valid; default: PATH/valid, or made.
        test_path: of a folder PATH/LABEL/FILE for test; default: PATH/test, or made.
        height: of the images in the data; default: that of the most files.
        width: of the images in the data; default: that of the most files.
        channels: 1 is grey, 3 is RGB; default: 3 if a file has colours.
        max_bad_files: files that may be left out, as they are no whole image.

    Returns:
        Source of images.

    Raises:
        ValueError: if a folder does not exist, or has no images in folders by label.
    """
    root, notices = Path(path).expanduser(), Notices()
    splits = splits_of(root, "path", notices)
    for split, other in (("valid", valid_path), ("test", test_path)):
        if other is None:
            continue
        if split in splits:
            raise ValueError(
                f"{split} is given twice. Received: ingest.{split}_path={other!r}, and "
                f"a folder of {split} in {root}. Expected one of them."
            )
        found = splits_of(Path(other).expanduser(), f"{split}_path", notices)
        if set(found) != {"all"}:
            raise ValueError(
                f"splits in the folder of one split. Received: ingest.{split}_path="
                f"{other!r}, with {', '.join(found)}. Expected PATH/LABEL/FILE."
            )
        splits["train"] = splits.pop("all", None) or splits["train"]
        splits[split] = found["all"]
    options = Options(height, width, channels, max_bad_files)
    name = re.sub(r"\W+", "_", root.resolve().name)
    return images(name, splits, options, notices)


def splits_of(root, key, notices):
    """The examples of a folder by split, or all of them as "all".

    Args:
        root: Path.
        key: that names it, for errors.
        notices: Notices; what is left out is counted.

    Returns:
        dict of split -> list of Example, in the order of the rows.

    Raises:
        ValueError: if there is no folder or no image, or a split that is not known.
    """
    received = f"Received: ingest.{key}={str(root)!r}, that is {root.absolute()}"
    if not root.is_dir():
        what = "a file, not a folder" if root.exists() else "no such folder"
        raise ValueError(f"{what}. {received}. {EXPECTED}")
    counts = notices.begin(key)
    tops = {}  # name of a folder in the root -> its files
    for file in sorted(below(root, counts), key=order):
        top, *others = file.relative_to(root).parts
        if others:
            tops.setdefault(top, []).append(file)
        else:
            counts.add(NO_LABEL, file)
    if not tops:
        raise ValueError(f"no image in a folder by label. {received}. {EXPECTED}")
    if require_labels_or_splits(root, tops, received):
        splits = {}
        for top, found in tops.items():
            splits.setdefault(SPLITS[top.lower()], []).extend(found)
        splits = {name: sorted(found, key=order) for name, found in splits.items()}
        depth = 1
    else:
        every = chain.from_iterable(tops.values())
        splits, depth = {"all": sorted(every, key=order)}, 0
    found = {
        name: labelled(root, files, key, depth, counts)
        for name, files in splits.items()
    }
    if not found.get("all", found.get("train")):
        raise ValueError(
            f"no images to train on. {received}, with images of "
            f"{', '.join(sorted(found))}. {EXPECTED}"
        )
    return found


def require_labels_or_splits(root, tops, received):
    """Tell folders of splits from folders of labels, and refuse a mixture.

    A folder is that of a split if it has the name of one, and folders in it: a label
    may well be called "train".

    Args:
        root: Path.
        tops: name of a folder in the root -> its files.
        received: of errors.

    Returns:
        True if all are splits, False if all are labels.
    """
    deep = {
        top: any(len(file.relative_to(root).parts) > 2 for file in files)
        for top, files in tops.items()
    }
    named = [top for top in tops if top.lower() in SPLITS]
    others = [top for top in tops if top not in named]
    if not others:
        if not any(deep.values()):
            raise ValueError(
                f"splits without folders by label. {received}, with images right in "
                f"{', '.join(named)}. {EXPECTED}"
            )
        return True
    if splits := [top for top in named if deep[top]]:
        raise ValueError(
            f"no such split. Received: {', '.join(others)}, beside "
            f"{', '.join(splits)}, in {root.absolute()}. {EXPECTED} Move what is no "
            "split out of it."
        )
    if len(tops) == 1 and all(
        len(file.relative_to(root).parts) > 2 for file in tops[others[0]]
    ):
        raise ValueError(
            f"one folder, which has the folders. {received}. {EXPECTED} Write "
            f"ingest.path={str(root / others[0])!r}, if its folders are the labels."
        )
    return False


def labelled(root, files, key, depth, counts):
    """The examples of some files.

    Args:
        root: Path.
        files: list of Path.
        key: that names the root.
        depth: of the labels' folders below it.
        counts: Counter of notices.

    Returns:
        list of Example.
    """
    found = []
    for file in files:
        place = file.relative_to(root)
        folders = place.parts[depth:-1]
        if not folders:
            counts.add(NO_LABEL, file)
            continue
        if len(folders) > 1:
            counts.add(DEEPER, file)
        name = f"{key}/{place.as_posix()}"
        found.append(Example(file, {"labels": folders[0]}, name))
    return found
