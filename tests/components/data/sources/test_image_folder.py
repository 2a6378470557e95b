import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.data.encoders.images import Images
from phistar.components.data.sources.base import Overview
from phistar.components.data.sources.image_folder import image_folder


def pixels(seed, height=6, width=5, channels=3):
    """A random image."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels)).astype("uint8")
    return image[..., 0] if channels == 1 else image


def write(file, image):
    """Save an image, making its folders."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file)


def read(folder, **options):
    """(split -> images [N, H, W, C], split -> list of labels)."""
    splits = image_folder(path=str(folder), **options).read()
    rows = {split: list(pieces) for split, pieces in splits.items()}
    return (
        {k: np.concatenate([piece.inputs for piece in v]) for k, v in rows.items()},
        {k: [str(y) for piece in v for y in piece.labels] for k, v in rows.items()},
    )


def test_rows_are_ordered_by_name_then_label(tmp_path):
    images = [pixels(seed) for seed in range(4)]
    for image, name in zip(
        images, ("b/2.png", "a/10.png", "b/10.png", "a/x.png"), strict=True
    ):
        write(tmp_path / name, image)
    inputs, labels = read(tmp_path)
    assert labels == {"all": ["b", "a", "b", "a"]}
    np.testing.assert_array_equal(inputs["all"], images)


def test_splits_are_those_given(tmp_path):
    for split in ("train", "val", "test"):
        write(tmp_path / split / "a" / "1.png", pixels(0))
        write(tmp_path / split / "b" / "2.png", pixels(1))
    _, labels = read(tmp_path)
    assert labels == {split: ["a", "b"] for split in ("train", "valid", "test")}


def test_any_size_and_colour_become_one_as_in_the_exported_model(tmp_path):
    write(tmp_path / "a/1.png", pixels(1, 6, 5, 1))
    write(tmp_path / "a/2.png", pixels(2, 13, 4))
    write(tmp_path / "b/3.jpg", pixels(3, 30, 40))
    write(tmp_path / "b/4.jpeg", pixels(4, 3, 3, 1))
    data = [p.read_bytes() for p in sorted(tmp_path.rglob("*.*"), key=lambda p: p.name)]
    for shape in ((7, 9, 3), (4, 4, 1)):
        inputs, _ = read(
            tmp_path, **dict(zip(("height", "width", "channels"), shape, strict=True))
        )
        expected = tf.function(Images(shape).encode_graph)({"image": tf.constant(data)})
        np.testing.assert_array_equal(inputs["all"], expected)


@pytest.mark.parametrize(("channels", "shape"), [(1, (6, 5, 1)), (3, (6, 5, 3))])
def test_size_and_colour_are_by_default_those_of_the_first(tmp_path, channels, shape):
    write(tmp_path / "a/1.png", pixels(1, channels=channels))
    write(tmp_path / "b/2.png", pixels(2, 20, 20))
    assert read(tmp_path)[0]["all"].shape == (2, *shape)


def test_pieces_can_be_read_again(tmp_path):
    for number in range(3):
        write(tmp_path / f"a/{number}.png", pixels(number))
    pieces = image_folder(path=str(tmp_path)).read()["all"]
    first, second = (np.concatenate([p.inputs for p in pieces]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def fingerprint(folder):
    return image_folder(path=str(folder)).fingerprint


def test_fingerprint_is_that_of_names_and_contents(tmp_path):
    for name in ("one", "two"):
        for number in range(3):
            write(tmp_path / name / f"a/{number}.png", pixels(number))
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    write(tmp_path / "two/.cache/x.png", pixels(9))
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    write(tmp_path / "one/a/1.png", pixels(7))
    changed = fingerprint(tmp_path / "one")
    assert changed != fingerprint(tmp_path / "two")
    (tmp_path / "one/a/1.png").rename(tmp_path / "one/a/3.png")
    assert fingerprint(tmp_path / "one") not in (changed, fingerprint(tmp_path / "two"))


def broken():
    """(name, bytes) of what is no image."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(0, 40, 40)).save(buffer, "PNG")
    png = buffer.getvalue()
    buffer = io.BytesIO()
    Image.fromarray(pixels(0, 40, 40)).save(buffer, "JPEG")
    return [
        ("empty.png", b""),
        ("text.png", b"no picture"),
        ("cut.png", png[: len(png) // 2]),
        ("cut.jpg", buffer.getvalue()[:-300]),
    ]


@pytest.mark.parametrize(("name", "data"), broken())
def test_a_broken_file_is_named(tmp_path, name, data):
    for number in range(3):
        write(tmp_path / f"a/{number}.png", pixels(number))
    (tmp_path / "a" / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"a/{name} is not an image.*Received: \w"):
        read(tmp_path)


@pytest.mark.parametrize(("name", "data"), broken())
def test_a_broken_file_is_named_before_it_is_decoded(tmp_path, name, data):
    for number, label in enumerate("aab"):
        write(tmp_path / f"{label}/{number}.png", pixels(number))
    source = image_folder(path=str(tmp_path))
    assert source.overview() == Overview({"a": 0, "b": 2}, 3)
    (tmp_path / "a" / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"a/{name} is not an image.*Received: \w"):
        image_folder(path=str(tmp_path)).overview()


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["a/1.png", "a/notes.txt"], "notes.txt"),
        (["a/1.png", "a/b/2.png"], "files like .*1.png.*2.png"),
        (["1.png"], "files like .*1.png"),
        (["night/a/1.png"], "no such split. Received: 'night'"),
        (
            ["val/a/1.png", "test/a/1.png"],
            "no images to train on. Received: test, valid",
        ),
        ([], "no image"),
    ],
)
def test_another_folder_is_refused(tmp_path, names, word):
    for name in names:
        write(tmp_path / "x.png", pixels(0))
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x.png").rename(tmp_path / "d" / name)
    (tmp_path / "d").mkdir(exist_ok=True)
    with pytest.raises(ValueError, match=f"{word}.*Expected"):
        image_folder(path=str(tmp_path / "d"))


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder.*ingest.path"):
        image_folder(path=str(tmp_path / "nowhere"))
