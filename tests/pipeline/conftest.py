"""One short run for all: most tests look at it, or go on from a copy of it."""

import subprocess
import sys

import pytest

from tests.helpers.commands import CODE, SHORT, phistar


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A project's root where `phistar run breast_cancer` has run: do not change it.

    `empty.db` beside it are MLflow's tables, whose making takes seconds.
    """
    root = tmp_path_factory.mktemp("trained")
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pipeline.tracking.target import Target\n"
            "Target(sys.argv[1])",
            str(root),
        ],
        cwd=CODE,
        check=True,
    )
    (root / "mlruns" / "mlflow.db").rename(root / "empty.db")
    return root


@pytest.fixture(scope="session")
def trained(project):
    """(root, Done): the run of all five stages in `project`."""
    done = phistar("run", "breast_cancer", *SHORT, root=project)
    assert done.status == 0, done.stderr
    return project, done
