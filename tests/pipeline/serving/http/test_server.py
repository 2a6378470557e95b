"""`phistar serve`: the champion over HTTP, whatever it is asked.

One server for all tests: a table, whose columns are the inputs.
"""

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from phistar.pipeline.tracking import models, target
from tests.helpers.commands import here
from tests.helpers.serving import Server

MIB = 2**20
VERSION = version("mlflow").encode()


class Table(Server):
    """`phistar serve breast_cancer`.

    Args:
        root: project root.
        words: more of the command.
    """

    def __init__(self, root, *words):
        super().__init__(root, "breast_cancer", *words)
        self.model = tf.saved_model.load(str(self.folder))
        self.columns = list(self.contract["signatures"]["serving_default"]["inputs"])
        self.ready()

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
    server = Table(root)
    yield server
    server.end()


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
        ["temperature must be in [0.01, 100.0]. Received: 0"],
    ),
    "missing input": (lambda s: without(s.rows(), s.columns[3]), ["mean area"]),
    "extra input": (lambda s: s.rows(weight=[1.0, 2.0]), ["weight"]),
    "wrong type": (
        lambda s: s.rows(mean_area=["a", "b"]),
        ["mean area", "'a'", "a number"],
    ),
    "wrong rank": (lambda s: s.rows(mean_area=[[1.0], [2.0]]), ["mean area"]),
    "other numbers of rows": (
        lambda s: s.rows(mean_area=[1.0]),
        ["mean area must have as many rows as"],
    ),
    "unknown label": (
        lambda s: (
            s.rows(label=["malignant", "none"]) | {"params": {"signature": "log_prob"}}
        ),
        ["label must be one of: benign, malignant. Received: none"],
    ),
    "a number too large": (lambda s: s.rows(mean_area=[10**400, 1]), ["mean area"]),
    "a value that is text": (lambda s: s.rows(mean_area="12"), ["mean_area"]),
    "no JSON": (lambda s: b"{", ["JSON"]),
    "no UTF-8": (lambda s: b'{"inputs": "\xff"}', ["UTF-8"]),
    "too deep": (lambda s: b"[" * 10**6, ["JSON"]),
    "two forms": (lambda s: s.rows() | {"instances": []}, ["inputs", "instances"]),
    "rows that differ": (
        lambda s: {"dataframe_split": {"columns": s.columns, "data": [[1.0]]}},
        ["a value for each column"],
    ),
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


def test_forms_of_a_request_have_one_answer(server):
    columns = server.rows()["inputs"]
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    data = [list(row.values()) for row in rows]
    forms = {
        "inputs": [columns, rows],
        "instances": [columns, rows],
        "dataframe_records": [rows],
        "dataframe_split": [{"columns": list(columns), "data": data}],
    }
    expected = server.post(server.rows())
    assert expected[0] == 200
    for form, bodies in forms.items():
        for body in bodies:
            assert server.post({form: body}) == expected
    one = server.post({"inputs": rows[0]})
    assert one == server.post({"inputs": rows[:1]})


def test_a_body_of_another_type_is_refused_by_its_name(server):
    rows = server.rows()["inputs"]
    lines = [list(rows), *zip(*rows.values(), strict=True)]
    text = "\n".join(",".join(map(str, line)) for line in lines)
    for kind in ("text/csv", "application/vnd.apache.parquet", "application/json/x"):
        status, answer = server.post(text.encode(), kind)
        assert status == 415 and kind in answer and "application/json" in answer
    server.good()


def test_a_missing_number_has_an_answer_and_an_infinite_one_its_name(server):
    area, smooth = server.columns[3], server.columns[4]
    status, answer = server.post(server.rows(**{area: [None, 1.0]}))
    assert status == 200 and len(answer["predictions"]) == 2
    assert all(row["log_prob"] <= 0 for row in answer["predictions"])
    for infinite in (b"1e999", b"-1e999", b"1e300"):
        body = json.dumps(server.rows(**{smooth: [1.0, "here"]})).encode()
        status, answer = server.post(body.replace(b'"here"', infinite))
        own = smooth.replace("_", " ")  # its name in the data
        assert status == 400 and f"{own} must hold finite" in answer, answer
        assert "inf" in answer
    status, answer = server.post(server.rows(**{area: [1.0, 3e38]}))  # / its deviation
    assert status == 400 or status == 200 and "null" not in json.dumps(answer)
    server.good()


def test_a_body_of_many_names_is_refused_in_bounded_memory(server):
    before = server.peak()
    many = [{f"k{i}": 1} for i in range(100_000)]
    for form in ("inputs", "instances", "dataframe_records"):
        status, answer = server.post({form: many})
        assert status == 400 and len(answer) < 2000, answer
    assert server.peak() - before < 300 * MIB  # rows x names would be 80 GB
    server.good()


def test_names_that_come_twice_or_only_in_some_rows_are_refused(server):
    rows = server.rows()["inputs"]
    name = server.columns[3]
    split = {"columns": [*rows, name], "data": [[1.0] * (len(rows) + 1)]}
    status, answer = server.post({"dataframe_split": split})
    assert status == 400 and "twice" in answer, answer
    whole = dict.fromkeys(rows, 1.0)
    part = {key: value for key, value in whole.items() if key != name}
    status, answer = server.post({"inputs": [whole, part]})
    assert status == 400 and "each row must name the same inputs" in answer
    assert server.post({"inputs": [whole, part | {name: None}]})[0] == 200


def test_an_empty_batch_has_an_empty_answer(server):
    status, answer = server.post({"inputs": {name: [] for name in server.columns}})
    assert (status, answer) == (200, {"predictions": []})


def test_a_body_of_300_mb_is_refused_in_bounded_memory(server):
    server.good()
    before = server.peak()
    status, answer = server.post(b"[" + b"1," * 150 * MIB + b"1]")
    assert status == 413, answer
    assert server.peak() - before < 100 * MIB
    server.good()


def test_more_rows_than_a_batch_are_refused(server):
    most = server.contract["max_rows"]
    assert server.post(server.rows(most))[0] == 200
    status, answer = server.post(server.rows(most + 1))
    assert status == 400 and f"at most {most}" in answer, answer


def test_the_registry_has_the_export_once(server, trained):
    client = target.Target(server.root).client
    version = client.get_model_version_by_alias("breast_cancer", models.CHAMPION)
    export = trained[1].answer["stages"]["export"]
    assert version.tags[models.KEY] == export["key"]
    # test, as the SavedModel has scored it; and how far MLflow's model is from that
    served = server.contract["served"]
    assert float(version.tags[models.NLL]) == pytest.approx(served["test_nll"], 1e-5)
    assert version.tags[models.LABELS] == str(trained[1].answer["metrics"]["test_n"])
    assert float(version.tags[models.PARITY]) <= 1e-4
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
        mlflow=True,
    )
    assert done.status == 0, done.stderr
    assert len(client.search_model_versions("name = 'breast_cancer'")) == 1
    (model,) = client.search_logged_models([run.info.experiment_id])
    again = done.answer["runs"][0]["run_id"]
    (linked,) = client.search_runs(
        [run.info.experiment_id], f"tags.`phistar.run_id` = '{again}'"
    )
    assert linked.info.run_id != run.info.run_id
    assert [m.model_id for m in linked.outputs.model_outputs] == [model.model_id]
    folder = next(server.root.glob(f"mlruns/artifacts/*/models/{model.model_id}/*"))
    pinned = (folder / "requirements.txt").read_text().splitlines()
    assert f"tensorflow=={tf.__version__}" in pinned
    assert all("==" in line for line in pinned)
    assert (folder / "input_example.json").is_file()


def test_other_routes_are_those_of_mlflows_server(server):
    for path, text in (("ping", b"\n"), ("health", b"\n"), ("version", VERSION)):
        with urllib.request.urlopen(f"{server.address}/{path}", timeout=60) as answer:
            assert (answer.status, answer.read()) == (200, text)
            assert answer.headers["content-type"] == "application/json"
    for path, data, status in (("none", None, 404), ("ping", b"{}", 405)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.address}/{path}", data, timeout=60)
        assert refused.value.code == status
        message = json.loads(refused.value.read())["message"]
        assert f"/{path}" in message and "/invocations" in message
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(f"{server.address}/invocations", timeout=60)


def test_neither_mlflow_nor_its_database_is_needed_and_it_ends_at_a_signal(
    server, tmp_path
):
    folder = server.root / "mlruns" / "serving"
    shutil.copytree(folder, tmp_path / "mlruns" / "serving")
    alone = Table(tmp_path, "--host", "0.0.0.0")
    assert alone.post(alone.rows())[0] == 401
    (alone.token,) = re.findall('"authorization: Bearer (.*?)"', alone.said[1])
    alone.good()
    loaded = Path(f"/proc/{alone.process.pid}/maps").read_text()
    assert "tensorflow" in loaded and "sqlite3" not in loaded
    with socket.create_connection(("127.0.0.1", alone.port)) as half:
        half.sendall(b"POST /invocations HTTP/1.1\r\n")
        errors = alone.end(signal.SIGINT)
    assert alone.process.returncode == 130
    assert f"warning: whoever reaches port {alone.port} of 0.0.0.0" in errors
    assert alone.token not in errors
    assert [path.name for path in (tmp_path / "mlruns").iterdir()] == ["serving"]


def test_an_occupied_port_is_refused(server):
    port = server.address.rpartition(":")[2]
    done = here("serve", "breast_cancer", "--port", port, root=server.root)
    assert done.status == 2 and f"port {port}" in done.answer["error"]


def test_what_was_not_promoted_is_not_served(server):
    done = here("serve", "digits", root=server.root)
    assert done.status == 2 and "breast_cancer" in done.answer["error"]
