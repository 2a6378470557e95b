"""Data of Python are read as the same data in files: one rule for both."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from phistar import rows
from phistar.components.serving.request import signature
from phistar.pipeline.serving.predict import inputs
from phistar.pipeline.serving.predict.table import Table
from tests.helpers.formats import colours

CSV = """\
city,body mass,unused,rooms,label
Bern,1.5,x,3,yes
"a, b",,y,4,no
NA,-2e-3,z,4,yes
Zürich,7,,12,no
"""


def spec(form, dtype="string", rank=1):
    """A signature's input, as the contract has it."""
    return {"dtype": dtype, "shape": [None] * rank, "meaning": "", "form": form}


X = {
    "table": {
        "city": spec("category") | {"column": "city"},
        "body_mass": spec("number", "float32") | {"column": "body mass"},
        "rooms": spec("category") | {"column": "rooms"},
    },
    "images": {"image": spec("image")},
    "lines": {"prompt": spec("text")},
    "pairs": {"source": spec("text")},
}
Y = {
    "table": {"label": spec("label")},
    "images": {"label": spec("label")},
    "lines": {"text": spec("text")},
    "pairs": {"text": spec("text")},
}
TOKENS = {"tokens": spec("tokens", "int32", 2), "lengths": spec("lengths", "int32")}


def called(kind, name="predict"):
    """A signature of an export of a kind."""
    more = {"log_prob": Y[kind], "log_prob_tokens": TOKENS}
    every = {
        "serving_default": {"inputs": X[kind], "outputs": {}},
        name: {"inputs": X[kind] | more.get(name, {}), "outputs": {}},
    }
    return signature(
        {"signatures": every, "knobs": {}, "ranges": {}, "white": 65535}, name
    )


def read(data, kind, name="predict", label="label"):
    """The inputs that data hold, as dicts."""
    reads = "lines" if kind == "pairs" else kind
    found = rows.read(data, reads, called(kind, name), label)
    return [one.values for one in found.rows]


def in_file(path, kind, name="predict", label="label"):
    """The inputs of a file, as `phistar predict` reads it."""
    reads = "lines" if kind == "pairs" else kind
    if kind == "table":
        found = rows.of_files([str(path)], Table(called(kind, name), label, None))
    else:
        found = inputs.read(reads, [str(path)], called(kind, name))
    return [one.values for one in found]


def same(one, other):
    """Assert that inputs are equal, NaN too."""
    assert len(one) == len(other) > 0
    for values, expected in zip(one, other, strict=True):
        assert values.keys() == expected.keys()
        for name, value in values.items():
            assert np.array_equal(value, expected[name], equal_nan=_is_float(value))


def _is_float(value):
    return isinstance(value, float)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(CSV, "utf-8")
    return path


@pytest.mark.parametrize("name", ["predict", "log_prob"])
@pytest.mark.parametrize(
    "form",
    [
        lambda frame: frame,
        lambda frame: frame[frame.columns[::-1]].set_index("unused"),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.astype({"city": "category"}),
        lambda frame: (
            frame.astype(object).where(frame.notna(), None).to_dict("records")
        ),
        lambda frame: [{**row} for _, row in frame.iterrows()],
    ],
)
def test_frame_equals_the_csv_that_it_was_read_from(table, form, name):
    data = form(pd.read_csv(table))
    same(read(data, "table", name), in_file(table, "table", name))


def test_frame_of_texts_equals_the_csv(table):
    """Cells that pandas did not read: "NA" is missing, a number is one."""
    data = pd.read_csv(table, dtype=str, keep_default_na=False)
    same(read(data, "table"), in_file(table, "table"))


def test_paths_are_files(table):
    same(read(table, "table"), in_file(table, "table"))
    same(read([str(table), table], "table"), 2 * in_file(table, "table"))


def test_label_is_the_column_that_is_named(table):
    data = pd.read_csv(table).rename(columns={"label": "out come"})
    expected = in_file(table, "table", "log_prob")
    same(read(data, "table", "log_prob", "out come"), expected)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_image_is_a_png_of_the_same_pixels(shape, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (3, *shape), "uint8")
    for data in (pixels, list(pixels), [{"image": one} for one in pixels]):
        decoded = [np.asarray(open_png(row["image"])) for row in read(data, "images")]
        assert np.array_equal(np.stack(decoded).reshape(pixels.shape), pixels)
    found = read([open_png(row["image"]) for row in read(pixels, "images")], "images")
    assert found == read(pixels, "images")  # PIL's images are arrays too


def test_an_image_of_pillow_is_its_picture():
    rgb = colours()
    grey = rgb[..., 0]
    few = Image.fromarray(rgb).quantize(8)
    lying = Image.fromarray(np.rot90(rgb).copy())
    lying.getexif()[0x0112] = 6
    for image, expected in (
        (few, np.asarray(few.convert("RGB"))),
        (Image.fromarray(rgb).convert("CMYK"), rgb),
        (Image.fromarray(grey.astype("uint16") * 257), grey),
        (lying, rgb),
    ):
        (row,) = read([image], "images")
        assert np.array_equal(np.asarray(open_png(row["image"])), expected)


def open_png(data):
    return Image.open(io.BytesIO(data))


def test_images_of_files_and_bytes_are_as_they_are(tmp_path):
    folder = tmp_path / "7"
    folder.mkdir()
    Image.new("L", (4, 4)).save(folder / "one.png")
    path = folder / "one.png"
    expected = in_file(path, "images")
    for data in (path, str(path), folder, path.read_bytes(), [path.read_bytes()]):
        assert read(data, "images") == expected
    labelled = in_file(path, "images", "log_prob")
    assert read(path, "images", "log_prob") == labelled  # the folder's name
    data = pd.DataFrame({"image": [str(path)], "digit": [7]})
    assert read(data, "images", "log_prob", "digit") == labelled


def test_texts_are_lines(tmp_path):
    texts = ["to be", "", "süß\ud83d"]
    path = tmp_path / "texts.txt"
    path.write_bytes(b"to be\n\nno\n")
    assert read(path, "lines") == in_file(path, "lines")
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    for data in (texts, np.array(texts, object), tuple(texts)):
        assert read(data, "lines") == [{"prompt": text} for text in encoded]
        # the whole text: no prompt comes before it
        assert read(data, "lines", "log_prob") == [{"text": text} for text in encoded]
    assert read(pd.Series(["a"], [7]), "lines") == [{"prompt": b"a"}]
    assert read("to be", "lines") == [{"prompt": b"to be"}]


def test_pairs_have_names():
    data = [{"source": "a", "text": "b"}]
    assert read(data, "pairs", "log_prob") == [{"source": b"a", "text": b"b"}]
    assert read(pd.DataFrame(data), "pairs", "log_prob") == read(
        data, "pairs", "log_prob"
    )


def test_tokens_are_numbers():
    data = [{"source": "a", "tokens": np.array([3, 0]), "lengths": np.int64(2)}]
    expected = [{"source": b"a", "tokens": [3, 0], "lengths": 2}]
    assert read(data, "pairs", "log_prob_tokens") == expected


@pytest.mark.parametrize("kind", ["table", "images", "lines"])
def test_nothing_is_no_input(kind):
    assert read([], kind) == []
    assert rows.read([], kind, called(kind), "label").index.empty


FRAME = {"city": ["x"], "body_mass": [1.0], "rooms": [3]}
ODD = [{"city": "x", "body_mass": 1, "rooms": 2}, {"city": "x"}]
TWICE = pd.DataFrame(
    [["x", 1.0, 3, 4]], columns=["city", "body_mass", "rooms", "rooms"]
)


@pytest.mark.parametrize(
    ("data", "kind", "name", "words"),
    [
        (
            pd.DataFrame({"city": ["x"]}),
            "table",
            "predict",
            "body mass, rooms. Re",
        ),
        (pd.DataFrame(FRAME), "table", "log_prob", '`label="COLUMN"` names the column'),
        (pd.DataFrame(FRAME | {"rooms": [3.0]}), "table", "predict", "dtype={'rooms'"),
        (pd.DataFrame(FRAME | {"body_mass": ["2 kg"]}), "table", "predict", "or None."),
        (pd.DataFrame(FRAME | {"body_mass": [np.inf]}), "table", "predict", "'inf'"),
        (TWICE, "table", "predict", "twice. Received: rooms, rooms"),
        (ODD, "table", "predict", "row 1 has other names than row 0"),
        (np.zeros((2, 3)), "table", "predict", "of type list. Expected: a DataFrame"),
        (3, "table", "predict", "3 of type int"),
        (None, "lines", "predict", "None of type NoneType"),
        ("none.csv", "table", "predict", "no such file. Received: none.csv"),
        (np.zeros((2, 8, 8)), "images", "predict", "(255 * images).round()"),
        (np.zeros((8, 8), "uint8"), "images", "predict", "images[None]"),
        (np.zeros((2, 8, 8, 2), "uint8"), "images", "predict", "shape (8, 8, 2)"),
        ([b"GIF89a"], "images", "predict", "a GIF image"),
        (["none.png"], "images", "predict", "no image. Received: none.png"),
        ([{"picture": 1}], "images", "predict", "missing: image"),
        ([1.5], "lines", "predict", "row 0: prompt must be a text. Received: 1.5"),
        (pd.DataFrame({"source": ["a"]}), "pairs", "log_prob", "missing: text"),
        (["a"], "pairs", "log_prob", "a list of dicts with source, text"),
    ],
)
def test_a_mistake_is_told(data, kind, name, words):
    with pytest.raises(ValueError) as error:
        read(data, kind, name)
    message = str(error.value)
    assert words in message
    assert "Received" in message and "Expected" in message
