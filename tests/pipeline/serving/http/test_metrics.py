"""`/metrics`, the headers and the access log: what a server says about its answers."""

import json
import re

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from phistar.components.serving.request import signature
from phistar.pipeline.serving.http import invocations
from phistar.pipeline.serving.http.metrics import Answered, Metrics

LOG = re.compile(
    r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}(:\d\d){3} [+-]\d{4}\] "
    r'"(\w+) (\S+) HTTP/1\.1" (\d{3}) (\d+) (\d+\.\d{4}) (\S+) (\S+) (\S+)'
)


def scraped(server):
    """The samples, as Prometheus' own parser reads them.

    Returns:
        (name, labels as a sorted tuple without `version`) -> value.
    """
    status, headers, content = server.get("/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(content):
        assert family.documentation
        for sample in family.samples:
            labels = dict(sample.labels)
            if family.name.startswith("phistar_request"):
                assert labels.pop("version") == "1"
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


def value(found, name, **labels):
    """One sample; 0 if it is not there."""
    return found.get((name, tuple(sorted(labels.items()))), 0)


def shop(size=(2.5,), town=("Köln",), **params):
    """A request of the table."""
    return {"inputs": {"size": list(size), "town": list(town)}, "params": params}


def test_requests_are_counted_by_signature_and_refusals_by_reason(served):
    server = served["shop"]
    before = scraped(server)
    for _ in range(3):
        assert server.post(shop((1, 2), ("Köln", "")))[0] == 200
    assert server.post(shop(signature="sample", seed=3))[0] == 200
    refused = {
        "values": [
            shop(["big"]),
            shop(signature="sample", temperature=0),
            shop([1e39], signature="predict"),
        ],
        "inputs": [{"inputs": {"size": [1]}}],
        "parameters": [shop(seeds=1)],
        "signature": [shop(signature="classify")],
        "rows": [shop([1], ["Köln", ""])],
        "body": [b"{", {"rows": []}],
    }
    for bodies in refused.values():
        for body in bodies:
            assert server.post(body)[0] == 400
    assert server.post(b"size\n1", "text/csv")[0] == 415
    found = scraped(server)

    def more(name, **labels):
        return value(found, name, **labels) - value(before, name, **labels)

    for name, requests, rows in (("serving_default", 3, 6), ("sample", 1, 1)):
        by = {"signature": name}
        assert more("phistar_requests_total", status="200", **by) == requests
        assert more("phistar_request_seconds_count", **by) == requests
        assert more("phistar_request_seconds_bucket", le="+Inf", **by) == requests
        assert more("phistar_request_seconds_sum", **by) > 0
        assert more("phistar_rows_total", version="1", **by) == rows
    for reason, bodies in refused.items():
        counted = more("phistar_refusals_total", reason=reason, version="1")
        assert counted == len(bodies), reason
    assert more("phistar_refusals_total", reason="type", version="1") == 1
    # a number that is too large is found in the graph, when the signature is known
    assert more("phistar_requests_total", signature="predict", status="400") == 1


def test_inputs_and_answers_are_beside_those_of_test(served):
    server = served["shop"]
    before = scraped(server)
    contract, metrics = server.contract, server.contract["metrics"]
    low, high = contract["inputs"]["seen"]["numbers"]["size"]
    sizes = [low, high, high + 1, None]
    body = shop(sizes, ["Köln", "Bern", "Rom", '"'], signature="predict")
    rows = server.post(body)[1]["predictions"]
    body = shop(sizes, ["Köln"] * 4, signature="log_prob")
    body["inputs"]["label"] = ["yes", "no"] * 2
    scored = server.post(body)[1]["predictions"]
    found = scraped(server)
    for what, checked, outside in (("numbers", 6, 2), ("categories", 8, 3)):
        for end, number in (("checked", checked), ("outside", outside)):
            name = f"phistar_{end}_total"
            more = value(found, name, what=what) - value(before, name, what=what)
            assert more == number
        gauge = {
            "numbers": "phistar_out_of_range_share",
            "categories": "phistar_unknown_category_share",
        }[what]
        ends = ("phistar_outside_total", "phistar_checked_total")
        share = np.divide(*(value(found, name, what=what) for name in ends))
        assert value(found, gauge, of="requests") == pytest.approx(share)
        test = contract["inputs"]["test"][what]
        expected = test["outside"] / test["checked"]
        assert value(found, gauge, of="test") == pytest.approx(expected)
    of_test = value(found, "phistar_answer_nats", of="test")
    assert of_test == pytest.approx(metrics["test_entropy"])
    assert 0 < of_test <= np.log(2)
    assert 0 < value(found, "phistar_answer_nats", of="requests") <= np.log(2)
    assert all(sum(row["probs"]) == pytest.approx(1) for row in rows)
    nats = -np.mean([row["log_prob"] for row in scored])
    assert value(found, "phistar_label_nats", of="requests") == pytest.approx(nats)
    of_test = value(found, "phistar_label_nats", of="test")
    assert of_test == pytest.approx(metrics["test_nll"])
    (about,) = (key[1] for key in found if key[0] == "phistar_model_info")
    assert ("model", "shop") in about and ("version", "1") in about


@pytest.mark.parametrize("most", [1, 7, 256])
def test_requests_that_are_counted_together_are_counted_as_alone(served, most):
    contract = served["shop"].contract
    counted = Metrics({"model": "shop", "version": "1", "run": "0"}, contract)
    counted.most = most
    sizes, rng = [1, 3, 0, 2] * 10, np.random.default_rng(0)
    nats, values = [], []
    for size in sizes:
        called = signature(contract, "predict")
        values.append(rng.normal(3, 3, size).astype("float32"))
        inputs = {"size": values[-1], "town": np.array([b"Rom"] * size, object)}
        probs = rng.dirichlet([1, 1], size)
        outputs = {"probs": probs, "log_probs": np.log(probs), "label": None}
        nats += (-probs * np.log(probs)).sum(axis=1).tolist()
        counted.count(Answered(200, b"", "", called, inputs, outputs, size), 0.002)
    families = text_string_to_metric_families(counted.text().decode())
    found = {
        (s.name, *(v for k, v in sorted(s.labels.items()) if k != "version")): s.value
        for family in families
        for s in family.samples
    }
    assert found["phistar_requests_total", "predict", "200"] == len(sizes)
    assert found["phistar_rows_total", "predict"] == sum(sizes)
    assert found["phistar_request_seconds_sum", "predict"] == pytest.approx(0.08)
    assert found["phistar_request_seconds_bucket", "0.001", "predict"] == 0
    assert found["phistar_request_seconds_bucket", "0.0025", "predict"] == len(sizes)
    assert found["phistar_answer_nats", "requests"] == pytest.approx(np.mean(nats))
    low, high = contract["inputs"]["seen"]["numbers"]["size"]
    outside = sum(((v < low) | (v > high)).sum() for v in values)
    assert found["phistar_outside_total", "numbers"] == outside > 0
    assert found["phistar_outside_total", "categories"] == sum(sizes)


def test_entropy_is_that_of_the_answered_probabilities(served):
    server = served["digits"]
    image = golden_image(server)
    rows = server.post({"inputs": {"image": [image] * 3}})[1]["predictions"]
    probs = np.array([row["probs"] for row in rows])
    expected = -(probs * np.log(probs)).sum(axis=1).mean()
    found = scraped(server)
    given = value(found, "phistar_answer_nats", of="requests")
    assert given == pytest.approx(expected, rel=1e-4)
    names = {name for name, _ in found}
    assert not {n for n in names if "category" in n or "range" in n or "replaced" in n}


def golden_image(server):
    """Base64 of an image of test."""
    path = server.folder / "assets.extra" / "golden" / "predict.request.json"
    return json.loads(path.read_text())["inputs"]["image"][0]["b64"]


def test_characters_that_train_did_not_have_are_counted(served):
    server = served["kjv"]
    params = {"signature": "log_prob"}
    inputs = {"prompt": ["", "bim"], "text": ["la 日本", "bam"]}
    rows = server.post({"inputs": inputs, "params": params})[1]["predictions"]
    found = scraped(server)
    name = "phistar_replaced_character_share"
    assert value(found, name, of="requests") == pytest.approx(2 / 11)
    assert value(found, name, of="test") == 0
    nats = -sum(row["log_prob"] for row in rows) / sum(row["lengths"] for row in rows)
    assert value(found, "phistar_label_nats", of="requests") == pytest.approx(nats)


def test_every_answer_says_which_version_and_run_it_is_of(served):
    server = served["shop"]
    origin = json.loads((server.folder / "assets.extra" / "origin.json").read_text())
    about = {"model": "shop", "version": "1", "run": origin["run_id"]}
    post = ("/invocations", json.dumps(shop()).encode(), "application/json")
    bad = ("/invocations", b"{", "application/json")
    for asked in (("/",), ("/contract",), ("/none",), ("/metrics",), post, bad):
        status, headers, _ = server.get(*asked)
        for name, text in about.items():
            assert headers[f"phistar-{name}"] == text
        assert ("link" in headers) == (status >= 400)


@pytest.mark.parametrize(
    ("body", "name", "received", "expected"),
    [
        (shop(["big"]), "size", "'big'", "a number, or null for none"),
        (shop([1e39]), "size", "inf", "size must hold finite numbers"),
        (shop(weight=1), "weight", "'weight'", "none; of all signatures"),
        ({"inputs": {"town": [""]}}, "size", "'town'", "size, town"),
        (b"[", None, "Expecting value", "inputs"),
    ],
)
def test_an_error_is_json_with_name_received_expected_and_the_contract(
    served, body, name, received, expected
):
    server = served["shop"]
    status, error = server.post(body)
    assert status == 400 and error["input"] == name
    assert received in error["received"] and expected in error["expected"]
    assert error["received"] in error["message"]
    assert json.loads(server.get(error["contract"])[2]) == server.contract


def test_requests_beyond_those_that_wait_are_refused(served, monkeypatch):
    server = served["shop"]
    monkeypatch.setattr(invocations, "WAITING", 0)
    body = json.dumps(shop()).encode()
    status, headers, content = server.get("/invocations", body, "application/json")
    assert status == 503 and headers["retry-after"] == "1"
    assert "at once" in json.loads(content)["message"]
    monkeypatch.undo()
    assert server.post(shop())[0] == 200
    refused = {"reason": "busy", "version": "1"}
    assert value(scraped(server), "phistar_refusals_total", **refused) == 1


def test_the_log_has_a_line_for_each_request(served):
    server = served["shop"]
    del server.lines[:]
    _, answer = server.post(shop((1, 2), ("", "")))
    server.post(shop(["big"]))
    server.get('/no"ne?x=1')
    lines = [LOG.fullmatch(line).groups()[1:] for line in server.lines]
    good, bad, none = lines
    assert good[:3] == ("POST", "/invocations", "200")
    assert int(good[3]) == len(json.dumps(answer)) and float(good[4]) < 60
    assert good[5:] == ("serving_default", "2", "-")
    assert bad[:3] == ("POST", "/invocations", "400") and bad[5:] == (
        "-",
        "0",
        "values",
    )
    assert none[:3] == ("GET", "/no%22ne?x=1", "404") and none[5:] == ("-", "-", "-")
