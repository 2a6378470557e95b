"""Images of fashion_mnist, and images as files."""

import io
from itertools import islice

from PIL import Image

from phistar.components.data.sources.tfds import tfds


def first_images(split, number):
    """First images of a split, in TFDS's order.  -> [(uint8 [28, 28, 1], label)]."""
    pieces = tfds(name="fashion_mnist").read()[split]
    rows = (pair for p in pieces for pair in zip(p.inputs, p.labels, strict=True))
    return list(islice(rows, number))


def bytes_of(pixels):
    """PNG of an image.  uint8 [H, W] or [H, W, 3] -> bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
