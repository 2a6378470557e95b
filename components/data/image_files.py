"""Image files below a folder: links are followed, and what is left out is counted.

A name only helps to leave out files that belong to the system, or that are plainly
something else. Whether a file is an image, its content tells.
"""

import os
import re
import stat

from phistar.components.data.files.found import HIDDEN, OTHER, hidden
from phistar.components.data.image_kinds import begins_as_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif")
# images that are not read: to leave them out would be to lose data
OTHERS = (".heic", ".heif", ".avif", ".svg", ".psd", ".jp2", ".jxl", ".ico", ".dcm")
OTHERS += (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".ppm", ".pgm")
DIGITS = 20  # of a number in a name, at most, to be ordered by its value
LOOPS = "folders left out, as they lead back to a folder above them"


def below(root, counts):
    """Files below a folder that are, or should be, images.

    A folder that two links lead to is read twice: they may be two labels.

    Args:
        root: Path or str.
        counts: Counter of notices; what is left out is counted.

    Returns:
        list of str, in the order of the rows; a million Paths would be a gigabyte.

    Raises:
        ValueError: a folder that may not be read.
    """
    found = []

    def failed(error):
        raise ValueError(
            f"a folder that may not be read. Received: {error.filename}. Expected "
            "folders that you may read: change its permissions."
        )

    # a folder -> the real paths of those above it and its own
    above = {os.fspath(root): (os.path.realpath(root),)}
    for folder, folders, files in os.walk(root, onerror=failed, followlinks=True):
        known, kept = above.pop(folder), []
        for name in sorted(folders):
            path = os.path.join(folder, name)
            real = os.path.realpath(path)
            if hidden(name):
                counts.add(HIDDEN, f"{path}/")
            elif real in known:
                counts.add(LOOPS, path)
            else:
                above[path] = (*known, real)
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            path = os.path.join(folder, name)
            if hidden(name):
                counts.add(HIDDEN, path)
            elif is_image(path):
                found.append(path)
            else:
                counts.add(OTHER, path)
    return sorted(found, key=order)


def is_image(file):
    """True if a file is an image, or is to be one by its name.

    A pipe or a device is none, whatever its name: it may have no end.
    """
    named = os.path.splitext(file)[1].lower() in (*SUFFIXES, *OTHERS)
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return False
        if named:
            return True
        with open(file, "rb") as stream:
            return begins_as_image(stream.read(16))
    except FileNotFoundError:  # a link that leads nowhere
        return named
    except OSError:  # refused where it is read
        return True


def order(file):
    """Sort key: the file's name with its numbers by value, then its folder."""
    folder, name = os.path.split(file)
    # one string, since a million of keys are in memory
    return re.sub(r"\d+", lambda number: number[0].zfill(DIGITS), name) + "\0" + folder
