"""Image files below a folder: links are followed, and what is left out is counted.

A name only helps to leave out files that belong to the system, or that are plainly
something else. Whether a file is an image, its content tells.
"""

import os
import re
from pathlib import Path

from phistar.components.data import plain_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif")
# images that are not read: to leave them out would be to lose data
OTHERS = (".heic", ".heif", ".avif", ".svg", ".psd", ".jp2", ".jxl", ".ico", ".dcm")
OTHERS += (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".ppm", ".pgm")
SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir")

HIDDEN = "hidden files and folders left out"
OTHER_FILES = "files that are no images left out"
LOOPS = "folders left out, as they lead back to a folder above them"


def below(root, counts):
    """Files below a folder that are, or should be, images.

    Args:
        root: Path of the folder.
        counts: Counter of notices; what is left out is counted.

    Returns:
        list of Path, in no order.

    Raises:
        ValueError: a folder that may not be read.
    """
    found = []

    def failed(error):
        raise ValueError(
            f"a folder that may not be read. Received: {error.filename}. Expected "
            "folders that you may read: change its permissions."
        )

    # a folder's own path, with no links -> those of the folders above it and its own
    above = {root: (os.path.realpath(root),)}
    for folder, folders, files in os.walk(root, onerror=failed, followlinks=True):
        place = Path(folder)
        kept = []
        for name in sorted(folders):
            real = os.path.realpath(place / name)
            if is_hidden(name):
                counts.add(HIDDEN, place / name)
            elif real in above[place]:
                counts.add(LOOPS, place / name)
            else:
                above[place / name] = (*above[place], real)
                kept.append(name)
        del above[place]
        folders[:] = kept
        for name in sorted(files):
            if is_hidden(name):
                counts.add(HIDDEN, place / name)
            elif is_image(place / name):
                found.append(place / name)
            else:
                counts.add(OTHER_FILES, place / name)
    return found


def is_hidden(name):
    """True if a name is hidden, or belongs to the system."""
    return name.startswith(".") or name.lower() in SYSTEM


def is_image(file):
    """True if a file is an image, or is to be one by its name."""
    if file.suffix.lower() in (*SUFFIXES, *OTHERS):
        return True
    if not file.is_file():  # a pipe, or a link that leads nowhere
        return False
    try:
        with open(file, "rb") as stream:
            return plain_image.begins_as_image(stream.read(16))
    except OSError:  # refused where it is read
        return True


def order(file):
    """Sort key: the file's name with its numbers by value, then the label."""
    words = re.split(r"(\d+)", file.name)
    numbered = [int(word) if i % 2 else word for i, word in enumerate(words)]
    return numbered, file.parts
