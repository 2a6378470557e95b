"""MLflow's model of an export: its inputs, and its place in export and tracking."""

import contextlib
import inspect
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phistar.components.hashing import parsed
from phistar.components.serving import model_code
from phistar.components.serving.model_code import cells
from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.store.manifest import digest, hashed
from phistar.pipeline.tracking import target
from phistar.pipeline.tracking.follower import Follower
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_store,
    edit,
    here,
    mlflow_runs,
)
from tests.helpers.verified import verified_here

TEXT = {"dtype": "string", "shape": [None], "form": "text"}


def test_a_text_that_is_missing_is_an_empty_one():
    rows = pd.Series(["ja", None, np.nan, b"nein"], dtype=object)
    assert cells(rows, TEXT) == ["ja", "", "", b"nein"]
    assert cells(pd.DataFrame({"x": ["ja", None]})["x"], TEXT) == ["ja", ""]


TOLIST = "else values.tolist()"
ROUNDED = 'else (values.round(2) if values.dtype.kind == "f" else values).tolist()'


@pytest.fixture
def rounded(tmp_path):
    """Context in which the code of MLflow's model, as it is written, rounds."""
    source = Path(inspect.getsourcefile(model_code))
    broken = tmp_path / source.name
    shutil.copy(source, broken)
    edit(broken, TOLIST, ROUNDED)

    @contextlib.contextmanager
    def context():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model_code, "__file__", str(broken))
            yield

    return context


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
def test_the_exit_status_does_not_depend_on_mlflow(
    mlflow_is, rounded, trained, tmp_path, monkeypatch, capfd, state
):
    mlflow_is(state)
    if state != "up":  # a run waits for an answer in its end, if none comes
        monkeypatch.setattr(Follower.__init__, "__defaults__", (0.5,))
    root = copy_store(trained[0], tmp_path / "root", *STAGES)
    before = artifact(root, "export")
    words = ("run", "breast_cancer", *SHORT)
    how = {"root": root, "mlflow": True, "alone": True}  # as a user's run
    with verified_here():
        with rounded():
            done = here(*words, "--force", "export", **how)
            assert done.status == 3, done.stderr
            assert "MLflow's model" in done.answer["error"]
            assert artifact(root, "export") == before
            if state == "up":
                (run,) = mlflow_runs(root).values()
                assert run["status"] == "FAILED"
                assert target.Target(root).client.search_registered_models() == []
                done = here("promote", "breast_cancer", root=root)
                assert done.status == 2
                assert not list(root.glob("mlruns/serving/*/[0-9]*"))
        done = here(*words, **how)
    assert done.status == 0, done.stderr
    assert done.statuses["export"] == "cached"
    assert ("MLflow:" in capfd.readouterr().err) == (state != "up")  # a child's words


def test_the_digest_is_of_the_content_and_no_file_is_there_twice(trained):
    root, done = trained
    folder = artifact(root, "export")
    for path in (folder / "saved_model").rglob("*"):
        place = path.relative_to(folder)
        assert path.is_dir() or path.samefile(
            folder / "mlflow_model" / "artifacts" / place
        )
    told = parsed((folder / "manifest.json").read_bytes())["files"]
    assert not [name for name in told if "__pycache__" in name]
    files = {name: file for name, file in hashed(folder).items() if name in told}
    files["mlflow_model/MLmodel"]["sha256"] = "of another time"
    assert digest(files) == done.answer["stages"]["export"]["digest"]
    for path in (folder / "mlflow_model").rglob("*"):
        if path.suffix in (".yaml", ".json", ".txt") or path.name == "MLmodel":
            assert str(root) not in path.read_text("utf-8")


LOAD = """
import sys
sys.modules["jax"] = None  # TensorFlow would import it, for seconds
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
