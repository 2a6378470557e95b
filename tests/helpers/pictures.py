"""Images of a Dataset as files."""

import io
from itertools import islice

from PIL import Image

from components.data.sources.tfds import tfds


def first_images(split, number):
    """[(uint8 [28, 28, 1], label)] of fashion_mnist, in TFDS's order."""
    pieces = tfds(name="fashion_mnist").read()[split]
    rows = (pair for p in pieces for pair in zip(p.inputs, p.labels, strict=True))
    return list(islice(rows, number))


def bytes_of(pixels):
    """uint8 [H, W], or [H, W, 3] -> PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
