"""A look at all image files before they are read: their sizes, colours, and faults.

Only the beginning and the end of a file are read, but of grey images of 16 bits, whose
brightest pixel tells what white is.
"""

import csv
import os
from collections import Counter
from typing import NamedTuple

from phistar.components import progress
from phistar.components.data import plain_image
from phistar.components.data.image_kinds import READABLE, Unreadable, refusal
from phistar.components.data.plain_image import WHITE

FEW = 5  # files that an error names
BAD = "files left out, as none is a whole image (ingest.max_bad_files)"
BAD_FILES = "bad_files.csv"  # their list, beside the Dataset


class Survey(NamedTuple):
    """Facts about all files that can be read.

    Args:
        sizes: (height, width) -> number of files.
        channels: 1 or 3 -> number of files.
        white: the value that is white in grey images of 16 bits; None without one.
    """

    sizes: Counter
    channels: Counter
    white: int | None


class Bad:
    """Files that are no whole images; more than a few are refused.

    Args:
        most: of them, that are left out.
        counts: Counter of notices.
    """

    def __init__(self, most, counts):
        self.most, self.counts, self.found = most, counts, {}
        self.folder = None  # to list them in

    def __contains__(self, file):
        return file in self.found

    def add(self, file, what):
        """Note a file and what it is; refuse once FEW more than `most` are known."""
        if file not in self.found:
            self.found[file] = what
            self.counts.add(BAD, f"{file} ({what})")
        if len(self.found) >= self.most + FEW:
            self.end()

    def end(self):
        """List the files at the end of a pass, or refuse them if there are too many.

        Raises:
            ValueError: with the first ones, and what they are.
        """
        if len(self.found) <= self.most:
            if self.found and self.folder:
                self.write(self.folder / BAD_FILES)
            return
        (file, what), *others = list(self.found.items())[: max(FEW, 1)]
        text = refusal(file, what)
        if others:
            listed = "; ".join(f"{file}: {what}" for file, what in others)
            text += f" Others too: {listed}."
        raise ValueError(
            f"{text} `ingest.max_bad_files=N` leaves out N of them at most, and lists "
            "them."
        )

    def write(self, path):
        """Write the list: file, received."""
        with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
            table = csv.writer(file)
            table.writerow(("file", "received"))
            table.writerows(self.found.items())


def survey(files, bad):
    """Look at all files.

    Args:
        files: list of str.
        bad: Bad.

    Returns:
        Survey.

    Raises:
        ValueError: too many are no images.
    """
    sizes, channels, brightest = Counter(), Counter(), None
    progress.doing("looking at the images")
    seen = progress.counter("images", len(files))
    for number, file in enumerate(files, 1):
        if not number % 100:
            seen(100)
        try:
            head = look(file)
            if head.deep:
                with open(file, "rb") as stream:
                    found = plain_image.brightest(stream.read())
                brightest = max(found, brightest or 0)
        except Unreadable as error:
            bad.add(file, str(error))
            continue
        sizes[head.height, head.width] += 1
        channels[head.channels] += 1
    bad.end()
    if not sizes:
        raise ValueError(
            f"no image that can be read. Received: {len(bad.found)} files, all of them "
            f"left out. Expected {READABLE} files."
        )
    white = None if brightest is None else plain_image.white_of(brightest)
    return Survey(sizes, channels, white)


def look(file):
    """The Head of a file.

    Raises:
        Unreadable: also a file that does not exist.
    """
    if not os.path.isfile(file):  # a pipe would never end
        raise Unreadable("no regular file" if os.path.exists(file) else "no file")
    try:
        with open(file, "rb") as stream:
            return plain_image.head(stream)
    except OSError as error:
        raise Unreadable(f"a file that may not be read: {error.strerror}") from None


def chosen(found, height, width, channels, counts):
    """The shape of the images in the data, and white; what is changed is counted.

    Sides that are not given are those of the most files, of as many the first. Colours
    win over grey: a grey image loses nothing when it is repeated to RGB.

    Args:
        found: Survey.
        height, width, channels: int, or None where it is not given.
        counts: Counter of notices.

    Returns:
        ((height, width, channels), white).
    """
    ((usual, same),) = found.sizes.most_common(1)
    size = height or usual[0], width or usual[1]
    others = found.sizes.total() - found.sizes[size]
    if others and not (height and width):
        counts.add(
            f"images resized to {size[0]}x{size[1]} (height x width), the most common "
            f"of {len(found.sizes):,} sizes, of {same:,} others; ingest.height and "
            "ingest.width choose another",
            count=others,
        )
    elif others:
        counts.add(f"images resized to {size[0]}x{size[1]}, as asked", count=others)
    colours = channels or max(found.channels)
    if others := found.channels.total() - found.channels[colours]:
        made = {1: "colour images made grey", 3: "grey images repeated to RGB"}[colours]
        why = "as asked" if channels else "as others have colours"
        counts.add(f"{made}, {why}", count=others)
    return (*size, colours), found.white or WHITE
