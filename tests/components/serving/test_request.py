"""A request and its answer, on contracts that are made by hand."""

import base64
import runpy
import subprocess
import sys

import numpy as np
import pytest

from phistar.components.data import plain_image
from phistar.components.serving import request
from phistar.components.serving.request import (
    apart,
    differences,
    golden,
    golden_rows,
    plain,
    signature,
)
from tests.helpers.formats import colours, decoded, every_format, saved


def spec(dtype, form, *more):
    """An input or output of a contract."""
    return {"dtype": dtype, "shape": [None, *more], "meaning": "", "form": form}


SEED, BEAM = spec("int64", "knob"), spec("int32", "knob")
TOKENS, LENGTHS = spec("int32", "tokens", None), spec("int32", "lengths")
TABLE = {
    "knobs": {"seed": 5},
    "ranges": {},
    "signatures": {
        "serving_default": {
            # a column may have the name of another task's knob
            "inputs": {
                "beam_size": spec("float32", "number"),
                "city": spec("string", "category"),
            },
            "outputs": {"label": {}},
        },
        "log_prob": {
            "inputs": {
                "aim": spec("string", "label"),
                "beam_size": spec("float32", "number"),
                "city": spec("string", "category"),
                "seed": SEED,
            },
            "outputs": {"log_prob": {}},
        },
    },
}
PAIRS = {
    "knobs": {"beam_size": 4, "seed": 0, "top_p": 1.0},
    "ranges": {},
    "signatures": {
        "serving_default": {
            "inputs": {"source": spec("string", "text")},
            "outputs": {"text": {}, "tokens": {}, "lengths": {}, "token_log_probs": {}},
        },
        "sample": {
            "inputs": {
                "source": spec("string", "text"),
                "seed": SEED,
                "top_p": spec("float32", "knob"),
            },
            "outputs": {"text": {}},
        },
        "predict": {
            "inputs": {"beam_size": BEAM, "source": spec("string", "text")},
            "outputs": {"texts": {}, "log_probs": {}},
        },
        "score": {
            "inputs": {
                "lengths": LENGTHS,
                "source": spec("string", "text"),
                "tokens": TOKENS,
            },
            "outputs": {"log_prob": {}},
        },
    },
}
ODD = {  # columns "größe", "a b", "label" and ""
    "knobs": {"seed": 0},
    "ranges": {},
    "signatures": {
        "serving_default": {
            "inputs": {
                "a_b": spec("float32", "number") | {"column": "a b"},
                "column_1": spec("float32", "number") | {"column": "größe"},
                "column_3": spec("string", "category") | {"column": "label"},
                "column_4": spec("string", "category") | {"column": ""},
            },
            "outputs": {"label": {}},
        }
    },
}
ODD["signatures"]["log_prob"] = {
    "inputs": ODD["signatures"]["serving_default"]["inputs"]
    | {"label": spec("string", "label"), "seed": SEED},
    "outputs": {"log_prob": {}},
}
IMAGES = {
    "knobs": {},
    "ranges": {},
    "white": 65535,
    "signatures": {
        "serving_default": {
            "inputs": {"picture": spec("string", "image")},
            "outputs": {"label": {}},
        }
    },
}


def test_inputs_are_told_apart_by_their_form():
    found = signature(TABLE, "log_prob")
    assert list(found.x) == ["beam_size", "city"]
    assert list(found.y) == ["aim"]
    assert list(found.inputs) == ["beam_size", "city", "aim"]
    assert found.knobs == {"seed": SEED | {"default": 5, "range": {}}}
    assert signature(TABLE).y == signature(TABLE).knobs == {}


def test_columns_go_by_their_own_names_or_by_their_identifiers():
    given = {"größe": [1], "a b": [2], "column_3": ["x"], "column_4": ["y"]}
    for name in ("serving_default", "log_prob"):
        called, rows = signature(ODD, name), dict(given)
        if name == "log_prob":
            rows["label"] = ["yes"]
        assert list(called.shown.values()) == [
            *("a b", "größe", "column_3", "column_4"),
            *["label"] * (name == "log_prob"),
        ]
        made = called.request(rows)
        assert made["column_1"] == [1] and made["column_3"] == [b"x"]
        plain_names = {called.places[key]: values for key, values in rows.items()}
        for end, values in called.request(plain_names).items():
            np.testing.assert_array_equal(values, made[end])


def test_errors_call_columns_by_their_own_names():
    called = signature(ODD)
    given = {"größe": [1], "a b": [2], "column_3": ["x"], "column_4": ["y"]}
    for change, message in (
        ({"größe": ["big"]}, "^größe must hold numbers. Received: 'big'"),
        ({"a b": [1, 2]}, "^größe must have as many rows as a b"),
        ({"column_1": [1]}, "got an input twice. Received: 'größe, column_1'"),
        ({"x\ny": [1]}, r"no such input. Received: .*x.*ny.*. Expected: a b, "),
    ):
        with pytest.raises(ValueError, match=message):
            called.request(given | change)
    with pytest.raises(ValueError, match="input that is missing: größe"):
        called.request({"a b": [2], "column_3": ["x"], "column_4": ["y"]})
    assert called.in_words("column_1 must hold finite") == "größe must hold finite"
    assert called.in_words("column_10 must") == "column_10 must"


def test_missing_values_of_a_table():
    rows = {"beam_size": [1, None], "city": [None, "Zürich"], "aim": ["a", "b"]}
    made = signature(TABLE, "log_prob").request(rows)
    np.testing.assert_array_equal(made["beam_size"], [1, np.nan])
    assert made["beam_size"].dtype == np.float32
    assert made["city"].tolist() == [b"", "Zürich".encode()]
    with pytest.raises(ValueError, match="^aim must hold strings. Received: null"):
        signature(TABLE, "log_prob").request(rows | {"aim": ["a", None]})


def test_row_i_draws_with_the_seed_plus_i():
    sample, rows = signature(PAIRS, "sample"), {"source": ["", "", ""]}
    made = sample.request(rows, {"seed": 7, "top_p": None})
    assert made["seed"].tolist() == [7, 8, 9] and made["seed"].dtype == np.int64
    assert made["top_p"].tolist() == [1, 1, 1]  # the default
    made = sample.request(rows, {"seed": 7}, numbers=np.array([4, 0, 2]))
    assert made["seed"].tolist() == [11, 7, 9]
    assert signature(PAIRS, "predict").request(rows)["beam_size"].tolist() == [4, 4, 4]


def test_true_and_false_of_a_column_are_one_and_zero():
    rows = {"beam_size": [True, False, None], "city": ["a"] * 3, "aim": ["a"] * 3}
    made = signature(TABLE, "log_prob").request(rows)
    np.testing.assert_array_equal(made["beam_size"], [1, 0, np.nan])


def test_a_seed_does_not_leave_its_dtype():
    sample, last = signature(PAIRS, "sample"), 2**63 - 1
    assert sample.request({"source": [""]}, {"seed": last})["seed"].tolist() == [last]
    with pytest.raises(ValueError, match="^seed must hold numbers.*int64"):
        sample.request({"source": ["", ""]}, {"seed": last})


def test_lists_are_filled_with_0_to_the_longest_row():
    score = signature(PAIRS, "score")
    rows = {"source": ["", b"\0"], "tokens": [[1, 2], []], "lengths": [2, 0]}
    made = score.request(rows)
    assert made["tokens"].tolist() == [[1, 2], [0, 0]]
    assert made["tokens"].dtype == made["lengths"].dtype == np.int32
    assert made["source"].tolist() == [b"", b"\0"]
    rows |= {"tokens": np.array([[1, 2], [3, 4]])}
    assert score.request(rows)["tokens"].tolist() == [[1, 2], [3, 4]]
    none = score.request({"source": [], "tokens": [], "lengths": []})
    assert {n: v.shape for n, v in none.items()} == {
        "source": (0,),
        "tokens": (0, 0),
        "lengths": (0,),
    }


def test_an_image_is_base64_or_bytes():
    data = saved(colours())
    text = base64.encodebytes(data).decode()  # with ends of line
    made = signature(IMAGES).request({"picture": [text, data]})
    assert made["picture"].tolist() == [data, data]
    with pytest.raises(ValueError, match=r"^picture must be base64. Received: b'no\*'"):
        signature(IMAGES).request({"picture": ["no*"]})


@pytest.mark.parametrize("name", EVERY := every_format())
def test_an_image_of_any_format_is_made_plain(name):
    data = EVERY[name][0]
    text = base64.b64encode(data).decode()
    made = signature(IMAGES).request({"picture": [text, data]})
    assert made["picture"].tolist() == [plain_image.plain(data).data] * 2


def test_what_is_no_image_is_refused_with_what_it_is():
    with pytest.raises(ValueError, match=r"^picture must be an image.*text that begin"):
        signature(IMAGES).request({"picture": [saved(colours()), b"no image"]})
    deep = saved(np.full((4, 4), 4095, "uint16"))
    (made,) = signature(IMAGES | {"white": 4095}).request({"picture": [deep]})[
        "picture"
    ]
    assert (decoded(made) == 255).all()


@pytest.mark.parametrize(
    ("name", "rows", "knobs", "message"),
    [
        ("nonesuch", {}, {}, "^no such signature. Received: 'nonesuch'.*log_prob"),
        (["a"], {}, {}, "^no such signature. Received"),
        ("log_prob", {"town": []}, {}, "^log_prob has no such input. Received: 'town'"),
        ("log_prob", {"city": []}, {}, "that is missing: beam_size, aim. Received"),
        ("log_prob", {"city": ["a"]}, {}, "^city must have as many rows as beam_size"),
        ("log_prob", {"beam_size": ["a", "b"]}, {}, "^beam_size must hold numbers"),
        ("log_prob", {"city": [1, 2]}, {}, "^city must hold strings. Received: 1"),
        ("log_prob", {}, {"top_k": 1}, "no such parameter. Received: 'top_k'.*: seed;"),
        ("log_prob", {}, {"seed": 1.5}, "^seed must hold numbers. Received: 1.5"),
        ("log_prob", {}, {"seed": 2**63}, "^seed must hold numbers.*int64"),
    ],
)
def test_what_is_refused_is_named(name, rows, knobs, message):
    good = {"beam_size": [1, 2], "city": ["a", "b"], "aim": ["c", "d"]}
    if [*rows.values()] == [[]]:
        rows = rows if "city" in rows else good | rows
    else:
        rows = good | rows
    with pytest.raises(ValueError, match=message):
        signature(TABLE, name).request(rows, knobs)


def test_an_answer_is_rows_of_plain_data():
    arrays = {
        "token_log_probs": np.array([[0.1, -0.5], [0.3, 0]], "float32"),
        "lengths": np.array([2, 1]),
        "tokens": np.array([[7, 0], [0, 0]], "int32"),
        "text": np.array(["ü".encode(), b"\xff"], object),
    }
    assert signature(PAIRS).answer(arrays) == [
        {"text": "ü", "tokens": [7, 0], "lengths": 2, "token_log_probs": [0.1, -0.5]},
        {"text": "\ufffd", "tokens": [0], "lengths": 1, "token_log_probs": [0.3]},
    ]
    whole = signature(PAIRS).answer(arrays, cut=False, shortest=False)
    assert list(whole[1]) == ["text", "tokens", "lengths", "token_log_probs"]
    assert whole[1]["tokens"] == [0, 0]
    assert whole[1]["token_log_probs"] == [float(np.float32(0.3)), 0]


def test_lists_in_lists_end_after_their_own_lengths():
    arrays = {"lengths": np.array([[2, 1]]), "tokens": np.array([[[1, 0], [0, 9]]])}
    nested = signature(PAIRS)._replace(outputs=dict.fromkeys(arrays))
    assert nested.answer(arrays) == [{"lengths": [2, 1], "tokens": [[1, 0], [0]]}]


@pytest.mark.parametrize("shortest", [True, False])
def test_numbers_that_are_not_finite_are_none(shortest):
    values = np.array([[0.5, np.nan], [-np.inf, 2]], "float32")
    assert plain(values, shortest) == [[0.5, None], [None, 2.0]]
    assert plain(np.zeros([0, 3], object), shortest) == []
    assert plain(np.array([True]), shortest) == [True]


@pytest.fixture
def batch(tmp_path):
    """A golden.npz."""
    arrays = {
        "predict/in/x": np.arange(4),
        "predict/out/label": np.array([b"a", b"b"]),
        "log_prob/in/x": 9 + np.arange(4),
        "log_prob/in/label": np.array([b"c", b"d"]),
    }
    np.savez(tmp_path / "golden.npz", **arrays)
    return tmp_path / "golden.npz"


def test_a_golden_batch_is_requests_and_answers(batch):
    requests, answers = golden(batch)
    assert {n: list(r) for n, r in requests.items()} == {
        "predict": ["x"],
        "log_prob": ["x", "label"],
    }
    assert answers["predict"]["label"].tolist() == [b"a", b"b"]
    assert {n: v.tolist() for n, v in golden_rows(batch, 2).items()} == {
        "x": [0, 1],
        "label": [b"c", b"d"],
    }


def test_answers_are_apart_by_nats_or_by_a_decision():
    a, b = np.array([1.0, -500.0]), np.array([1.5, -501.0])
    np.testing.assert_allclose(differences(a, b), [0.5, 1 / 5.01])
    assert apart(a, b) == 0.5 and apart(a, a) == 0
    assert np.isnan(apart(np.array([np.nan, 0]), np.array([0.0, 9.0])))
    assert apart(np.array([b"a"], object), np.array([b"a"])) == 0
    assert apart(np.array([b"b"], object), np.array([b"a"])) == np.inf


@pytest.mark.heavy
def test_the_file_needs_numpy_alone(batch):
    probe = (
        "import runpy, sys\n"
        "before = set(sys.modules) | {'numpy'}\n"
        "found = runpy.run_path(sys.argv[1])\n"
        "found['golden'](sys.argv[2])\n"
        "new = {n.split('.')[0] for n in set(sys.modules) - before}\n"
        "print(sorted(new - {'numpy'} - sys.stdlib_module_names))"
    )
    command = [sys.executable, "-I", "-c", probe, request.__file__, str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert runpy.run_path(request.__file__)["TOLERANCE"] == request.TOLERANCE
