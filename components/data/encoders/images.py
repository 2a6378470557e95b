"""Images: bytes of PNG or JPEG -> uint8 [H, W, C], what the networks take.

The graph reads plain images; components/data/plain_image.py makes any image plain
before, wherever a file comes in.

A grey image for a colour network is repeated over the channels. A colour image for a
grey network becomes its luminance. Another size is resized (bilinear, antialiased) and
rounded back to 8 bits. The network itself scales pixels to 0 ... 1.
"""

import io

import numpy as np
import tensorflow as tf

from phistar.components.data.image_kinds import MAX_PIXELS
from phistar.components.data.plain_image import WHITE

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"  # what their bytes begin with


class Images:
    """The encoder of images of one size.

    Args:
        shape: (height, width, channels), channels 1 or 3.
        white: the value that is white in grey images of 16 bits.
    """

    op_libraries = ()  # core TensorFlow operations only
    dtype = "uint8"
    reads = "images"
    max_rows = 64  # of a request: a VGG's first layer makes 13 MB of one of 224x224
    batch_size = 32
    reading = None
    own_names = {}  # no columns
    array = "pixels, 0 ... 255, [row, column, channel]"

    def __init__(self, shape, white=WHITE):
        self.shape, self.white = tuple(shape), white

    @classmethod
    def fit(cls, pieces, white=WHITE):
        """The encoder for images of the shape of `pieces`, uint8 [N, H, W, C] each."""
        shapes = {raw.shape[1:] for raw in pieces}
        if len(shapes) != 1:
            raise ValueError(
                "images of train must have one shape. Received: "
                f"{sorted(shapes) or 'no image'}. Expected the source to resize them."
            )
        return cls(shapes.pop(), white)

    def to_json(self):
        """Plain data; `Images(**encoder.to_json())` is the same encoder."""
        return {"shape": list(self.shape), "white": self.white}

    def signature(self):
        """Input of the SavedModel: encoded images, string [B]."""
        return {"image": tf.TensorSpec([None], tf.string, "image")}

    def describe(self):
        """Meaning of each input, for the contract.  -> dict of name -> str."""
        height, width, channels = self.shape
        return {
            "image": f"bytes of a PNG or JPEG; resized to {height}x{width}, "
            f"{'grey' if channels == 1 else 'RGB'}"
        }

    def forms(self):
        """Input name -> how a request gives it."""
        return {"image": "image"}

    def facts(self):
        """Further keys of the contract.  -> plain data."""
        return {"white": self.white}

    def seen(self):
        """Nothing: no image is outside of train's by a simple count."""
        return {}

    def request(self, raw, rows):
        """Request of the SavedModel for some rows of raw data: PNG bytes [B]."""
        return {"image": np.array([_png(image) for image in raw[rows]], dtype=object)}

    def encode(self, raw):
        """Check decoded images.  uint8 [N, H, W, C] -> the same."""
        if raw.dtype != np.uint8 or raw.shape[1:] != self.shape:
            raise ValueError(
                f"images must be uint8 of shape {self.shape}. "
                f"Received: {raw.dtype} of shape {raw.shape[1:]}."
            )
        return raw

    def encode_graph(self, inputs):
        """{"image": string [B]} -> uint8 [B, H, W, C]."""
        height, width, channels = self.shape

        def decode(image):
            with tf.control_dependencies([_not_too_large(image)]):
                pixels = tf.io.decode_image(
                    image, channels=channels, expand_animations=False
                )
            size = tf.shape(pixels)[:2]
            same = tf.reduce_all(tf.equal(size, [height, width]))
            return tf.ensure_shape(
                tf.cond(same, lambda: pixels, lambda: resized(pixels, height, width)),
                self.shape,
            )

        spec = tf.TensorSpec(self.shape, tf.uint8)
        # two at once, since each may be as large as MAX_PIXELS allows
        return tf.map_fn(
            decode, inputs["image"], fn_output_signature=spec, parallel_iterations=2
        )


def _not_too_large(image):
    """The assertions about the head of a file, before it is decoded.  string []."""
    head = tf.strings.substr(image, 0, 24)
    is_png = tf.equal(tf.strings.substr(head, 0, len(PNG)), PNG)
    is_jpeg = tf.equal(tf.strings.substr(head, 0, len(JPEG)), JPEG)
    known = tf.debugging.Assert(
        is_png | is_jpeg,
        ["image must be a PNG or JPEG. Received bytes:", tf.strings.length(image)],
    )
    with tf.control_dependencies([known]):
        head = tf.strings.join([head, "\0" * 24])  # of a PNG that is cut off
        image = tf.identity(image)
    sizes = tf.cond(
        is_png,
        lambda: tf.io.decode_raw(
            tf.strings.substr(head, 16, 8), tf.int32, little_endian=False
        ),
        lambda: tf.image.extract_jpeg_shape(image)[:2],
    )
    few = tf.reduce_prod(tf.cast(sizes, tf.int64)) <= MAX_PIXELS
    return tf.debugging.Assert(
        few & tf.reduce_all(sizes > 0),
        [f"image must have 1 to {MAX_PIXELS} pixels. Received sides:", sizes],
    )


def resized(pixels, height, width):
    """uint8 [h, w, C] -> uint8 [height, width, C]."""
    levels = tf.image.resize(pixels, [height, width], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(levels), 0, 255), tf.uint8)


def _png(image):
    """uint8 [H, W, C] -> bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
