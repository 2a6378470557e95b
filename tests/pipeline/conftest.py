"""One short run for all: most tests look at it, or continue from a copy of it."""

import fcntl
import json
import os
import shutil

import pytest

from pipeline.tracking.target import Target
from tests.helpers.commands import SHORT, Done, phistar


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """(name, function of a folder) -> the folder, made by one process of pytest."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # all processes have it

    def make(name, write):
        folder, done = base / name, base / f"{name}.done"
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                folder.mkdir(exist_ok=True)
                write(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def project(once):
    """Root of a project for the run of `trained`: do not change it.

    It holds a copy of MLflow's empty tables, `empty.db`, for `copy_store`: making them
    takes seconds.
    """

    def write(root):
        Target(root / "empty")
        shutil.copy(root / "empty" / "mlruns" / "mlflow.db", root / "empty.db")
        shutil.rmtree(root / "empty")

    return once("project", write)


@pytest.fixture(scope="session")
def empty_database(project):
    """Path of MLflow's empty tables."""
    return project / "empty.db"


@pytest.fixture(scope="session")
def trained(project, once):
    """(root, Done) of the run of all five stages in `project`, in a new process."""

    def write(folder):
        done = phistar("run", "breast_cancer", *SHORT, root=project)
        assert done.status == 0, done.stderr
        (folder / "done.json").write_text(json.dumps(done))

    done = once("trained", write) / "done.json"
    return project, Done(*json.loads(done.read_text()))
