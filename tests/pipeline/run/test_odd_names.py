"""The whole pipeline, where every name that a user gives is odd."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import phistar
from phistar.components.serving.request import signature
from phistar.pipeline.tracking.address import tracking_uri
from tests.helpers import odd
from tests.helpers.commands import here
from tests.helpers.serving import Here

ROOT = "ro?ot%20#1/full[1] \\x'{a}*"  # a folder in a folder
FILE = "a=b [2] %20?.csv"
RECIPE = "größe (x), 1+2.b"
ANSWER = "the answer"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run below an odd root, promoted."""
    top = tmp_path_factory.mktemp("odd")
    root = top / ROOT
    (root / "conf" / "experiment").mkdir(parents=True)
    rows = odd.table(root / FILE, labels=odd.LABELS, label=ANSWER, rows=340)
    recipe = {
        "task": {"name": "multiclass"},
        "ingest": {"source": "table", "path": str(root / FILE), "label": ANSWER},
        "build": {"network": "linear"},
        "train": {"loss": "cross_entropy", "steps": 4, "eval_every": 2},
    }
    file = root / "conf" / "experiment" / f"{RECIPE}.yaml"
    file.write_text(json.dumps(recipe))
    ran = here("run", RECIPE, root=root, mlflow=True, alone=True)
    assert ran.status == 0, ran.stderr
    promoted = here("promote", RECIPE, "--anyway", root=root)
    assert promoted.status == 0, promoted.stderr
    return SimpleNamespace(top=top, root=root, rows=rows, ran=ran, run=ran.answer)


@pytest.fixture(scope="module")
def answers(done):
    """What the file's rows are answered by `phistar predict`."""
    found = {}
    for name in ("predict", "log_prob"):
        words = ("--signature", name, "--label", ANSWER)
        asked = here("predict", RECIPE, done.root / FILE, *words, root=done.root)
        assert asked.status == 0, asked.stderr
        lines = asked.stdout.splitlines()[: len(done.rows)]
        found[name] = [json.loads(line) for line in lines]
    return found


def test_nothing_is_written_beside_the_root(done):
    assert "MLflow:" not in done.ran.stderr
    first, second = ROOT.split("/")
    assert os.listdir(done.top) == [first]
    assert os.listdir(done.top / first) == [second]
    assert sorted(os.listdir(done.root)) == sorted([FILE, "conf", "mlruns"])


def test_the_contract_tells_each_column(done):
    contract = phistar.load(RECIPE, root=done.root).contract
    inputs = contract["signatures"]["predict"]["inputs"]
    assert {spec["column"] for spec in inputs.values()} == set(odd.COLUMNS)
    assert set(contract["labels"]["names"]) == set(odd.LABELS)


def test_predict_scores_the_labels_that_the_file_has(done, answers):
    for row, answer, scored in zip(done.rows, *answers.values(), strict=True):
        place = answer["labels"].index(row[ANSWER])
        assert scored["log_prob"] == pytest.approx(answer["log_probs"][place], abs=1e-4)


def test_python_and_mlflow_answer_by_the_columns_own_names(done, answers, tmp_path):
    import mlflow

    # MLflow and the signature have names of their own for these two
    places = signature(phistar.load(RECIPE, root=done.root).contract).shown
    frame = pd.DataFrame(done.rows[:20])
    expected = [answer["log_probs"] for answer in answers["predict"][:20]]
    found = phistar.load(RECIPE, root=done.root).predict(frame)
    np.testing.assert_allclose(found["log_probs"].tolist(), expected, atol=1e-5)
    mlflow.set_tracking_uri(tracking_uri(done.root))
    try:
        # copied: of a local path MLflow itself reads %20 as a space
        address, place = f"models:/{RECIPE}@champion", str(tmp_path)
        model = mlflow.pyfunc.load_model(address, dst_path=place)
        names = model.metadata.get_input_schema().input_names()
        assert set(names) - {"label"} == set(places.values())
        assert set(odd.COLUMNS) - set(names) == {""}  # "label" is the label's
        asked = {
            places[name]: numbers(frame[column])
            for name, column in own_names(done).items()
        }
        found = model.predict(pd.DataFrame(asked))
    finally:
        mlflow.set_tracking_uri(None)
    np.testing.assert_allclose(found["log_probs"].tolist(), expected, atol=1e-5)


def test_serve_takes_own_names_and_identifiers(done, answers):
    served, row = Here(done.root, RECIPE), done.rows[0]
    expected = answers["predict"][0]["log_probs"]
    values = {name: number(row[own]) for name, own in own_names(done).items()}
    shown = signature(served.contract).shown
    params = {"params": {"signature": "predict"}}
    with served.running():
        for names in (shown, {name: name for name in shown}):
            inputs = {names[name]: value for name, value in values.items()}
            status, answer = served.post({"inputs": inputs} | params)
            assert status == 200, answer
            found = answer["predictions"][0]["log_probs"]
            np.testing.assert_allclose(found, expected, atol=1e-5)
        # one of a column's two names is enough
        status, answer = served.post({"inputs": inputs | {"größe": "x"}} | params)
        assert status == 400 and "twice" in answer["message"]
        _, _, content = served.get("/openapi.json")
        schemas = json.loads(content)["components"]["schemas"]
        assert set(schemas["PredictInputs"]["required"]) == set(shown.values())
        status, _, page = served.get("/")
        assert status == 200 and "&lt;b&gt;bold&lt;/b&gt;" in page
        assert "<b>bold</b>" not in page
        assert served.get("/metrics")[0] == served.get("/docs")[0] == 200


def own_names(done):
    """Input of the SavedModel -> the column's own name."""
    contract = phistar.load(RECIPE, root=done.root).contract
    inputs = contract["signatures"]["predict"]["inputs"]
    return {name: spec["column"] for name, spec in inputs.items()}


def number(text):
    """A cell as a request has it."""
    try:
        return float(text)
    except ValueError:
        return text


def numbers(cells):
    """A column as a request has it."""
    return [number(cell) for cell in cells]
