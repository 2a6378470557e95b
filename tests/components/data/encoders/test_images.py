import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.data.encoders.images import Images


def pixels(channels, seed=0, num=3, height=8, width=10):
    """Random images, uint8 [num, height, width, channels]."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num, height, width, channels)).astype("uint8")


def encoded(picture, **options):
    """PIL image -> bytes, PNG if nothing else is said."""
    buffer = io.BytesIO()
    picture.save(buffer, **{"format": "PNG"} | options)
    return buffer.getvalue()


def decoded(encoder, pictures):
    """`encode_graph` of PIL images or bytes.  -> uint8 [B, H, W, C]."""
    data = [p if isinstance(p, bytes) else encoded(p) for p in pictures]
    return tf.function(encoder.encode_graph)({"image": tf.constant(data)}).numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_encode_equals_encode_graph_of_the_png(channels):
    raw = pixels(channels)
    encoder = Images.fit([raw])
    request = encoder.request(raw, slice(None))
    np.testing.assert_array_equal(decoded(encoder, request["image"]), raw)
    np.testing.assert_array_equal(encoder.encode(raw), raw)


def test_grey_picture_is_repeated_over_the_channels():
    grey = pixels(1)
    answer = decoded(Images((8, 10, 3)), [Image.fromarray(grey[0, ..., 0])])
    np.testing.assert_array_equal(answer[0], np.repeat(grey[0], 3, axis=-1))


def test_colour_picture_becomes_its_luminance():
    colour = pixels(3)[0]
    answer = decoded(Images((8, 10, 1)), [Image.fromarray(colour)])
    luminance = colour @ np.array([0.299, 0.587, 0.114])
    # libpng weighs 0.2126, 0.7152, 0.0722 or 0.299, 0.587, 0.114: a few levels apart
    both = [luminance, colour @ np.array([0.2126, 0.7152, 0.0722])]
    assert min(np.abs(answer[0, ..., 0] - y).max() for y in both) < 2
    flat = np.repeat(pixels(1)[0], 3, axis=-1)  # grey, said in three channels
    answer = decoded(Images((8, 10, 1)), [Image.fromarray(flat)])
    np.testing.assert_array_equal(answer[0, ..., 0], flat[..., 0])


def test_jpeg_is_near_its_pixels():
    smooth = np.add.outer(np.arange(8) * 9, np.arange(10) * 9).astype("uint8")
    picture = Image.fromarray(smooth)
    data = encoded(picture, format="JPEG", quality=100)
    answer = decoded(Images((8, 10, 1)), [data])[0, ..., 0]
    # the fast transform that TensorFlow asks libjpeg for is a few levels off
    assert np.abs(answer.astype(int) - smooth).max() <= 8


@pytest.mark.parametrize("size", [(10, 8), (5, 4), (40, 24), (1, 1), (7, 31)])
def test_one_colour_of_any_size_stays_that_colour(size):
    answer = decoded(Images((8, 10, 3)), [Image.new("RGB", size, (10, 200, 33))])
    np.testing.assert_array_equal(answer[0], np.full((8, 10, 3), (10, 200, 33)))


def test_larger_picture_is_averaged():
    # antialiased: a fine chequerboard is grey, not one of its colours
    board = (np.indices((80, 100)).sum(axis=0) % 2 * 255).astype("uint8")
    answer = decoded(Images((8, 10, 1)), [Image.fromarray(board)])
    assert np.abs(answer.astype(int) - 127.5).max() < 8


def test_request_gives_png_of_the_chosen_rows():
    raw = pixels(1)
    request = Images.fit([raw]).request(raw, slice(1, 3))
    assert all(data.startswith(b"\x89PNG") for data in request["image"])
    np.testing.assert_array_equal(
        decoded(Images.fit([raw]), request["image"]), raw[1:3]
    )


def test_to_json_makes_the_same_encoder():
    encoder = Images((8, 10, 3))
    again = Images(**encoder.to_json())
    assert again.shape == encoder.shape
    assert again.describe() == encoder.describe()


@pytest.mark.parametrize(
    "raw", [pixels(1).astype("float32"), pixels(3), pixels(1, width=9)]
)
def test_encode_refuses_another_shape_or_dtype(raw):
    with pytest.raises(ValueError, match="Received"):
        Images((8, 10, 1)).encode(raw)
