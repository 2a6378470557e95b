"""Bodies of requests; test_server.py and test_serve_tasks.py send some to servers."""

import json

import numpy as np
import pytest

from phistar.pipeline.serving.http import body

TEXT = {"dtype": "string", "shape": [None], "form": "text", "meaning": ""}
LENGTHS = {"dtype": "int32", "shape": [None], "form": "lengths", "meaning": ""}
TOKENS = {"dtype": "int32", "shape": [None, None], "form": "tokens", "meaning": ""}
SEED = {"dtype": "int64", "shape": [None], "form": "knob", "meaning": ""}
SIGNATURES = {
    "serving_default": {"prompt": TEXT},
    "sample": {"prompt": TEXT, "seed": SEED},
    "score": {"prompt": TEXT, "tokens": TOKENS, "lengths": LENGTHS},
}
CONTRACT = {
    "max_rows": 3,
    "inputs": {"reading": None},
    "knobs": {"seed": 0},
    "ranges": {},
    "signatures": {
        name: {"inputs": inputs, "outputs": {}} for name, inputs in SIGNATURES.items()
    },
}


def read(inputs, **params):
    """The arrays of a request."""
    content = json.dumps({"inputs": inputs, "params": params}).encode()
    return body.read(content, CONTRACT)[1]


@pytest.mark.parametrize("one", ["la", ["la"], {"prompt": "la"}, [{"prompt": "la"}]])
def test_a_prompt_alone(one):
    if one == "la":
        with pytest.raises(ValueError, match=r"columns or rows.*Received: 'la'"):
            read(one)
    else:
        assert read(one)["prompt"].tolist() == [b"la"]


def test_one_row_with_a_list_in_it_is_no_columns():
    row = {"prompt": "la", "tokens": [3, 0], "lengths": 2}
    for inputs in (row, [row], {name: [value] for name, value in row.items()}):
        found = read(inputs, signature="score")
        assert found["tokens"].tolist() == [[3, 0]] and found["lengths"].tolist() == [2]


def test_tokens_are_filled_with_0_to_the_longest_row_within_a_limit(monkeypatch):
    inputs = {"prompt": ["", ""], "tokens": [[1, 2], []], "lengths": [2, 0]}
    found = read(inputs, signature="score")
    assert found["tokens"].tolist() == [[1, 2], [0, 0]]
    assert found["tokens"].dtype == np.int32
    monkeypatch.setattr(body, "MOST", 3)
    with pytest.raises(ValueError, match="tokens must hold fewer numbers"):
        read(inputs, signature="score")


def test_rows_and_texts_have_limits(monkeypatch):
    with pytest.raises(ValueError, match="too many rows.*Received: 4.*at most 3"):
        read([""] * 4)
    monkeypatch.setattr(body, "MOST_BYTES", 3)
    assert read(["süß"[:2]])["prompt"].tolist() == ["sü".encode()]
    for prompts in (["süß"], ["ab", ""]):  # all are as long as the longest one
        with pytest.raises(ValueError, match="prompt must hold fewer or shorter"):
            read(prompts)


def test_each_row_has_a_seed_of_its_own():
    assert read(["", "", ""], signature="sample", seed=7)["seed"].tolist() == [7, 8, 9]


def test_a_parameter_is_one_of_the_signatures_even_if_it_is_null():
    with pytest.raises(
        ValueError, match="serving_default has no such parameter.*'seed'.*none"
    ):
        read([""], seed=None)


def test_half_a_surrogate_pair_is_bytes_that_are_no_utf_8():
    assert read(["\ud800a"])["prompt"].tolist() == [b"\xed\xa0\x80a"]


def test_an_error_is_short_whatever_was_received():
    deep = json.loads("[" * 900 + "]" * 900)
    for bad in (deep, {"a": deep}, "x" * 10**6, [[7] * 10**5], 10**4000):
        with pytest.raises(ValueError, match="tokens must hold") as error:
            read({"prompt": [""], "tokens": [bad], "lengths": [1]}, signature="score")
        assert len(str(error.value)) < 300


GOOD = '{"inputs": {"prompt": ["la"]}}'
NO_JSON = {
    **{name: GOOD.replace('"la"', name) for name in ("NaN", "Infinity", "-Infinity")},
    **{name: GOOD.encode(name) for name in ("utf-16", "utf-16-le", "utf-32-be")},
    "latin-1": GOOD.replace("la", "lä").encode("latin-1"),
    "two values": GOOD * 2,
}


@pytest.mark.parametrize("name", NO_JSON)
def test_what_python_reads_and_json_is_not_is_refused(name):
    content = NO_JSON[name]
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(ValueError, match="the body must be JSON in UTF-8") as error:
        body.read(content, CONTRACT)
    constant = name in ("NaN", "Infinity", "-Infinity")
    assert ("null is a missing number" in str(error.value)) == constant


def test_a_mark_before_utf_8_is_no_part_of_it():
    found = body.read(GOOD.encode("utf-8-sig"), CONTRACT)[1]
    assert found["prompt"].tolist() == [b"la"]


MANY = 2**22 // 2
FULL = {
    "lists": b"[" + b"[]," * MANY + b"[]]",
    "objects": b'{"inputs": [' + b"{}," * MANY + b"{}]}",
    "numbers": b'{"inputs": [' + b"1," * 2 * MANY + b"1]}",
    "names": b'{"inputs": {' + b'"":1,' * 2 * MANY + b'"":1}}',
}


@pytest.mark.parametrize("name", FULL)
def test_a_body_of_millions_of_values_is_refused_before_it_is_parsed(monkeypatch, name):
    monkeypatch.setattr(json, "loads", lambda *given, **more: pytest.fail("parsed"))
    with pytest.raises(ValueError, match="too many values.*send fewer rows"):
        body.read(FULL[name], CONTRACT)


@pytest.mark.parametrize("place", ["inputs", "params"])
def test_of_many_unknown_names_the_first_are_shown(place):
    many = {f"k{i}": [1] for i in range(100_000)}
    given = {"inputs": {"prompt": ["la"]}} | {place: many}
    with pytest.raises(ValueError, match="Received: .*k0.*Expected") as error:
        body.read(json.dumps(given).encode(), CONTRACT)
    assert len(str(error.value)) < 2000


def test_rows_that_differ_get_a_short_error_whatever_their_names_are():
    many = {f"k{i}": 1 for i in range(10_000)}
    for rows in ([many, {}], [{}, many], [{"prompt": "la"}, many]):
        with pytest.raises(ValueError, match="each row must name the same") as error:
            read(rows)
        assert len(str(error.value)) < 300
