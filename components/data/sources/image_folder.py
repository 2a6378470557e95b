"""Your own images: a folder for each label, files of any size and format.

PATH/LABEL/*.png            splits are made
PATH/SPLIT/LABEL/*.jpg      split as given: train, and perhaps valid and test
"""

import os
import re
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.files.found import SPLITS, expanded
from phistar.components.data.image_files import below
from phistar.components.data.notices import Notices
from phistar.components.data.sources.images import Example, ImageFiles, Options

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
    notices = Notices()
    root, splits, origin = splits_of("path", path, notices)
    for split, other in (("valid", valid_path), ("test", test_path)):
        if other is None:
            continue
        if split in splits:
            raise ValueError(
                f"{split} is given twice. Received: ingest.{split}_path={other!r}, and "
                f"a folder of {split} in {root}. Expected one of them."
            )
        place, found, named = splits_of(f"{split}_path", other, notices)
        both = [os.path.realpath(folder) for folder in (root, place)]
        if os.path.commonpath(both) in both:
            raise ValueError(
                f"one folder in two splits. Received: ingest.path={path!r} and "
                f"ingest.{split}_path={other!r}. Expected folders beside each other."
            )
        if set(found) != {"all"}:
            raise ValueError(
                f"splits in the folder of one split. Received: ingest.{split}_path="
                f"{other!r}, with {', '.join(found)}. Expected PATH/LABEL/FILE."
            )
        for parts, more in ((splits, found), (origin, named)):
            if "all" in parts:
                parts["train"] = parts.pop("all")
            parts[split] = more["all"]
    options = Options(height, width, channels, max_bad_files)
    name = re.sub(r"\W+", "_", root.resolve().name)
    return ImageFiles(splits, options, notices).source("images", name, origin)


def splits_of(key, path, notices):
    """The examples of a folder by split, or all of them as "all".

    Args:
        key: of the section `ingest`.
        path: its value.
        notices: Notices; what is left out is counted.

    Returns:
        (Path of the folder; dict of split -> list of Example, in the order of the rows;
        dict of split -> its folders, in words).

    Raises:
        ValueError: if there is no folder or no image, or a split that is not known.
    """
    root, counts = expanded(key, path), notices.begin(key)
    received = f"Received: ingest.{key}={path!r}, that is {root.absolute()}"
    if not root.is_dir():
        if root.exists():
            raise ValueError(
                f"a file, not a folder. {received}. {EXPECTED} A table of files and "
                "labels is read with ingest.source=image_table."
            )
        raise ValueError(f"no such folder. {received}. {EXPECTED}")
    start, folders = len(os.path.join(root, "")), {}
    files = below(root, counts)
    for file in files:
        top, *others = file[start:].split("/")
        if others:
            least, most = folders.get(top, (len(others), 0))
            folders[top] = min(least, len(others)), max(most, len(others))
        else:
            counts.add(NO_LABEL, file)
    if not folders:
        raise ValueError(f"no image in a folder by label. {received}. {EXPECTED}")
    given = are_splits(root, folders, received)
    found, origin = {}, {} if given else {"all": str(root)}
    for top in sorted(folders) if given else ():
        split = SPLITS[top.lower()]
        names = [origin[split]] if split in origin else []
        origin[split] = ", ".join([*names, str(root / top)])
    for file in files:
        top, *others = file[start:].split("/")
        labels = [top, *others[:-1]][given:]
        if not others:  # counted
            continue
        if not labels:
            counts.add(NO_LABEL, file)
            continue
        if len(labels) > 1:
            counts.add(DEEPER, file)
        split = SPLITS[top.lower()] if given else "all"
        name = f"{key}/{file[start:]}"
        found.setdefault(split, []).append(Example(file, fields(labels[0]), name))
    if not found.keys() & {"all", "train"}:
        raise ValueError(
            f"no images to train on. {received}, with images of "
            f"{', '.join(sorted(found))}. {EXPECTED}"
        )
    return root, found, origin


def are_splits(root, folders, received):
    """Tell folders of splits from folders of labels, and refuse a mixture.

    A folder is that of a split if it has the name of one, and folders in it: a label
    may well be called "train".

    Args:
        root: Path.
        folders: name of a folder in the root -> the least and the largest depth of its
            files, from 1.
        received: of errors.

    Returns:
        True if all are splits, False if all are labels.
    """
    named = [folder for folder in folders if folder.lower() in SPLITS]
    others = [folder for folder in folders if folder not in named]
    splits = [folder for folder in named if folders[folder][1] > 1]
    if not others:
        if not splits:
            raise ValueError(
                f"splits without folders by label. {received}, with images right in "
                f"{', '.join(named)}. {EXPECTED}"
            )
        return True
    if splits:
        raise ValueError(
            f"no such split. Received: {', '.join(others)}, beside "
            f"{', '.join(splits)}, in {root.absolute()}. {EXPECTED} Move what is no "
            "split out of it."
        )
    if len(folders) == 1 and folders[others[0]][0] > 1:
        raise ValueError(
            f"one folder, which has the folders. {received}. {EXPECTED} Write "
            f"ingest.path={str(root / others[0])!r}, if its folders are the labels."
        )
    return False


@cache  # a million rows have few labels
def fields(label):
    """Fields of the row of an image."""
    return {"labels": label}
