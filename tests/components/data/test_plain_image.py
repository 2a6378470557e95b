"""Any image file, made plain: one picture has the same pixels in every format."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.data.encoders.images import Images
from phistar.components.data.image_kinds import MAX_PIXELS, Unreadable
from phistar.components.data.plain_image import (
    LOST,
    TURNED,
    Plain,
    brightest,
    head,
    plain,
    white_of,
)
from tests.helpers.formats import colours, decoded, every_format, saved

EVERY = every_format()


@pytest.mark.parametrize("name", EVERY)
def test_one_picture_has_its_pixels_in_every_format(name):
    data, pixels = EVERY[name]
    made = plain(data)
    if pixels is not None:
        np.testing.assert_array_equal(decoded(made.data), pixels)
    # what is plain stays as it is, so files may be made plain twice
    assert plain(made.data) == Plain(made.data, ())
    # the SavedModel's own decoder sees these pixels
    again = decoded(made.data)
    shape = (*again.shape[:2], 1 if again.ndim == 2 else 3)
    graph = Images(shape).encode_graph({"image": tf.constant([made.data])})
    if made.data.startswith(b"\x89PNG"):
        np.testing.assert_array_equal(graph[0], again.reshape(shape))
    assert head(io.BytesIO(data))[:3] == shape


@pytest.mark.parametrize("name", ["rgb.png", "grey.png", "rgb.jpg", "grey.jpg"])
def test_a_plain_file_passes_unchanged(name):
    assert plain(EVERY[name][0]) == Plain(EVERY[name][0], ())


def test_every_orientation_is_turned():
    rgb = colours(height=6)
    for number, change in (
        (2, np.fliplr),
        (4, np.flipud),
        (5, lambda x: x.transpose(1, 0, 2)),
        (7, lambda x: np.rot90(x, 2).transpose(1, 0, 2)),
    ):
        lying = np.ascontiguousarray(change(rgb))
        for form in ("PNG", "TIFF"):
            made = plain(saved(lying, form, orientation=number))
            np.testing.assert_array_equal(decoded(made.data), rgb)
            assert TURNED in made.changes
    upright = saved(rgb, "JPEG", orientation=1)
    assert plain(upright) == Plain(upright, ())
    nonsense = saved(rgb, "JPEG", exif=b"Exif\0\0no TIFF at all")
    assert plain(nonsense) == Plain(nonsense, ())


def test_changes_are_named():
    def changes(name):
        return " ".join(plain(EVERY[name][0]).changes)

    for name, word in {
        "lossless.webp": "WebP images converted",
        "rgb.bmp": "BMP images converted",
        "lies_6.jpg": "turned",
        "16bit.png": "of 16 bits scaled to 8, 65535 is white",
        "16bit_rgb.png": "colour images of 16 bits",
        "palette.png": "palette",
        "frames.gif": "several frames",
        "cmyk.jpg": "CMYK",
        "alpha.png": "laid on white",
    }.items():
        assert word in changes(name)
    opaque = np.dstack([colours(), np.full((8, 10), 255, "uint8")])
    assert plain(saved(opaque)).changes == ()


def test_low_values_of_16_bits_keep_their_differences():
    grey = np.arange(80, dtype="uint16").reshape(8, 10)
    for scale in (1, 50, 257):
        data = saved(grey * scale)
        white = white_of(brightest(data))
        assert white == {1: 255, 50: 4095, 257: 32767}[scale]
        levels = decoded(plain(data, white).data)
        expected = np.rint(grey * scale * (255 / white))
        np.testing.assert_array_equal(levels, expected)
        assert len(np.unique(levels)) == 80
    # a brighter image than any at ingest is white, and does not begin again at black
    np.testing.assert_array_equal(decoded(plain(saved(grey + 4095), 4095).data), 255)


def test_a_shape_in_the_transparency_alone_is_seen_on_white_or_counted():
    alpha = colours()[..., 0]
    for level, lost in ((0, False), (255, True)):
        shape = np.dstack([np.full((8, 10, 3), level, "uint8"), alpha])
        made = plain(saved(shape))
        if not lost:
            np.testing.assert_array_equal(decoded(made.data)[..., 0], 255 - alpha)
        assert (LOST in made.changes) == lost


def test_adobes_cmyk_is_not_its_negative():
    red = Image.new("RGB", (16, 16), (250, 20, 30))
    for form in ("JPEG", "TIFF"):
        pixels = decoded(plain(saved(red.convert("CMYK"), form)).data)
        assert np.abs(pixels.astype(int) - (250, 20, 30)).max() < 9


def what(data):
    with pytest.raises(Unreadable) as error:
        plain(data)
    with pytest.raises(Unreadable):  # before anything is decoded, or not at all
        head(io.BytesIO(data))
    return str(error.value)


def test_what_is_no_image_is_said():
    assert what(b"") == "an empty file"
    assert what(b"a,b\n1,2\n").startswith("text that begins with 'a,b")
    assert what(b"%PDF-1.7 ...") == "a PDF file"
    assert what(b"\0\0\0\x18ftypheic" + bytes(16)) == "a HEIC photo"
    assert what(b"\0\0\0\x18ftypmp42" + bytes(16)).startswith("a video")
    assert "a GIF image that is cut off" in what(b"GIF89a")
    assert f"more than {MAX_PIXELS}" in what(saved(Image.new("1", (9000, 9000))))


@pytest.mark.parametrize("name", [n for n in EVERY if not n.startswith("lies")])
def test_half_a_file_is_refused_with_what_it_is(name):
    data = EVERY[name][0]
    with pytest.raises(Unreadable, match=r"an? \w+ image that is cut off or broken"):
        plain(data[: len(data) // 2])


def test_numbers_without_a_white_are_refused():
    floats = np.random.default_rng(0).random((8, 10)).astype("float32")
    with pytest.raises(Unreadable, match="32-bit numbers, of which none is white"):
        plain(saved(floats, "TIFF"))
