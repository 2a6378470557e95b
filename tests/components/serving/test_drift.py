"""Inputs and answers beside those of test: counts, means and their intervals."""

import numpy as np
import pytest

from phistar.components.data.encoders.columns import Columns
from phistar.components.data.encoders.text import Text
from phistar.components.metrics import nll, token_nll
from phistar.components.serving.drift import Drift, Mean, compare
from phistar.components.serving.request import Signature

SEEN = {
    "numbers": {"age": [0.0, float(np.float32(0.1))], "size": [1.0, 1.0]},
    "categories": {"city": ["", "Köln"]},
}


def objects(*texts):
    """Texts as a request has them, bytes."""
    return np.array([text.encode() for text in texts] + [None], object)[:-1]


def test_numbers_outside_of_train_are_counted_by_column_and_missing_ones_are_not():
    drift = Drift(SEEN)
    age = np.array([0.1, 0.0, np.nan, -1e-9, 0.11], "float32")
    size = np.array([1, 1, 1, 2, 0], "float32")
    drift.add({"age": age, "size": size, "city": objects("", "Köln", "x", "Köln ", "")})
    assert drift.outside["numbers"] == {"age": 2, "size": 2}
    assert drift.to_json() == {
        "numbers": {"checked": 9, "outside": 4},
        "categories": {"checked": 5, "outside": 2},
    }
    empty = {"age": age[:0], "size": size[:0], "city": objects()}
    drift.add(empty)
    assert drift.checked == {"numbers": 9, "categories": 5}


def test_no_value_of_train_is_outside_of_it():
    rng = np.random.default_rng(0)
    # float64 as in the data: float32 rounds its ends up and down
    raw = {"x": rng.normal(size=100), "word": rng.choice(["a", "bé", ""], 100)}
    encoder = Columns.fit([raw])
    drift = Drift(encoder.seen())
    drift.add(encoder.request(raw, slice(None)))
    assert [c["outside"] for c in drift.to_json().values()] == [0, 0]
    beyond = {"x": raw["x"] * 2, "word": raw["word"]}
    drift.add(encoder.request(beyond, slice(None)))
    low, high = raw["x"].min(), raw["x"].max()
    expected = ((beyond["x"] < low) | (beyond["x"] > high)).sum()
    assert drift.outside["numbers"]["x"] == expected > 0


@pytest.mark.parametrize(
    "text", [b"abc", b"a\r\nb\rc\n", b"a\xffxyz\0", "süß".encode()]
)
def test_replaced_characters_are_those_that_the_encoder_replaces(text):
    encoder = Text.fit("characters", [b"abc\n"])
    drift = Drift(encoder.seen())
    drift.add({"prompt": objects(""), "text": np.array([text], object)})
    read = encoder.decode(encoder.encode(text))
    assert drift.outside["characters"]["text"] == read.count("\ufffd")
    assert drift.checked["characters"] == len(read)


def test_bytes_have_tokens_for_every_character_of_utf_8():
    drift = Drift(Text.fit("bytes", []).seen())
    drift.add({"prompt": objects("süß 日本")})
    assert drift.to_json()["characters"] == {"checked": 6, "outside": 0}
    drift.add({"prompt": np.array([b"\xff\xfe"], object)})
    assert drift.to_json()["characters"] == {"checked": 8, "outside": 2}


@pytest.mark.parametrize("pieces", [1, 3, 50])
def test_a_mean_and_its_interval_are_those_of_the_metrics(pieces):
    rng = np.random.default_rng(pieces)
    lengths = rng.integers(1, 9, 50)
    ends = np.append(0, np.cumsum(lengths))
    of_tokens = -rng.exponential(size=lengths.sum())
    totals = -np.add.reduceat(of_tokens, ends[:-1])
    by_label, by_token = Mean(), Mean()
    for rows in np.array_split(np.arange(50), pieces):
        by_label.add(totals[rows])
        by_token.add(totals[rows], lengths[rows])
    for mean, expected in (
        (by_label, nll(-totals)),
        (by_token, token_nll(of_tokens, ends, np.ones((50, 2)))),
    ):
        assert mean.mean == pytest.approx(expected["nll"])
        between = expected["nll_low"], expected["nll_high"]
        assert mean.interval == pytest.approx(between)


def test_nothing_has_no_mean_and_one_row_no_interval():
    mean = Mean()
    assert mean.mean is None and np.isnan(mean.interval).all()
    mean.add([2.0])
    assert mean.mean == 2 and np.isnan(mean.interval).all()


def called(name, y=()):
    """A signature of that name."""
    return Signature(name, {}, dict.fromkeys(y, {}), {}, {}, [], {}, {})


def test_answers_have_entropy_labels_have_nats_and_draws_have_neither():
    drift = Drift({})
    probs = np.array([[0.5, 0.5], [1.0, 0.0]], "float32")
    outputs = {"probs": probs, "log_probs": np.log(np.maximum(probs, 1e-30))}
    drift.add_answer(called("predict"), {}, outputs)
    assert drift.answers.mean == pytest.approx(np.log(2) / 2)
    drift.add_answer(called("sample"), {}, {"log_prob": np.array([-9.0])})
    drift.add_answer(called("log_prob", ["label"]), {}, {"log_prob": np.array([-3.0])})
    assert drift.answers.rows == 2
    assert (drift.labels.mean, drift.labels.rows) == (3, 1)
    tokens = {"log_prob": np.array([-6.0, 0.0]), "lengths": np.array([3, 1])}
    drift = Drift({})
    drift.add_answer(called("predict"), {}, tokens)
    assert drift.answers.mean == 1.5


def test_test_is_beside_what_was_counted():
    drift = Drift(SEEN)
    contract = {
        "inputs": {
            "seen": SEEN,
            "test": {
                "numbers": {"checked": 8, "outside": 2},
                "categories": {"checked": 0, "outside": 0},
            },
        },
        "metrics": {"test_nll": 0.5, "test_entropy": 0.4},
        "signatures": {"serving_default": {"inputs": {"city": {"column": "Ort"}}}},
    }
    assert [one.here for one in compare(drift, contract)] == [None] * 4
    drift.add(
        {
            "age": np.array([9], "float32"),
            "size": np.array([1], "float32"),
            "city": objects(""),
        }
    )
    numbers, categories, answers, labels = compare(drift, contract)
    assert (numbers.here, numbers.test, numbers.most) == (0.5, 0.25, "age")
    assert (categories.here, categories.test, categories.most) == (0, None, "")
    assert (answers.here, answers.test) == (None, 0.4)
    assert (labels.here, labels.test) == (None, 0.5)
