import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.data.encoders.images import Images
from phistar.components.data.image_files import order
from phistar.components.data.kept import Scratch
from phistar.components.data.plain_image import plain
from phistar.components.data.sources.base import Overview
from phistar.components.data.sources.image_folder import image_folder
from tests.helpers.formats import every_format, saved


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


@pytest.mark.parametrize("shape", [(7, 9, 3), (4, 4, 1), (20, 30, 3), (20, 5, 1)])
def test_every_format_is_resized_as_in_the_exported_model(tmp_path, shape):
    for name, (data, _) in every_format().items():
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / name).write_bytes(data)
    given = dict(zip(("height", "width", "channels"), shape, strict=True))
    inputs, _ = read(tmp_path, **given)
    files = sorted((tmp_path / "a").iterdir(), key=order)
    data = [plain(file.read_bytes()).data for file in files]
    expected = tf.function(Images(shape).encode_graph)({"image": tf.constant(data)})
    np.testing.assert_array_equal(inputs["all"], expected)


def test_files_are_decoded_once_where_pixels_can_be_kept(tmp_path, tmp_path_factory):
    for number in range(5):
        write(tmp_path / f"{'ab'[number % 2]}/{number}.png", pixels(number))
    (tmp_path / "a/bad.png").write_bytes(b"")
    source = image_folder(path=str(tmp_path), max_bad_files=1)
    source.prepare(Scratch(tmp_path_factory.mktemp("kept")))
    pieces = source.read()["all"]
    next(iter(pieces))  # left before its end: nothing is kept yet
    (first,) = pieces
    said = notices(source)
    for file in tmp_path.rglob("*.png"):
        file.unlink()
    (second,) = pieces
    np.testing.assert_array_equal(first.inputs, second.inputs)
    assert first.labels.tolist() == second.labels.tolist() == ["a", "b", "a", "b", "a"]
    assert notices(source) == said


def notices(source):
    """What a source has counted, in words."""
    return " | ".join(map(str, source.notices.found()))


def test_size_is_that_of_the_most_and_said(tmp_path):
    write(tmp_path / "a/1.png", pixels(1, 20, 20))
    for number in (2, 3):
        write(tmp_path / f"b/{number}.png", pixels(number))
    source = image_folder(path=str(tmp_path))
    (rows,) = source.read()["all"]
    assert rows.inputs.shape == (3, 6, 5, 3)
    assert (
        "1 images resized to 6x5 (height x width), the most common of 2 sizes, of 2 "
        in notices(source)
    )
    source = image_folder(path=str(tmp_path), width=7)
    assert next(iter(source.read()["all"])).inputs.shape == (3, 6, 7, 3)


def test_colours_win_over_grey(tmp_path):
    write(tmp_path / "a/1.png", pixels(1, channels=1))
    source = image_folder(path=str(tmp_path))
    assert next(iter(source.read()["all"])).inputs.shape == (1, 6, 5, 1)
    assert notices(source) == ""
    for number in range(2, 5):
        write(tmp_path / f"b/{number}.png", pixels(number, channels=1))
    write(tmp_path / "b/5.png", pixels(5))
    source = image_folder(path=str(tmp_path))
    (rows,) = source.read()["all"]
    np.testing.assert_array_equal(rows.inputs[4], pixels(5))
    assert "4 grey images repeated to RGB, as others have colours" in notices(source)
    source = image_folder(path=str(tmp_path), channels=1)
    source.read()
    assert "1 colour images made grey, as asked" in notices(source)


def test_files_of_every_format_are_their_picture(tmp_path):
    every = every_format()
    for name, (data, _) in every.items():
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / name).write_bytes(data)
    source = image_folder(path=str(tmp_path))
    (rows,) = source.read()["all"]
    assert len(rows) == len(every)
    known = dict(
        zip(sorted((tmp_path / "a").iterdir(), key=order), rows.inputs, strict=True)
    )
    for name, (_, expected) in every.items():
        if expected is not None:
            if expected.ndim == 2:
                expected = np.repeat(expected[..., None], 3, axis=-1)
            np.testing.assert_array_equal(known[tmp_path / "a" / name], expected)
    said = notices(source)
    lying = sum(name.startswith("lies") and "_1" not in name for name in every)
    assert f"{lying} images turned, as their EXIF says: {tmp_path}/a/lies_3" in said
    assert "2 images converted from CMYK" in said and "laid on white" in said
    # the counts are those of one pass, whatever the number of passes
    list(source.read()["all"])
    assert notices(source) == said


def test_16_bits_are_scaled_by_what_all_files_use(tmp_path):
    for number, most in enumerate((900, 4000)):
        (tmp_path / "a").mkdir(exist_ok=True)
        data = saved(np.full((4, 4), most, "uint16"))
        (tmp_path / f"a/{number}.png").write_bytes(data)
    source = image_folder(path=str(tmp_path))
    (rows,) = source.read()["all"]
    assert rows.inputs[:, 0, 0, 0].tolist() == [56, 249]  # of 4095
    assert source.fitting() == {"white": 4095}
    assert "2 images of 16 bits scaled to 8, 4095 is white" in notices(source)


def test_links_are_followed_and_nothing_is_left_out_in_silence(tmp_path):
    root = tmp_path / "photos"
    write(tmp_path / "elsewhere/1.png", pixels(1))
    write(tmp_path / "file.png", pixels(2))
    for number, name in enumerate(
        ("cat/2.png", "cat/old/3.png", "cat/._2.png", "dog/.ipynb_checkpoints/4.png")
    ):
        write(root / name, pixels(number))
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "dog/5.png").symlink_to(tmp_path / "file.png")
    (root / "cat/again").symlink_to(root)
    for name in ("Thumbs.db", "cat/desktop.ini", ".DS_Store", "dog/notes.txt"):
        (root / name).write_bytes(b"x")
    (root / "dog/no_suffix").write_bytes(saved(pixels(6)))
    write(root / "stray.png", pixels(7))
    source = image_folder(path=str(root))
    (rows,) = source.read()["all"]
    assert rows.labels.tolist() == ["linked", "cat", "cat", "dog", "dog"]
    said = notices(source)
    for text in (
        "5 hidden and editors' files left out: ",
        f"1 files of other kinds left out: {root}/dog/notes.txt",
        f"1 folders left out, as they lead back to a folder above them: {root}/cat/aga",
        f"1 images in deeper folders, labelled by the first of these: {root}/cat/old/3",
        f"1 images left out, as they are in no label's folder: {root}/stray.png",
    ):
        assert text in said


@pytest.mark.parametrize("names", [("Train", "TEST"), ("training", "Testing")])
def test_splits_are_known_in_any_case(tmp_path, names):
    (tmp_path / "all").mkdir()
    for split in names:
        write(tmp_path / "all" / split / "a" / "1.png", pixels(0))
        write(tmp_path / "all" / split / "b" / "deep" / "2.png", pixels(1))
    _, labels = read(tmp_path / "all")
    assert labels == {"train": ["a", "b"], "test": ["a", "b"]}
    found = image_folder(path=str(tmp_path / "all")).origin
    assert found == dict(
        zip(("train", "test"), (f"{tmp_path}/all/{n}" for n in names), strict=True)
    )


def test_a_label_may_be_called_like_a_split(tmp_path):
    for label in ("train", "plane"):
        write(tmp_path / label / "1.png", pixels(0))
    assert read(tmp_path)[1] == {"all": ["plane", "train"]}


def test_splits_may_be_folders_anywhere(tmp_path):
    for folder in ("mine", "theirs", "more"):
        write(tmp_path / folder / "a" / "1.png", pixels(0))
        write(tmp_path / folder / "b" / "2.png", pixels(1))
    given = {"test_path": str(tmp_path / "theirs")}
    assert set(read(tmp_path / "mine", **given)[1]) == {"train", "test"}
    given |= {"valid_path": str(tmp_path / "more")}
    assert read(tmp_path / "mine", **given)[1] == {
        split: ["a", "b"] for split in ("train", "valid", "test")
    }
    write(tmp_path / "split/train/a/1.png", pixels(0))
    write(tmp_path / "split/test/a/1.png", pixels(0))
    for path, more, word in (
        ("split", {"test_path": "mine"}, "test is given twice"),
        ("mine", {"test_path": "split"}, "splits in the folder of one split"),
        ("mine", {"test_path": "nowhere"}, "no such folder.*ingest.test_path"),
    ):
        more = {key: str(tmp_path / name) for key, name in more.items()}
        with pytest.raises(ValueError, match=word):
            image_folder(path=str(tmp_path / path), **more)


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


def test_bad_files_are_refused_together_or_let_through_and_listed(
    tmp_path, tmp_path_factory
):
    kept = tmp_path_factory.mktemp("kept")
    for number in range(6):
        write(tmp_path / f"a/{number}.png", pixels(number))
    files = broken()
    for name, data in files:
        (tmp_path / "a" / name).write_bytes(data)
    # whole to its end, but not in between: only decoding finds it
    png = bytearray(saved(pixels(0, 40, 40)))
    png[200:260] = bytes(60)
    (tmp_path / "a" / "hole.png").write_bytes(png)
    with pytest.raises(ValueError) as error:
        image_folder(path=str(tmp_path)).overview()
    assert all(name in str(error.value) for name, _ in files)
    assert "ingest.max_bad_files=N" in str(error.value)
    for most, fails in ((3, True), (4, True), (5, False)):
        source = image_folder(path=str(tmp_path), max_bad_files=most)
        source.prepare(Scratch(kept))
        if fails:
            with pytest.raises(ValueError, match="is not an image that can be read"):
                list(source.read()["all"])
            continue
        for _ in range(2):
            (rows,) = source.read()["all"]
            assert len(rows) == 6
        assert notices(source).startswith("5 files left out, as none is a whole image")
        assert f"{tmp_path}/a/empty.png (an empty file)" in notices(source)
        listed = (kept / "bad_files.csv").read_text().splitlines()
        assert listed[0] == "file,received" and len(listed) == 6
        assert f'{tmp_path}/a/hole.png,"an image that is broken' in listed[-1]


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["1.png"], "no image in a folder by label"),
        (["a/notes.txt"], "no image in a folder by label"),
        (["a/1.heic"], "1.heic is not an image .*Received: text that begins with"),
        (["night/a/1.png"], "one folder, which has the folders"),
        (["train/a/1.png", "night/a/1.png"], "no such split. Received: night"),
        (["train/1.png", "test/1.png"], "splits without folders by label"),
        (["val/a/1.png", "test/a/1.png"], "to train on.*with images of test, valid"),
        ([], "no image"),
    ],
)
def test_another_folder_is_refused(tmp_path, names, word):
    for name in names:
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        png = name.endswith(".png")
        (tmp_path / "d" / name).write_bytes(saved(pixels(0)) if png else b"words")
    (tmp_path / "d").mkdir(exist_ok=True)
    with pytest.raises(ValueError, match=f"{word}.*Expected"):
        image_folder(path=str(tmp_path / "d")).overview()


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder.*ingest.path"):
        image_folder(path=str(tmp_path / "nowhere"))
