"""`phistar serve` of images, a language and translations: golden and bad requests.

That of images is a process of its own; tables are in test_server.py.
"""

import base64
import contextlib
import io
import json
import subprocess
import sys
import time
import urllib.request
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.commands import CODE
from tests.helpers.serving import Here, Server, free_port

MIB = 2**20
SIGNATURES = ("serving_default", "predict", "log_prob", "sample")
TEXTS = ("kjv", "libreoffice_en_de")
TOKENS = (*SIGNATURES, "log_prob_tokens")
LONG = "bim bam " * 40  # ten times what a test's network reads at once


@pytest.fixture(scope="module")
def servers(models):
    """Recipe -> Server or Here, of each task but tables."""
    images = Server(models, "digits")  # a process of its own: its memory is looked at
    with contextlib.ExitStack() as stack:
        texts = {
            name: stack.enter_context(Here(models, name).running()) for name in TEXTS
        }
        images.ready()
        yield {"digits": images} | texts
    assert "oneDNN" not in images.end()  # whose errors are none of ours


def golden(server, signature):
    """A request and the rows of its answer, as the export holds them."""
    path = str(server.folder / "assets.extra" / "golden" / signature)
    inputs = json.loads(Path(f"{path}.request.json").read_text())["inputs"]
    params = {"signature": signature}
    for name in server.contract["knobs"].keys() & inputs.keys():
        params[name] = inputs.pop(name)[0]  # the seed of row i is the first one + i
    for name, values in inputs.items():
        inputs[name] = [v["b64"] if isinstance(v, dict) else v for v in values]
    outputs = json.loads(Path(f"{path}.answer.json").read_text())["outputs"]
    if isinstance(outputs, list):  # a single one has no name there
        outputs = dict.fromkeys(
            server.contract["signatures"][signature]["outputs"], outputs
        )
    rows = zip(*outputs.values(), strict=True)
    expected = [dict(zip(outputs, row, strict=True)) for row in rows]
    return {"inputs": inputs, "params": params}, expected


def assert_good(server, signature):
    """A good request is answered as the export did."""
    body, expected = golden(server, signature)
    status, answer = server.post(body)
    assert status == 200, answer
    rows = 1 if signature == "sample" else None  # one seed for all there
    outputs = list(server.contract["signatures"][signature]["outputs"])
    for ours, theirs in zip(answer["predictions"][:rows], expected, strict=not rows):
        assert list(ours) == outputs
        for name, value in theirs.items():
            if isinstance(value, float):
                assert ours[name] == pytest.approx(value, abs=1e-4)
            elif name in ("text", "tokens", "label"):
                assert ours[name] == value


def assert_refused(server, body, *words):
    """A bad request gets one answer that names what is wrong; a good one, its own."""
    status, answer = server.post(body)
    assert 400 <= status < 500, answer
    answer = answer if isinstance(answer, str) else json.dumps(answer)
    assert len(answer) < 1000
    for word in words:
        assert word in answer, answer
    assert_good(server, "log_prob")


def cases(of):
    """Recipe -> signatures, as pytest takes them."""
    return [pytest.param(r, s, id=f"{r}-{s}") for r, names in of.items() for s in names]


EVERY = cases(
    {"digits": SIGNATURES, "kjv": TOKENS, "libreoffice_en_de": TOKENS},
)


@pytest.mark.parametrize(("recipe", "signature"), EVERY)
def test_an_empty_batch_has_an_empty_answer(servers, recipe, signature):
    body, _ = golden(servers[recipe], signature)
    empty = body | {"inputs": dict.fromkeys(body["inputs"], [])}
    assert servers[recipe].post(empty) == (200, {"predictions": []})


@pytest.mark.parametrize(("recipe", "signature"), EVERY)
def test_every_signature_answers_and_refuses(servers, recipe, signature):
    server = servers[recipe]
    assert_good(server, signature)
    body, _ = golden(server, signature)
    inputs, params = body["inputs"], body["params"]
    for name, values in inputs.items():
        others = {k: v for k, v in inputs.items() if k != name}
        for bad in (
            {"more": values} | inputs,
            others | {name: [{"a": 1}] * len(values)},
            others | {name: [[[v]] for v in values]},
            others | {name: [None] * len(values)},
            others,
        ):
            word = "more" if "more" in bad else name
            assert_refused(server, body | {"inputs": bad}, word)
        if others:  # 1 row of it, and 3 of the others
            assert_refused(server, body | {"inputs": others | {name: values[:1]}}, name)
    for name in params.keys() - {"signature"}:
        for value in ("hot", [1], 2**70 if name != "temperature" else -1.0):
            if (name, value) != ("top_p", 2**70):
                bad = body | {"params": params | {name: value}}
                assert_refused(server, bad, name, "Received")
    bad = body | {"params": params | {"signature": "classify"}}
    assert_refused(server, bad, "classify", signature)
    status, answer = server.post(
        {"inputs": {name: [] for name in inputs}, "params": params}
    )
    assert (status, answer) == (200, {"predictions": []})


def encoded(pixels, form):
    """uint8 [H, W] -> bytes."""
    Image.fromarray(pixels).save(buffer := io.BytesIO(), form)
    return buffer.getvalue()


def picture(form, side=64):
    """A file of noise.  -> bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (side, side), "uint8")
    return encoded(noise, form)


def with_sides(data, form, side):
    """The same file, whose head says that it has other sides."""
    if form == "PNG":
        return data[:16] + side.to_bytes(4) * 2 + data[24:]
    place = data.index(b"\xff\xc0") + 5  # of a baseline JPEG's sides
    return data[:place] + side.to_bytes(2) * 2 + data[place + 4 :]


PICTURES = {
    "nothing": b"",
    "text": b"a picture",
    "PNG that is all it says": encoded(np.zeros((8200, 8200), "uint8"), "PNG"),
    "PNG cut in its head": picture("PNG")[:18],
    "PNG cut in half": picture("PNG")[:2000],
    "JPEG cut in its head": picture("JPEG")[:30],
    "JPEG cut in half": picture("JPEG")[:1500],
    "PNG of 60000x60000": with_sides(picture("PNG"), "PNG", 60_000),
    "JPEG of 60000x60000": with_sides(picture("JPEG"), "JPEG", 60_000),
    "PNG of no size": with_sides(picture("PNG"), "PNG", 0),
    "PNG of 2^32 - 1": with_sides(picture("PNG"), "PNG", 2**32 - 1),
}


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_no_picture_is_refused_in_bounded_memory(servers, name):
    server = servers["digits"]
    assert_good(server, "predict")
    before = server.peak()
    bad = base64.b64encode(PICTURES[name]).decode()
    body, _ = golden(server, "serving_default")
    body["inputs"]["image"][1] = bad  # a good one before it, and one after
    assert_refused(server, body, "image")
    assert server.peak() - before < 100 * MIB


def test_a_good_jpeg_has_an_answer_and_what_is_not_base64_none(servers):
    server = servers["digits"]
    good = base64.encodebytes(picture("JPEG", 8)).decode()  # with ends of line
    assert server.post({"inputs": [good]})[0] == 200
    assert_refused(server, {"inputs": ["no*base64"]}, "image must be base64")


BAD_TOKENS = [
    ([1, 9999], 2, "tokens must be in"),
    ([1, -1], 2, "tokens must be in"),
    ([1, 2**40], 2, "tokens must hold numbers"),
    ([1, 1.5], 2, "tokens must hold numbers"),
    ([0, 1], 2, "EOS"),
    ([1, 1], 3, "lengths must be in"),
    ([1, 1], -1, "lengths must be in"),
    (1, 1, "tokens must hold lists"),
    ([[1]], 1, "tokens must hold numbers"),
]


@pytest.mark.parametrize(("recipe", "bad"), [*product(TEXTS, BAD_TOKENS)])
def test_tokens_that_are_no_text(servers, recipe, bad):
    (given,) = golden(servers[recipe], "log_prob")[0]["inputs"].keys() - {"text"}
    row, length, words = bad
    inputs = {given: ["", ""], "tokens": [[1], row], "lengths": [1, length]}
    body = {"inputs": inputs, "params": {"signature": "log_prob_tokens"}}
    assert_refused(servers[recipe], body, words)


@pytest.mark.parametrize("recipe", TEXTS)
def test_texts_have_the_defined_answer(servers, recipe):
    server = servers[recipe]
    (given,) = golden(server, "log_prob")[0]["inputs"].keys() - {"text"}
    for text in (LONG, "\ud800 la", "", "\0", "日本"):
        params = {"signature": "log_prob"}
        body = {"inputs": {given: ["", text], "text": [text, "bim"]}, "params": params}
        status, answer = server.post(body)
        assert status == 200, answer
        assert all(np.isfinite(row["log_prob"]) for row in answer["predictions"])
        params = {"signature": "predict", "max_length": 4}
        status, answer = server.post({"inputs": {given: text}, "params": params})
        assert status == 200, answer
        if given == "source":
            (row,) = answer["predictions"]
            assert row["source_truncated"] == (text == LONG)
    assert_refused(server, b'{"inputs": {"%b": ["\xff"]}}' % given.encode(), "UTF-8")
    most = {"prompt": 4096, "source": 1024}[given]
    for value in (0, -3, most + 1):
        params = {"signature": "predict", "max_length": value}
        body = {"inputs": {given: ["la"]}, "params": params}
        assert_refused(server, body, "max_length must be in", str(value))


def test_a_text_whose_probability_takes_too_much_memory(servers):
    params = {"signature": "log_prob"}
    body = {"inputs": {"source": ["la"], "text": ["la" * 512]}, "params": params}
    assert_refused(servers["libreoffice_en_de"], body, "text", "at most 1024 tokens")


def test_beams_out_of_range(servers):
    for name, value in (("beam_size", 17), ("beam_size", 0), ("length_penalty", -1)):
        params = {"signature": "predict", name: value}
        body = {"inputs": {"source": ["la"]}, "params": params}
        assert_refused(servers["libreoffice_en_de"], body, f"{name} must be in")


def test_golden_files_are_what_tensorflow_servings_protocol_takes(servers):
    port, script = free_port(), CODE / "tests" / "helpers" / "standin.py"
    models = [word for s in servers.values() for word in (s.name, s.folder.parent)]
    process = subprocess.Popen([sys.executable, script, *models, str(port)])
    try:
        for recipe in servers:
            address = f"http://127.0.0.1:{port}/v1/models/{recipe}"
            wait_for(address, process)
            golden = servers[recipe].folder / "assets.extra" / "golden"
            for signature in servers[recipe].contract["signatures"]:
                request = (golden / f"{signature}.request.json").read_bytes()
                with urllib.request.urlopen(f"{address}:predict", request) as answer:
                    given = json.loads(answer.read())
                expected = json.loads((golden / f"{signature}.answer.json").read_text())
                assert_same(given["outputs"], expected["outputs"])
    finally:
        process.kill()
        process.wait()


def wait_for(address, process):
    """Wait until something answers at an address."""
    limit = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < limit:
        with contextlib.suppress(OSError), urllib.request.urlopen(address):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


def assert_same(given, expected):
    """Outputs in JSON that are equal; numbers to 1e-4."""
    if isinstance(given, dict):
        assert given.keys() == expected.keys()
        for name, values in given.items():
            assert_same(values, expected[name])
    elif isinstance(np.array(given).flat[0], np.floating):
        np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-4)
    else:
        assert given == expected
