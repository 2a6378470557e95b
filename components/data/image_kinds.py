"""Files that are images: what a file is, by its content, and opening it with Pillow.

MLflow's model has a copy of this file, so it needs Pillow alone.
"""

import contextlib
import io

from PIL import Image

READABLE = "PNG, JPEG, WebP, BMP, TIFF or GIF"
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # as Pillow calls them
WORDS = {"WEBP": "WebP", "MPO": "JPEG"}
MAX_PIXELS = 2**26  # of an image: a file of few bytes may claim any number

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
ENDS = {"PNG": b"IEND", "JPEG": b"\xff\xd9", "MPO": b"\xff\xd9"}  # of a whole file
TAIL = 2**12  # bytes in which that mark stands, but where a file goes on after it

# first bytes of images that are read -> their kind; of WebP see `kind`
IMAGES = {PNG: "a PNG", JPEG: "a JPEG", b"GIF8": "a GIF"}
IMAGES |= dict.fromkeys((b"II*\0", b"MM\0*"), "a TIFF")
# first bytes of other files -> what they are
KINDS = {
    b"8BPS": "a Photoshop file",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"\0\0\x01\0": "an icon",
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive or an Office file",
    b"\x1f\x8b": "a gzip file",
    b"\x93NUMPY": "a NumPy file",
}
PHOTOS = {b"heic": "a HEIC photo", b"heix": "a HEIC photo", b"mif1": "a HEIC photo"}
PHOTOS |= {b"avif": "an AVIF image"}  # brands of files with `ftyp` at byte 4
PHOTO_MARKS = [b"ftyp" + brand for brand in PHOTOS]


class Unreadable(ValueError):
    """A file that is no image that can be read; the text says what it is instead."""


def refusal(name, what):
    """The error about a file that is no image.

    Args:
        name: of the file.
        what: it is instead, the text of Unreadable.

    Returns:
        str.
    """
    return (
        f"{name} is not an image that can be read. Received: {what}. Expected a whole "
        f"{READABLE} file: convert it, replace it, or take it away."
    )


def opened(stream):
    """The image of a file, its pixels not read yet.

    Args:
        stream: file of bytes.

    Returns:
        PIL.Image.Image.

    Raises:
        Unreadable: what the file is instead.
    """
    start = stream.read(32)
    stream.seek(0)
    try:
        image = Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"an image of more than {MAX_PIXELS} pixels") from None
    except Exception:  # of a broken file, Pillow raises what its readers raise
        raise Unreadable(kind(start, size_of(stream))) from None
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        sides = f"{width}x{height} pixels"
        raise Unreadable(f"an image of {sides}, more than {MAX_PIXELS}")
    if image.format in ENDS and not has_end(stream, ENDS[image.format]):
        raise Unreadable(cut_off(image, size_of(stream)))
    return image


def kind(start, size):
    """Words for what a file is that Pillow does not open.

    Args:
        start: its first bytes.
        size: of the file, bytes.

    Returns:
        str.
    """
    if not size:
        return "an empty file"
    if image := image_kind(start):
        return f"{image} image that is cut off or broken, of {size} bytes"
    if start[4:8] == b"ftyp":
        return PHOTOS.get(start[8:12], "a video or another MP4 file")
    known = (name for first, name in KINDS.items() if start.startswith(first))
    if found := next(known, ""):
        return found
    try:
        return f"text that begins with {start[:16].decode('ascii')!r}"
    except UnicodeDecodeError:
        return f"bytes that begin with {start[:16]!r}"


def image_kind(start):
    """The kind of an image by its first bytes, like "a PNG"; "" for other files."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP"
    return next((name for first, name in IMAGES.items() if start.startswith(first)), "")


def begins_as_image(start):
    """True if the first 16 bytes are those of an image, also of one that is not read.

    BMP begins with two letters, as a text may; four of its bytes are 0.
    """
    bmp = start[:2] == b"BM" and start[6:10] == bytes(4)
    return bool(image_kind(start)) or bmp or start[4:12] in PHOTO_MARKS


@contextlib.contextmanager
def reading(image, size):
    """Turn any error of decoding an image into Unreadable, which says what it is."""
    try:
        yield
    except Unreadable:
        raise
    except Exception:  # of a broken file, Pillow raises what its readers raise
        raise Unreadable(cut_off(image, size)) from None


def cut_off(image, size):
    """The words for an image that is not whole."""
    return f"a {word(image)} image that is cut off or broken, of {size} bytes"


def word(image):
    """The format of an image as people call it."""
    return WORDS.get(image.format, image.format)


def has_end(stream, mark):
    """True if a file has the mark that ends a whole one."""
    place = stream.tell()
    stream.seek(max(0, size_of(stream) - TAIL))
    found = mark in stream.read()
    if not found:  # a phone's video may follow
        stream.seek(0)
        found = mark in stream.read()
    stream.seek(place)
    return found


def size_of(stream):
    """Bytes of a file; its place stays.  -> int"""
    place = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(place)
    return size
