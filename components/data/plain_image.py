"""Bytes of any image file -> bytes that the SavedModel reads as they are meant.

A plain image is a PNG or JPEG of 8 bits, grey or RGB, upright. It passes unchanged. All
others become a plain PNG, by the rules of `converted`. What a file is, its content
tells, not its name.

MLflow's model has a copy of this file and of image_kinds.py, so they need Pillow and
NumPy alone.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

if __package__:
    from phistar.components.data.image_kinds import (
        ENDS,
        Unreadable,
        opened,
        reading,
        word,
    )
else:  # MLflow's model has a copy beside this one
    from image_kinds import ENDS, Unreadable, opened, reading, word

WHITE = 2**16 - 1  # of an image of 16 bits, if its data use them all
GREY = ("1", "L", "LA", "La")  # modes of Pillow; those of 16 bits begin with I;16
CLEAR = ("LA", "La", "PA", "RGBA", "RGBa")  # modes with transparency
ORIENTATION = 0x0112  # of EXIF

TURNED = "images turned, as their EXIF says"
CMYK = "images converted from CMYK to RGB"
PALETTE = "images of a palette converted to its colours"
ALPHA = "images whose transparent parts were laid on white"
LOST = "images that are one colour once they lie on white: their shape was in it"
FIRST = "images of several frames or pages, of which the first is taken"


class Plain(NamedTuple):
    """A plain image.

    Args:
        data: bytes of a PNG or JPEG.
        changes: what was done to the picture, each as a Notice says it.
    """

    data: bytes
    changes: tuple[str, ...]


class Head(NamedTuple):
    """Facts about an image that is not decoded.

    Args:
        height, width: once it is upright.
        channels: 1 is grey, 3 is RGB.
        deep: True if it is grey of 16 bits.
    """

    height: int
    width: int
    channels: int
    deep: bool


def plain(data, white=WHITE):
    """Make an image plain.

    Args:
        data: bytes of a file.
        white: the value that is white in grey images of 16 bits.

    Returns:
        Plain.

    Raises:
        Unreadable: no image of FORMATS, or a broken one.
    """
    image, changes = plain_pixels(data, white)
    return Plain(data if image is None else png(image), changes)


def plain_pixels(data, white=WHITE):
    """Pixels of an image that is not plain, before they are a PNG.

    Args:
        data, white: see `plain`.

    Returns:
        (PIL.Image.Image, grey or RGB, or None of a plain image; changes, see Plain).

    Raises:
        Unreadable: as `plain`.
    """
    image = opened(io.BytesIO(data))
    frames = (FIRST,) if image.format != "MPO" and frames_of(image) > 1 else ()
    if is_plain(image, data):
        return None, frames
    changes = [*frames]
    if image.format not in ENDS:
        changes.append(f"{word(image)} images converted to PNG")
    with reading(image, len(data)):
        return converted(image, white, changes), tuple(changes)


def png(image):
    """The PNG of an image, not packed: it is read once, and packing takes longest."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def head(stream):
    """Facts about an image, without decoding it.

    Args:
        stream: file of bytes.

    Returns:
        Head.

    Raises:
        Unreadable: as `plain`, as far as its first and last bytes tell.
    """
    image = opened(stream)
    width, height = image.size
    # it lies on its side; Pillow gives the sides of an upright TIFF
    if orientation(image) >= 5 and image.format != "TIFF":
        height, width = width, height
    return Head(height, width, 1 if is_grey(image) else 3, is_deep_grey(image))


def brightest(data):
    """The largest value of a grey image of 16 bits.  bytes -> int"""
    image = opened(io.BytesIO(data))
    with reading(image, len(data)):
        return int(np.asarray(image).max())


def white_of(value):
    """White of data whose largest value is `value`: of 8 bits, of 12, ... of 16.

    Cameras and scanners give 10, 12 or 14 bits, and files of 16 hold them.
    """
    return 2 ** max(8, value.bit_length()) - 1


def is_plain(image, data):
    """True if an opened image is plain.  PIL.Image.Image, bytes -> bool"""
    return (
        image.format in ENDS
        and image.mode in ("L", "RGB")
        and "transparency" not in image.info
        and (image.format != "PNG" or data[24] == 8)  # bits, in PNG's header
        and orientation(image) == 1
    )


def orientation(image):
    """EXIF's number 1 ... 8 of how an image lies; 1 if it is upright or says nothing.

    Only of a PNG that says so in its header: Pillow would decode it whole to look.
    """
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & {*image.info}:
        return 1
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # what cameras write there is often broken
        return 1
    return found if found in range(2, 9) else 1


def converted(image, white, changes):
    """An image that is not plain as grey or RGB, upright.

    Args:
        image: of `opened`.
        white: see `plain`.
        changes: list that what is done is added to.

    Returns:
        PIL.Image.Image.

    Raises:
        Unreadable: numbers that have no white.
    """
    deep, turned = is_deep(image), orientation(image) > 1
    image.load()
    grey = is_grey(image)
    if image.mode in ("I", "F"):
        raise Unreadable(
            f"a {word(image)} image of 32-bit numbers, of which none is white: save "
            "it with 8 or 16 bits"
        )
    if turned:
        changes.append(TURNED)
        image = ImageOps.exif_transpose(image)
    if is_deep_grey(image):
        changes.append(f"images of 16 bits scaled to 8, {white} is white")
        image = scaled(image, white)
    elif deep:  # Pillow has taken the high byte of each
        changes.append(f"colour images of 16 bits scaled to 8, {WHITE} is white")
    if image.mode == "P":
        changes.append(PALETTE)
    elif image.mode in ("CMYK", "YCCK"):
        changes.append(CMYK)
    if image.mode in CLEAR or "transparency" in image.info:
        image = on_white(image, changes)
    image = image.convert("L" if grey else "RGB")
    image.info.clear()  # else it is written with the colour that was transparent
    return image


def scaled(image, white):
    """Grey of 16 bits -> of 8: `white` becomes 255, and what is above it too."""
    values = np.asarray(image).astype("float64")
    levels = np.minimum(np.rint(values * (255 / white)), 255).astype("uint8")
    if isinstance(clear := image.info.get("transparency"), int):
        levels[values == clear] = 255  # on white
    return Image.fromarray(levels)


def on_white(image, changes):
    """An image laid on white, RGB."""
    image = image.convert("LA") if image.mode == "La" else image
    image = image.convert("RGBA")
    low, high = image.getchannel("A").getextrema()
    under = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(under, image).convert("RGB")
    if low < 255:
        changes.append(ALPHA)
        if low < high and all(least == most for least, most in flat.getextrema()):
            changes.append(LOST)
    return flat


def is_grey(image):
    """True if an image has no colours; a palette may be of greys alone."""
    if image.mode == "P":
        red, green, blue = np.array(image.getpalette()).reshape(-1, 3).T
        return bool((red == green).all() and (green == blue).all())
    return image.mode in GREY or is_deep_grey(image)


def is_deep_grey(image):
    """True if an image is grey of 16 bits."""
    return image.mode.startswith("I;16")


def is_deep(image):
    """True if an image whose pixels are not read yet has 16 bits of each colour."""
    names = [
        tile.args if isinstance(tile.args, str) else tile.args[0]
        for tile in image.tile
        if tile.args
    ]
    return any(";16" in str(name) for name in names)


def frames_of(image):
    """Frames or pages of a file."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # of a broken file; its first frame may be whole
        return 1
