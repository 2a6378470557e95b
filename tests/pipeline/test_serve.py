"""`phistar serve`: the champion over HTTP, whatever it is asked.

One server for all tests: a table, whose columns are the inputs.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest
import tensorflow as tf

from pipeline import registry, tracking
from tests.pipeline.commands import here, start, until

MIB = 2**20


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`phistar serve breast_cancer`, ready.

    Args:
        root: project root.
    """

    def __init__(self, root):
        self.root, self.address = root, f"http://127.0.0.1:{(port := free_port())}"
        self.process = start("serve", "breast_cancer", "--port", str(port), root=root)
        self.said = [self.process.stdout.readline() for _ in range(2)]
        folder = Path(root, "mlruns", "serving", "breast_cancer", "1")
        self.contract = json.loads((folder / "contract.json").read_text())
        self.model = tf.saved_model.load(str(folder))
        self.columns = list(self.contract["signatures"]["serving_default"]["inputs"])

    def post(self, body, content_type="application/json"):
        """Status and answer of /invocations."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}/invocations", data, {"content-type": content_type}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def rows(self, size=2, **columns):
        """A request of some rows."""
        rows = np.linspace(0, 3, size * len(self.columns)).reshape(size, -1).tolist()
        frame = dict(zip(self.columns, map(list, zip(*rows, strict=True)), strict=True))
        frame |= columns
        return {"inputs": frame}

    def good(self):
        """A good request is answered as the SavedModel does."""
        body = self.rows()
        status, answer = self.post(body)
        assert status == 200, answer
        tensors = {k: tf.constant(v) for k, v in body["inputs"].items()}
        expected = self.model.signatures["serving_default"](**tensors)
        np.testing.assert_allclose(
            [row["log_prob"] for row in answer["predictions"]],
            expected["log_prob"].numpy(),
            atol=1e-4,
        )


@pytest.fixture(scope="module")
def server(trained, tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    shutil.copytree(trained[0], root, dirs_exist_ok=True)
    done = here("promote", trained[1].answer["run_id"], root=root)
    assert done.status == 0, done.stderr
    server = Server(root)
    assert server.said[0], server.process.communicate()
    yield server
    os.killpg(server.process.pid, signal.SIGTERM)
    server.process.communicate()


def test_it_says_where_it_answers_and_a_line_that_works(server):
    assert server.said[0].startswith("breast_cancer 1 answers at http://127.0.0.1:")
    words = shlex.split(server.said[1])
    assert words[0] == "curl"
    done = subprocess.run(words, capture_output=True, text=True)
    (row,) = json.loads(done.stdout)["predictions"]
    assert row["label"] in server.contract["labels"]["names"]


def test_answers_are_the_savedmodels(server):
    server.good()


def test_every_signature_and_knob_is_asked_by_parameters(server):
    body = server.rows(label=["malignant", "benign"])
    status, answer = server.post(body | {"params": {"signature": "log_prob"}})
    assert status == 200, answer
    total = 0.0
    for label in server.contract["labels"]["names"]:
        body = server.rows(1, label=[label])
        _, answer = server.post(body | {"params": {"signature": "log_prob"}})
        total += np.exp(answer["predictions"][0]["log_prob"])
    assert total == pytest.approx(1, abs=1e-5)
    drawn = []
    for seed in (1, 1, 2):
        params = {"signature": "sample", "seed": seed, "temperature": 100.0}
        drawn.append(server.post(server.rows(20) | {"params": params})[1])
    assert drawn[0] == drawn[1] != drawn[2]


def without(body, name):
    """The request without a column."""
    frame = {k: v for k, v in body["inputs"].items() if k != name}
    return body | {"inputs": frame}


BAD = {
    "unknown signature": (
        lambda s: s.rows() | {"params": {"signature": "classify"}},
        ["classify", "serving_default"],
    ),
    "unknown parameter": (
        lambda s: s.rows() | {"params": {"temprature": 1.0}},
        ["temprature", "temperature"],
    ),
    "knob of another signature": (
        lambda s: s.rows() | {"params": {"seed": 1}},
        ["seed"],
    ),
    "knob out of range": (
        lambda s: s.rows() | {"params": {"signature": "sample", "temperature": 0.0}},
        ["temperature must be"],
    ),
    "missing input": (lambda s: without(s.rows(), s.columns[3]), ["mean_area"]),
    "extra input": (lambda s: s.rows(weight=[1.0, 2.0]), ["weight"]),
    "wrong type": (lambda s: s.rows(mean_area=["a", "b"]), ["'a'"]),
    "wrong rank": (lambda s: s.rows(mean_area=[[1.0], [2.0]]), ["mean_area"]),
    "other numbers of rows": (lambda s: s.rows(mean_area=[1.0]), []),
    "unknown label": (
        lambda s: (
            s.rows(label=["malignant", "none"]) | {"params": {"signature": "log_prob"}}
        ),
        ["label must be one of"],
    ),
    "no JSON": (lambda s: b"{", []),
    "no UTF-8": (lambda s: b'{"inputs": "\xff"}', []),
    "no data": (lambda s: {"rows": []}, ["inputs"]),
    "nothing": (lambda s: b"", []),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_one_answer_that_names_what_is_wrong(server, name):
    make, words = BAD[name]
    status, answer = server.post(make(server))
    assert 400 <= status < 500, answer
    for word in words:
        assert word in answer, answer
    server.good()


def test_numbers_that_are_none_have_answers(server):
    area = server.columns[3]
    for values in ([None, 1.0], [float("inf"), 1.0], [float("nan"), 1e38]):
        status, answer = server.post(server.rows(**{area: values}))
        assert status == 200 and len(answer["predictions"]) == 2
    server.good()


def test_an_empty_batch_has_an_empty_answer(server):
    status, answer = server.post({"inputs": {name: [] for name in server.columns}})
    assert (status, answer) == (200, {"predictions": []})


def test_a_body_of_100_mb_is_refused_in_bounded_memory(server):
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    status, answer = server.post(b"[" + b"1," * 50 * MIB + b"1]")
    assert status == 413, answer
    assert process.memory_info().rss - before < 150 * MIB
    server.good()


def test_the_registry_has_the_export_once(server, trained):
    client = tracking.Target(server.root).client
    version = client.get_model_version_by_alias("breast_cancer", registry.CHAMPION)
    export = trained[1].answer["stages"]["export"]
    assert version.tags[registry.KEY] == export["key"]
    run = client.get_run(version.run_id)
    assert run.data.tags["phistar.run_id"] == trained[1].answer["run_id"]
    # again, from the store: the same model under another run
    done = here(
        *(
            "run",
            "breast_cancer",
            "train.steps=80",
            "train.eval_every=10",
            "--seeds",
            "1",
        ),
        root=server.root,
    )
    assert done.status == 0, done.stderr
    assert len(client.search_model_versions("name = 'breast_cancer'")) == 1
    models = client.search_logged_models([run.info.experiment_id])
    assert len(models) == 1


def test_an_occupied_port_is_refused(server):
    port = server.address.rpartition(":")[2]
    done = here("serve", "breast_cancer", "--port", port, root=server.root)
    assert done.status == 2 and f"port {port}" in done.answer["error"]


def test_what_was_not_promoted_is_not_served(server):
    done = here("serve", "digits", root=server.root)
    assert done.status == 2 and "breast_cancer" in done.answer["error"]


def test_it_ends_at_a_signal(server, trained, tmp_path):
    shutil.copytree(server.root, tmp_path / "root")
    another = Server(tmp_path / "root")
    another.good()
    os.killpg(another.process.pid, signal.SIGINT)
    until(lambda: another.process.poll() is not None)
