"""One short run for all: most tests look at it, or continue from a copy of it."""

import shutil

import pytest

from phistar.pipeline.tracking.target import Target
from tests.helpers.commands import SHORT, phistar


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Path of MLflow's empty tables, made once: making them takes seconds."""
    root = tmp_path_factory.mktemp("empty")
    Target(root)
    return root / "mlruns" / "mlflow.db"


@pytest.fixture(scope="session")
def project(tmp_path_factory, empty_database):
    """Root of a project for the run of `trained`: do not change it.

    It holds a copy of MLflow's empty tables, `empty.db`, for `copy_store`.
    """
    root = tmp_path_factory.mktemp("trained")
    shutil.copy(empty_database, root / "empty.db")
    return root


@pytest.fixture(scope="session")
def trained(project):
    """(root, Done) of the run of all five stages in `project`, in a new process."""
    done = phistar("run", "breast_cancer", *SHORT, root=project)
    assert done.status == 0, done.stderr
    return project, done
