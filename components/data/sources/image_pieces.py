"""A part of the image files -> pixels in a file, in this process or in a worker."""

import os

from phistar.components.data.notices import Counter
from phistar.components.data.pictures import Picture, decoded

SUFFIX = ".pixels"


def images_piece(files, shape, white, out, read):
    """Decode images into OUT.pixels: uint8, one behind the other.

    Args:
        files: list of str.
        shape: [height, width, channels] to resize to.
        white: the value that is white in grey images of 16 bits.
        out, read: see Kept.map; an image is one.

    Returns:
        dict: "noted" is what was changed, as plain data of a Counter; "bad" are those
        that are left out, a list of [file, what it is instead of an image].
    """
    counts, bad = Counter(), []

    def pictures():
        for name in files:
            with open(name, "rb") as file:
                yield Picture(file.read(), {}, name)
            read(1)

    def refuse(name, what):
        bad.append([name, what])

    with open(f"{out}{SUFFIX}", "wb") as kept:
        for images, _ in decoded(pictures(), shape, counts, white, refuse):
            kept.write(images)
        kept.flush()
        os.fsync(kept.fileno())  # the note that it is there must not come before it
    return {"noted": counts.plain(), "bad": bad}
