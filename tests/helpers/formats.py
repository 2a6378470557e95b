"""One picture in every format of image files, made here."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

TURN = {1: 0, 3: 2, 6: 1, 8: 3}  # EXIF's orientation -> quarter turns to lay it so


def colours(seed=0, height=8, width=10):
    """A random image, uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype("uint8")


def saved(picture, form="PNG", orientation=None, **options):
    """Bytes of a file; with an EXIF orientation if one is given."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    if orientation:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(data):
    """Pixels of a file, uint8 [H, W] or [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(data)))


def png16(pixels):
    """A colour PNG of 16 bits, which Pillow does not write.  uint16 [H, W, 3]"""

    def chunk(name, data):
        both = name + data
        return struct.pack(">I", len(data)) + both + struct.pack(">I", zlib.crc32(both))

    height, width, _ = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = (
        chunk(b"IHDR", head),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def every_format(seed=0):
    """Files of a picture.

    Args:
        seed: of the picture.

    Returns:
        dict of a file's name -> (bytes, pixels [H, W] or [H, W, 3] that they mean; None
        of a format that loses some, whose pixels are those that Pillow decodes).
    """
    rgb = colours(seed)
    grey = rgb[..., 1]
    clear = np.dstack([rgb, 255 * (rgb[..., :1] > 99).astype("uint8")])
    few = Image.fromarray(rgb).quantize(16)
    keyed = rgb.copy()
    keyed[0, 0] = 255
    on_white = np.where(clear[..., 3:] == 255, rgb, 255).astype("uint8")
    found = {
        "rgb.png": (saved(rgb), rgb),
        "grey.png": (saved(grey), grey),
        "rgb.jpg": (saved(rgb, "JPEG"), None),
        "grey.jpg": (saved(grey, "JPEG"), None),
        "lossless.webp": (saved(rgb, "WEBP", lossless=True), rgb),
        "lossy.webp": (saved(rgb, "WEBP"), None),
        "a webp.jpg": (saved(rgb, "WEBP", lossless=True), rgb),
        "rgb.bmp": (saved(rgb, "BMP"), rgb),
        "grey.bmp": (saved(grey, "BMP"), grey),
        "rgb.tif": (saved(rgb, "TIFF"), rgb),
        "packed.tiff": (saved(rgb, "TIFF", compression="tiff_lzw"), rgb),
        "16bit.tif": (saved(grey.astype("uint16") * 257, "TIFF"), grey),
        "16bit.png": (saved(grey.astype("uint16") * 257), grey),
        "16bit_rgb.png": (png16(rgb.astype("uint16") * 257), rgb),
        "palette.png": (saved(few), np.asarray(few.convert("RGB"))),
        "palette.gif": (saved(few, "GIF"), np.asarray(few.convert("RGB"))),
        "grey.gif": (saved(grey, "GIF"), grey),
        "frames.gif": (
            saved(grey, "GIF", save_all=True, append_images=[Image.new("L", (10, 8))]),
            grey,
        ),
        "cmyk.jpg": (saved(Image.fromarray(rgb).convert("CMYK"), "JPEG"), None),
        "cmyk.tif": (saved(Image.fromarray(rgb).convert("CMYK"), "TIFF"), rgb),
        "clear_colour.png": (saved(rgb, transparency=tuple(rgb[0, 0].tolist())), keyed),
        "alpha.png": (saved(clear), on_white),
        "alpha.webp": (saved(clear, "WEBP", lossless=True, exact=True), on_white),
        "alpha_grey.png": (
            saved(Image.fromarray(np.dstack([grey, clear[..., 3]]), "LA")),
            np.where(clear[..., 3] == 255, grey, 255).astype("uint8"),
        ),
        "two_colours.png": (
            saved(Image.fromarray(grey > 99)),
            255 * (grey > 99).astype("uint8"),
        ),
    }
    for number, turns in TURN.items():
        lying = np.ascontiguousarray(np.rot90(rgb, turns))
        for form in ("PNG", "TIFF"):
            name = f"lies_{number}.{form.lower()}"
            found[name] = (saved(lying, form, orientation=number), rgb)
        found[f"lies_{number}.jpg"] = (saved(lying, "JPEG", orientation=number), None)
        data = saved(lying, "WEBP", lossless=True, orientation=number)
        found[f"lies_{number}.webp"] = (data, rgb)
    return found
