"""Encoded images, as in files -> pieces of Rows, by the SavedModel's own rule.

So training reads a file, bit for bit, as the exported model reads it.
"""

from functools import lru_cache
from itertools import islice

import numpy as np
import tensorflow as tf

from phistar.components.data.encoders.images import Images
from phistar.components.data.sources.base import Rows

PIECE_BYTES = 32 * 2**20  # of decoded pixels
PIECE_FILES = 1024


def pieces(examples, shape):
    """Decode and resize images.

    Args:
        examples: iterable of (bytes, label, name); the name is for errors.
        shape: (height, width, channels) to resize to.

    Yields:
        Rows, inputs uint8 [n, H, W, C].

    Raises:
        ValueError: at the first one that is not an image, with its name.
    """
    decode = decoder(tuple(shape))
    size = int(max(1, min(PIECE_FILES, PIECE_BYTES // np.prod(shape))))
    examples = iter(examples)
    while piece := list(islice(examples, size)):
        data, labels, names = zip(*piece, strict=True)
        try:
            images = decode({"image": tf.constant(data)}).numpy()
        except tf.errors.OpError:
            # the error of a batch does not name the image: decode them one by one
            for one, name in zip(data, names, strict=True):
                named(decode, {"image": tf.constant([one])}, name)
            raise
        yield Rows(images, np.array(labels, str))


@lru_cache(maxsize=4)  # traced once, not at each pass over each split
def decoder(shape):
    """The compiled function of {"image": string [B]} -> uint8 [B, H, W, C]."""
    encoder = Images(shape)
    return tf.function(encoder.encode_graph, [encoder.signature()], autograph=False)


def target_shape(first, height, width, channels):
    """The shape to resize to; a size that is None is that of the first image.

    Args:
        first: (bytes, name) of the first image.
        height, width, channels: int, or None.

    Returns:
        (height, width, channels), channels 1 or 3.

    Raises:
        ValueError: if it is not an image.
    """
    data, name = first
    image = named(tf.io.decode_image, data, name, expand_animations=False)
    # grey images have 1 channel, or 2 with transparency; colours 3 or 4
    own = (*image.shape[:2], 1 if image.shape[2] < 3 else 3)
    return tuple(
        size or own_size
        for size, own_size in zip((height, width, channels), own, strict=True)
    )


def named(function, data, name, **options):
    """Call function(data); raise ValueError with the image's name if it fails."""
    try:
        return function(data, **options)
    except tf.errors.OpError as error:
        reason = error.message.rpartition("}} ")[2].partition(" [Op:")[0]
        raise ValueError(
            f"{name} is not an image that can be read. Received: "
            f"{reason.splitlines()[0][:120]}. Expected a whole PNG or JPEG file: "
            "replace it, or take it away."
        ) from None
