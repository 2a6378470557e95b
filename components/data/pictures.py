"""Encoded images, as in files -> pieces of Rows, by the SavedModel's own rule.

So training reads a file, bit for bit, as the exported model reads it.
"""

import io
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from phistar.components.data import plain_image
from phistar.components.data.encoders.images import Images, resized
from phistar.components.data.image_kinds import Unreadable, refusal
from phistar.components.data.plain_image import WHITE
from phistar.components.data.sources.base import Rows

PIECE_BYTES = 32 * 2**20  # of decoded pixels, and of the files
PIECE_FILES = 1024
DTYPES = {"labels": str, "split": str, "time": "float64", "keys": "uint64"}
DTYPES |= {"weights": "float64"}


class Picture(NamedTuple):
    """An image that is not decoded.

    Args:
        data: bytes of a file.
        fields: what the row of Rows has beside its inputs: labels, and perhaps split,
            time, keys and weights.
        name: of the image, for errors and notices.
    """

    data: bytes
    fields: dict
    name: str


def pieces(pictures, shape, counts):
    """Decode and resize images.

    Args:
        pictures: iterable of Picture.
        shape, counts: see `decoded`.

    Yields:
        Rows, inputs uint8 [n, H, W, C].

    Raises:
        ValueError: at the first one that is not an image, with its name.
    """
    for images, piece in decoded(pictures, shape, counts):
        yield rows(images, [one.fields for one in piece])


def decoded(pictures, shape, counts, white=WHITE, refuse=None):
    """Decode and resize images, some at a time.

    Args:
        pictures: iterable of Picture.
        shape: (height, width, channels) to resize to.
        counts: Counter of notices.
        white: the value that is white in grey images of 16 bits.
        refuse: function of a name and of what the file is instead of an image. Where
            it returns, the image is left out. Default: raise ValueError.

    Yields:
        (uint8 [n, H, W, C], list of their n Pictures).

    Raises:
        ValueError: at the first one that is not an image, with its name.
    """
    decode, refuse = decoder(tuple(shape)), refuse or refused
    plain = plain_ones(pictures, tuple(shape), counts, white, refuse)
    for piece in batches(plain, rows_of_piece(shape)):
        try:
            images = decode({"image": tf.constant([one.data for one in piece])})
        except tf.errors.OpError:
            # the error of a batch does not name the image: decode them one by one
            piece = [one for one in piece if decodes(decode, one, refuse)]
            if not piece:
                continue
            images = decode({"image": tf.constant([one.data for one in piece])})
        yield images.numpy(), piece


def rows_of_piece(shape):
    """Images of a piece, at most."""
    return max(1, min(PIECE_FILES, PIECE_BYTES // math.prod(shape)))


def rows(images, fields):
    """Rows of images.

    Args:
        images: uint8 [n, H, W, C].
        fields: list of n dict, see Picture.
    """
    columns = {
        name: np.array([one[name] for one in fields], DTYPES[name])
        for name in fields[0]
    }
    return Rows(images, **columns)


def plain_ones(pictures, shape, counts, white, refuse):
    """The same images made plain, the changes counted.  -> iterator of Picture"""
    for one in pictures:
        try:
            image, changes = plain_image.plain_pixels(one.data, white)
        except Unreadable as error:
            refuse(one.name, str(error))
            continue
        for change in changes:
            counts.add(change, one.name)
        yield one if image is None else one._replace(data=small_png(image, shape))


def small_png(image, shape):
    """The PNG of an image, in its size in the data if its colours are those there.

    A large PNG takes ten times as long as a JPEG. Resizing is that of the SavedModel.

    Args:
        image: PIL.Image.Image, grey or RGB.
        shape: (height, width, channels).
    """
    if len(image.getbands()) == shape[2] and image.size != shape[1::-1]:
        pixels = resizer(shape)(np.atleast_3d(np.asarray(image))).numpy()
        image = Image.fromarray(pixels[..., 0] if shape[2] == 1 else pixels)
    return plain_image.png(image)


def batches(pictures, most):
    """Lists of at most `most` images, and of about PIECE_BYTES of files."""
    waiting, size = [], 0
    for one in pictures:
        waiting.append(one)
        size += len(one.data)
        if len(waiting) == most or size >= PIECE_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting


def decodes(decode, one, refuse):
    """True if an image is decoded; else it is refused."""
    try:
        decode({"image": tf.constant([one.data])})
    except tf.errors.OpError:
        refuse(one.name, f"an image that is broken, of {len(one.data)} bytes")
        return False
    return True


def refused(name, what):
    """Raise the error about a file that is no image.

    Args:
        name: of the file.
        what: it is instead.

    Raises:
        ValueError: always.
    """
    raise ValueError(refusal(name, what))


@lru_cache(maxsize=4)  # traced once, not at each pass over each split
def decoder(shape):
    """The compiled function of {"image": string [B]} -> uint8 [B, H, W, C]."""
    encoder = Images(shape)
    return tf.function(encoder.encode_graph, [encoder.signature()], autograph=False)


@lru_cache(maxsize=4)
def resizer(shape):
    """The compiled function of uint8 [h, w, C] -> uint8 [H, W, C]."""
    spec = tf.TensorSpec([None, None, shape[2]], tf.uint8)
    return tf.function(lambda pixels: resized(pixels, *shape[:2]), [spec])


def shape_of(picture):
    """The (height, width, channels) of an image, channels 1 or 3.

    Raises:
        ValueError: if it is not one.
    """
    try:
        return plain_image.head(io.BytesIO(picture.data))[:3]
    except Unreadable as error:
        raise ValueError(refusal(picture.name, str(error))) from None
