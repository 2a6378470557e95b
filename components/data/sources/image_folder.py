"""Your own images: a folder for each label, PNG or JPEG files of any size.

PATH/LABEL/*.png            split by a hash of the pixels
PATH/SPLIT/LABEL/*.jpg      split as given: train, and optionally valid and test
"""

import hashlib
import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.foreign import require_image
from phistar.components.data.sources.base import Chunks, Overview, Source
from phistar.components.hashing import file_sha256
from phistar.components.labels import first_rows

SUFFIXES = (".png", ".jpg", ".jpeg")
SPLITS = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "test": "test",
}


def image_folder(
    *,
    path: str,
    height: Annotated[int, Field(ge=1)] | None = None,
    width: Annotated[int, Field(ge=1)] | None = None,
    channels: Literal[1, 3] | None = None,
):
    """Images in folders by label, grey or RGB, each resized to one size.

    Images are resized as by the exported model: bilinear, antialiased, rounded to 8
    bits, each side stretched by itself. Grey is repeated to RGB, or RGB becomes its
    luminance. Rows are in the order of the files' names (2.png before 10.png), then of
    the labels. Names that begin with a dot are left out.

    Args:
        path: of the folder; relative to the working directory.
        height: of the images in the data; default: that of the first file.
        width: of the images in the data; default: that of the first file.
        channels: 1 is grey, 3 is RGB; default: that of the first file.

    Returns:
        Source of images.

    Raises:
        ValueError: if the folder does not exist, or holds other files.
    """
    root = Path(path).expanduser()
    splits = files(root)
    # opening must not decode the images, so the fingerprint is that of the files
    digest = hashlib.sha256()
    for file in chain(*splits.values()):
        name, size = file.relative_to(root).as_posix(), file.stat().st_size
        digest.update(f"{name}\0{size}\0{file_sha256(file)}\n".encode())

    @cache
    def overview():
        for file in chain(*splits.values()):
            require_image(file.read_bytes(), file)
        train = splits.get("all") or splits["train"]
        return Overview(first_rows([f.parent.name for f in train]), len(train))

    def read():
        from phistar.components.data.pictures import pieces, target_shape

        first = next(iter(splits.values()))[0]
        shape = target_shape((first.read_bytes(), first), height, width, channels)

        def examples(split):
            for file in splits[split]:
                yield file.read_bytes(), file.parent.name, file

        return {
            split: Chunks(lambda split=split: pieces(examples(split), shape))
            for split in splits
        }

    return Source(
        name=re.sub(r"\W+", "_", root.resolve().name),
        kind="images",
        fingerprint={"sha256": digest.hexdigest()},
        read=read,
        overview=overview,
    )


def files(root):
    """The image files by split, or all of them as "all".

    Args:
        root: Path.

    Returns:
        dict of split -> list of Paths, in the order of the rows.

    Raises:
        ValueError: if there is no folder or no image, or a file of another kind or at
            another depth.
    """
    expected = (
        "Expected PATH/LABEL/FILE or PATH/SPLIT/LABEL/FILE, files that end in "
        f"{', '.join(SUFFIXES)} and splits {', '.join(SPLITS)}."
    )
    if not root.is_dir():
        raise ValueError(
            f"no such folder. Received: ingest.path={str(root)!r}, that is "
            f"{root.absolute()}. {expected}"
        )
    found = {}
    for file in root.rglob("*"):
        folders = file.relative_to(root).parts[:-1]
        if any(part.startswith(".") for part in (*folders, file.name)) or file.is_dir():
            continue
        if file.suffix.lower() not in SUFFIXES:
            raise ValueError(f"not an image file. Received: {file}. {expected}")
        # the depth tells PATH/LABEL/FILE from PATH/SPLIT/LABEL/FILE
        found.setdefault(len(folders), []).append(file)
    if set(found) == {1}:
        return {"all": sorted(found[1], key=order)}
    if set(found) != {2}:
        named = [str(found[depth][0]) for depth in sorted(found)]
        received = f"files like {named}" if named else "no image in it"
        raise ValueError(
            f"{root} is not a folder of images. Received: {received}. {expected}"
        )
    splits = {}
    for file in sorted(found[2], key=order):
        split = file.parts[-3]
        if split not in SPLITS:
            raise ValueError(
                f"no such split. Received: {split!r}, of {file}. {expected}"
            )
        splits.setdefault(SPLITS[split], []).append(file)
    if "train" not in splits:
        raise ValueError(
            f"{root} has no images to train on. Received: {', '.join(sorted(splits))}. "
            f"{expected}"
        )
    return splits


def order(file):
    """Sort key: the file's name with its numbers by value, then the label."""
    words = re.split(r"(\d+)", file.name)
    numbered = [int(word) if i % 2 else word for i, word in enumerate(words)]
    return numbered, file.parts
