"""MLflow's database and files stay below a root of any name."""

import os
import shutil

import pytest
from mlflow.artifacts import list_artifacts

from phistar.pipeline.tracking.relocate import relocate
from phistar.pipeline.tracking.target import Target
from tests.helpers import odd

START = {"experiment": "größe (x)", "run_id": "1" * 32, "time": 1, "name": "a run"}
START |= {"tags": {}, "params": {}}


def project(root, database):
    """A root with MLflow's empty tables."""
    (root / "mlruns").mkdir(parents=True)
    shutil.copy(database, root / "mlruns" / "mlflow.db")
    return root


@pytest.mark.parametrize("name", odd.FOLDERS)
def test_files_of_a_run_are_below_its_root(name, tmp_path, empty_database):
    root, other = project(tmp_path / name, empty_database), tmp_path / f"{name}2"
    target = Target(root)
    _, run_id = target.run(START, None)
    target.client.log_text(run_id, "a text", "a.txt")
    assert os.listdir(tmp_path) == [name]
    assert len(list(root.rglob("a.txt"))) == 1
    assert [f.path for f in target.client.list_artifacts(run_id)] == ["a.txt"]
    shutil.move(root, other)
    assert len(relocate(other)) == 1
    # not by a client: it keeps a run's first place in memory
    stored = Target(other).client.get_run(run_id).info.artifact_uri
    assert [f.path for f in list_artifacts(artifact_uri=stored)] == ["artifacts/a.txt"]
