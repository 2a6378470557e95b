"""MLflow's model of an export: its inputs, and its place in export and tracking."""

import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from phistar.components.serving.model_code import cells
from phistar.pipeline.store.manifest import digest, hashed
from phistar.pipeline.tracking import target
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_code,
    copy_store,
    edit,
    mlflow_runs,
    phistar,
)

TEXT = {"dtype": "string", "shape": [None], "form": "text"}


def test_a_text_that_is_missing_is_an_empty_one():
    rows = pd.Series(["ja", None, np.nan, b"nein"], dtype=object)
    assert cells(rows, TEXT) == ["ja", "", "", b"nein"]
    assert cells(pd.DataFrame({"x": ["ja", None]})["x"], TEXT) == ["ja", ""]


TOLIST = "else values.tolist()"
ROUNDED = 'else (values.round(2) if values.dtype.kind == "f" else values).tolist()'


def copies(tmp_path, patience):
    """Copies of the source: one in which MLflow's model rounds its answers, and a good
    one.

    Args:
        tmp_path: folder to write below.
        patience: seconds for which a run waits for MLflow in the end, str.
    """
    made = [copy_code(tmp_path / name) for name in ("broken", "good")]
    edit(made[0] / "components" / "serving" / "model_code.py", TOLIST, ROUNDED)
    for code in made:
        follower = code / "pipeline" / "tracking" / "follower.py"
        edit(follower, "PATIENCE_SECONDS = 20.0", f"PATIENCE_SECONDS = {patience}")
    return made


@pytest.fixture
def mlflow_is(monkeypatch):
    """Function of "up", "down" or "hanging": where MLflow is from then on."""
    listening = socket.socket()

    def choose(state):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        if state == "up":
            return
        listening.bind(("127.0.0.1", 0))
        if state == "hanging":  # connections are taken, and never answered
            listening.listen()
        port = listening.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")

    yield choose
    listening.close()


@pytest.mark.parametrize(
    "state", ["up", pytest.param("down", marks=pytest.mark.slow), "hanging"]
)
def test_the_exit_status_does_not_depend_on_mlflow(mlflow_is, trained, tmp_path, state):
    mlflow_is(state)
    # a run waits for an answer in its end, for twenty seconds if none comes
    broken, good = copies(tmp_path, "20.0" if state == "up" else "2.0")
    root = tmp_path / "root"
    # the broken code runs export only, and the good code no stage
    copy_store(trained[0], root, "ingest", "build", "train", "evaluate", "export")
    before = artifact(root, "export")
    done = phistar("run", "breast_cancer", *SHORT, root=root, code=broken)
    assert done.status == 3 and "MLflow's model" in done.answer["error"], done.stderr
    assert artifact(root, "export") == before
    if state == "up":
        (run,) = mlflow_runs(root).values()
        assert run["status"] == "FAILED"
        assert target.Target(root).client.search_registered_models() == []
        done = phistar("promote", "breast_cancer", root=root, code=broken)
        assert done.status == 2 and not list(root.glob("mlruns/serving/*/[0-9]*"))
    done = phistar("run", "breast_cancer", *SHORT, root=root, code=good)
    assert done.status == 0, done.stderr
    assert done.statuses["export"] == "cached"
    assert ("MLflow:" in done.stderr) == (state != "up")


def test_the_digest_is_of_the_content_and_no_file_is_there_twice(trained):
    root, done = trained
    folder = artifact(root, "export")
    for path in (folder / "saved_model").rglob("*"):
        place = path.relative_to(folder)
        assert path.is_dir() or path.samefile(
            folder / "mlflow_model" / "artifacts" / place
        )
    files = hashed(folder)
    assert not [name for name in files if "__pycache__" in name]
    files["mlflow_model/MLmodel"]["sha256"] = "of another time"
    del files["manifest.json"]
    assert digest(files) == done.answer["stages"]["export"]["digest"]
    for path in (folder / "mlflow_model").rglob("*"):
        if path.suffix in (".yaml", ".json", ".txt") or path.name == "MLmodel":
            assert str(root) not in path.read_text("utf-8")


LOAD = """
import sys
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
example = model.input_example
answer = model.predict(example[example.columns[::-1]], params={"signature": "predict"})
ours = {"phistar"} & set(sys.modules)
print(list(answer["label"]), model.metadata.signature is not None, sorted(ours))
"""


def test_it_answers_where_this_project_is_not(trained, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(artifact(trained[0], "export") / "mlflow_model", moved)
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-W", "ignore", "-c", LOAD, str(moved)],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1].endswith("True []"), done.stderr
    assert "malignant" in done.stdout or "benign" in done.stdout
