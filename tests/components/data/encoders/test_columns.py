import json

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.data.encoders.columns import Columns
from tests.helpers import odd

RAW = {
    "age": np.array([20.0, 30.0, np.nan, 50.0]),
    "size": np.array([1.0, 2.0, 4.0, 1.0]),
    "city": np.array(["Zürich", "", "Paris", "Zürich"]),
}


def request(**columns):
    """Columns as tensors, as a SavedModel gets them."""
    return {
        name: tf.constant(values, tf.float32 if name != "city" else tf.string)
        for name, values in columns.items()
    }


def test_encode_equals_encode_graph():
    encoder = Columns.fit([RAW])
    graph = tf.function(encoder.encode_graph)(request(**RAW))
    np.testing.assert_array_equal(encoder.encode(RAW), graph)
    assert encoder.encode(RAW).dtype == np.float32


def test_encode_in_parts_equals_encode_at_once():
    encoder = Columns.fit([RAW])
    expected = encoder.encode(RAW)
    for start in range(0, len(expected), 3):
        part = {name: values[start : start + 3] for name, values in RAW.items()}
        np.testing.assert_array_equal(encoder.encode(part), expected[start : start + 3])


def test_encode_has_the_stated_shape():
    encoder = Columns.fit([RAW])
    # two numbers, one indicator, three values of city and the unseen one
    assert encoder.shape == (2 + 1 + 3 + 1,)
    assert encoder.encode(RAW).shape == (4, *encoder.shape)


def test_numbers_of_train_get_mean_zero_and_variance_one():
    rng = np.random.default_rng(0)
    raw = {"x": rng.normal(7, 3, 500), "y": rng.exponential(100, 500)}
    encoded = Columns.fit([raw]).encode(raw).astype("float64")
    np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(encoded.var(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "numbers",
    [
        1_700_000_000_000 + 200.0 * np.arange(50),  # milliseconds since 1970
        2.0**53 - np.arange(50),
        1e9 + 0.01 * np.arange(50),
    ],
)
def test_large_numbers_close_together_keep_their_digits(numbers):
    encoder = Columns.fit([{"t": numbers}])
    encoded = encoder.encode({"t": numbers})[:, 0]
    expected = (numbers - numbers.mean()) / numbers.std()
    np.testing.assert_allclose(encoded, expected, rtol=1e-5, atol=1e-6)
    assert encoder.signature()["t"].dtype == tf.float64
    again = Columns(**json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(again.encode({"t": numbers})[:, 0], encoded)


def test_numbers_that_float32_holds_are_float32():
    rng = np.random.default_rng(0)
    for numbers in (rng.normal(size=50), 2e4 * rng.random(50), np.arange(2000.0, 2050)):
        assert Columns.fit([{"x": numbers}]).signature()["x"].dtype == tf.float32


def test_a_hashed_column_has_one_place_for_each_value():
    places, kind = 16, "hashed"
    encoder = Columns([{"name": "x", "kind": kind, "places": places}])
    words = np.array(["a", "b", "", "a", "never seen"])
    encoded = encoder.encode({"x": words})
    assert encoded.shape == (5, *encoder.shape) == (5, places)
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)
    np.testing.assert_array_equal(encoded[0], encoded[3])
    graph = tf.function(encoder.encode_graph)({"x": tf.constant(words)})
    np.testing.assert_array_equal(graph, encoded)


def test_statistics_are_those_given_to_fit():
    encoder = Columns.fit([{"x": np.array([0.0, 2.0])}])
    np.testing.assert_allclose(encoder.encode({"x": np.array([1.0, 5.0])}), [[0], [4]])


def test_missing_number_is_the_mean_with_an_indicator():
    encoder = Columns.fit([{"x": np.array([1.0, np.nan, 3.0])}])
    encoded = encoder.encode({"x": np.array([np.nan, 2.0, 3.0])})
    np.testing.assert_allclose(encoded, [[0, 1], [0, 0], [1, 0]], atol=1e-6)


def test_missing_number_without_gaps_in_train_is_the_mean_alone():
    encoder = Columns.fit([{"x": np.array([1.0, 3.0])}])
    np.testing.assert_allclose(encoder.encode({"x": np.array([np.nan])}), [[0]])


def test_categories_are_one_hot_and_the_unseen_come_first():
    encoder = Columns.fit([{"city": RAW["city"]}])
    encoded = encoder.encode(
        {"city": np.array(["", "Paris", "Zürich", "Rome", "Oslo"])}
    )
    np.testing.assert_array_equal(encoded, np.eye(4)[[1, 2, 3, 0, 0]])


@pytest.mark.parametrize("values", [["[UNK]", "a"], ["A", "[UNK]"], ["", "[MASK]"]])
def test_categories_may_be_words_that_keras_reserves(values):
    encoder = Columns.fit([{"x": np.array(values)}])
    np.testing.assert_array_equal(
        encoder.encode({"x": np.array(values)}), np.eye(3)[1:]
    )


@pytest.mark.parametrize("value", [5.0, 0.1, 1e6 + 0.1])
def test_constant_column_is_the_difference_to_it(value):
    # the computed variance of a column of 0.1 is 1e-34, not 0
    encoder = Columns.fit([{"x": np.full(100, value)}])
    encoded = encoder.encode({"x": np.array([value, value + 1.5])})
    np.testing.assert_allclose(encoded, [[0], [1.5]], atol=0.1)


def test_to_json_makes_the_same_encoder():
    encoder = Columns.fit([RAW])
    again = Columns(**json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(again.encode(RAW), encoder.encode(RAW))
    assert again.signature() == encoder.signature()


def test_signature_and_describe_name_every_column():
    encoder = Columns.fit([RAW])
    assert list(encoder.signature()) == list(encoder.describe()) == list(RAW)
    assert encoder.own_names == {name: name for name in RAW}
    assert encoder.signature()["age"].dtype == tf.float32
    assert encoder.signature()["city"].dtype == tf.string


def test_columns_of_any_name_are_encoded_as_plain_ones():
    raw = {name: RAW["size"] + i for i, name in enumerate(odd.COLUMNS)}
    plain = {f"x{i}": values for i, values in enumerate(raw.values())}
    encoder, other = Columns.fit([raw]), Columns.fit([plain])
    np.testing.assert_array_equal(encoder.encode(raw), other.encode(plain))
    assert list(encoder.own_names.values()) == list(odd.COLUMNS)


@pytest.mark.parametrize("values", [[np.nan, np.nan], [1.0, np.inf]])
def test_fit_refuses_a_column_without_finite_values(values):
    with pytest.raises(ValueError, match="'x'"):
        Columns.fit([{"x": np.array(values)}])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_an_infinite_number_is_refused_by_its_name(value):
    encoder = Columns.fit([RAW])
    raw = RAW | {"size": np.array([1.0, value, np.nan, 1.0])}
    given = request(**{name: np.asarray(values) for name, values in raw.items()})
    with pytest.raises(tf.errors.InvalidArgumentError, match="size must hold finite"):
        tf.function(encoder.encode_graph)(given)
