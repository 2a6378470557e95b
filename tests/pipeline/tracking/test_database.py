"""MLflow's SQLite file is whole under its name, however its making ends."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from phistar.pipeline.tracking.target import Target
from tests.helpers.commands import CODE, here

# Opens MLflow's database, and kills itself before the n-th statement of its making.
KILLED = """
import os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from phistar.pipeline.tracking.target import Target

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)

Target(sys.argv[1])
"""
# MLflow's own way, without ours: what is left is a file that it refuses for ever.
MLFLOW = KILLED.replace(
    "Target(sys.argv[1])",
    "from mlflow import MlflowClient\n"
    "MlflowClient(f'sqlite:///{sys.argv[1]}/mlruns/mlflow.db')",
)


def killed(script, root, statement):
    """Run a script that kills itself before a statement."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(root), str(statement)],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def experiments(root):
    """The experiments that MLflow has."""
    return [one.name for one in Target(root).client.search_experiments()]


@pytest.mark.heavy
@pytest.mark.parametrize("statement", [pytest.param(20, marks=pytest.mark.slow), 200])
def test_killed_in_its_making_it_is_not_there(tmp_path, statement):
    killed(KILLED, tmp_path, statement)
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    assert experiments(tmp_path) == ["Default"]
    kept = {path.name for path in (tmp_path / "mlruns").iterdir()}
    assert kept == {"mlflow.db", ".mlflow.lock"}


@pytest.mark.heavy
@pytest.mark.parametrize("statement", [pytest.param(20, marks=pytest.mark.slow), 200])
def test_half_made_by_mlflow_it_is_made_again(tmp_path, statement, capsys):
    (tmp_path / "mlruns").mkdir()
    killed(MLFLOW, tmp_path, statement)
    assert (tmp_path / "mlruns" / "mlflow.db").exists()
    assert experiments(tmp_path) == ["Default"]
    assert "was left half made. It was moved to" in capsys.readouterr().err
    assert list((tmp_path / "mlruns").glob("mlflow.db.damaged-*"))


@pytest.mark.heavy
@pytest.mark.parametrize(
    "damage", ["no database", pytest.param("cut", marks=pytest.mark.slow)]
)
def test_unreadable_it_is_made_again_from_the_records(trained, tmp_path, damage):
    root = tmp_path / "root"
    shutil.copytree(trained[0], root)
    path = root / "mlruns" / "mlflow.db"
    whole = path.read_bytes()
    path.write_bytes(b"no database" * 1000 if damage == "no database" else whole[:5000])
    done = here("runs", "breast_cancer", root=root)
    assert done.status == 0
    synced = subprocess.run(
        [sys.executable, "-m", "phistar.pipeline.tracking.ui", "sync", "--root", root],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert synced.returncode == 0, synced.stderr
    assert "was moved to mlflow.db.damaged-" in synced.stderr
    with closing(sqlite3.connect(path)) as database:
        (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
    assert count == 1


def test_recipe_called_default_keeps_its_files_in_the_root(tmp_path, monkeypatch):
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    root = tmp_path / "root"
    client = Target(root).client
    default = client.get_experiment_by_name("Default")
    run = client.create_run(default.experiment_id)
    client.log_text(run.info.run_id, "text", "a.txt")
    assert list(away.iterdir()) == []
    assert list((root / "mlruns" / "artifacts").rglob("a.txt"))
