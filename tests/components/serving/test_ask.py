"""Law: what a SavedModel is asked from Python is what its signature answers."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.serving.ask import PLAIN, Model, Refused, plain
from tests.helpers import odd

SPECS = {
    "b": tf.TensorSpec([None], tf.float32),
    "words": tf.TensorSpec([None, None], tf.int32),
    "a": tf.TensorSpec([None], tf.float32),
    "text": tf.TensorSpec([None], tf.string),
    "c": tf.TensorSpec([None], tf.float32),
    "note": tf.TensorSpec([None], tf.string),
    "scale": tf.TensorSpec([], tf.float32),
}
INPUTS = {
    "a": np.array([1, 2, np.nan], "float32"),
    "b": np.array([10, 20, 30], "float32"),
    "c": np.array([500, 600, 700], "float32"),
    "scale": np.float32(2),
    "words": np.array([[1, 2], [3, 4], [5, 6]], "int32"),
    "note": np.array([b"x\0", b"", b"z"], object),
    "text": np.array([b"one", b"two\0", b"\xff"], object),
}


def together(a, b, c, scale, words, note, text):
    """Tells every input from every other."""
    tf.debugging.assert_less(b, 100.0, "b must be below 100. Received:")
    numbers = scale * (a - 2 * b) + c + tf.cast(words @ [[3], [7]], tf.float32)[:, 0]
    return {"numbers": numbers, "texts": tf.strings.join([text, note], "+")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, module = tmp_path_factory.mktemp("model"), tf.Module()
    function = tf.function(together).get_concrete_function(**SPECS)
    one = tf.function(lambda x: {"y": 2 * x}).get_concrete_function(
        x=tf.TensorSpec([None], tf.float32)
    )
    tf.saved_model.save(module, str(folder), {"many": function, "one": one})
    return folder


def test_columns_of_one_dtype_arrive_each_under_its_name(folder):
    backwards = dict(reversed(INPUTS.items()))
    direct = tf.saved_model.load(str(folder)).signatures["many"]
    expected = direct(**{name: tf.constant(v) for name, v in INPUTS.items()})
    for inputs in (INPUTS, backwards, INPUTS):
        answer = Model(folder).call("many", inputs)
        assert list(answer) == ["numbers", "texts"]
        np.testing.assert_array_equal(answer["numbers"], expected["numbers"].numpy())
        assert list(answer["texts"]) == [b"one+x\0", b"two\0+", b"\xff+z"]


@pytest.mark.parametrize("name", odd.FOLDERS)
def test_a_model_may_lie_in_a_folder_of_any_name(folder, tmp_path, name):
    place = tmp_path / name
    shutil.copytree(folder, place)
    answer = Model(place).call("one", {"x": np.array([1, 2], "float32")})
    np.testing.assert_array_equal(answer["y"], [2, 4])
    with plain(place) as path:
        assert PLAIN.fullmatch(str(path)) and path.samefile(place)
    assert path == place or not path.exists()


def test_any_number_of_rows(folder):
    model = Model(folder)
    for rows in (1, 0, 3):
        inputs = {n: v[:rows] if v.ndim else v for n, v in INPUTS.items()}
        assert len(model.call("many", inputs)["texts"]) == rows


def test_input_that_is_not_taken_or_not_given(folder):
    for name, inputs in (
        ("many", INPUTS | {"strange": INPUTS["a"]}),
        ("many", {n: v for n, v in INPUTS.items() if n != "text"}),
        ("one", {"x": INPUTS["a"], "strange": INPUTS["b"]}),
        ("one", {}),
    ):
        received = ", ".join(sorted(inputs)) or "none"
        said = f"{name} takes other inputs. Received: {received}. Expected: "
        with pytest.raises(Refused, match=said):
            Model(folder).call(name, inputs)


def test_what_the_graph_asserts_is_said(folder):
    bad = INPUTS | {"b": np.array([1, 100, 2], "float32")}
    with pytest.raises(Refused, match="^b must be below 100. Received:"):
        Model(folder).call("many", bad)
