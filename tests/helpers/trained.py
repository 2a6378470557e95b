"""Short runs for all tests: most look at one, or continue from a copy of it.

Test processes share them: the first that needs one makes it, the others wait.
"""

import fcntl
import json
import os
import shutil

import pytest

from phistar.pipeline.tracking.target import Target
from tests.helpers.commands import SHORT, Done, copy_store, here, phistar

DIGITS = (
    # two blocks: TensorFlow gives an empty batch the first one's channels
    *("build.width=4", "build.num_blocks=2", "train.epochs=null"),
    *("train.steps=2", "train.eval_every=2"),
)
TINY = (
    *("build.num_layers=1", "build.num_heads=1", "build.model_dim=8"),
    *("build.mlp_dim=8", "train.steps=2", "train.eval_every=2", "train.average=1"),
    *("train.warmup_steps=0", "train.precision=float32", "train.optimizer=adamw"),
    "ingest.valid_fraction=0.2",
)
LANGUAGE = (
    *("ingest.source=text", "ingest.document=line", *TINY),
    *("build.context=16", "build.stride=12"),
)


def once(factory, name, make):
    """A folder that one test process makes and all of them use.

    Args:
        factory: pytest's tmp_path_factory.
        name: of the folder.
        make: function of the folder, which fills it.

    Returns:
        Path.
    """
    above = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        above = above.parent  # each process has a folder of its own there
    folder, whole = above / name, above / f"{name}.whole"
    with open(above / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder


def shared(factory, name, make):
    """(root, Done) of a run that `make` starts below a root, made once."""

    def whole(folder):
        done = make(folder / "root")
        assert done.status == 0, done.stderr
        (folder / "done.json").write_text(json.dumps(done))

    folder = once(factory, name, whole)
    return folder / "root", Done(*json.loads((folder / "done.json").read_text()))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """Path of MLflow's empty tables: making them takes seconds."""
    return once(tmp_path_factory, "empty", Target) / "mlruns" / "mlflow.db"


@pytest.fixture(scope="session")
def project(tmp_path_factory, empty_database):
    """Root of a project that holds a copy of MLflow's empty tables, for `copy_store`.

    Do not change it.
    """
    root = tmp_path_factory.mktemp("project")
    shutil.copy(empty_database, root / "empty.db")
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory, empty_database):
    """(root, Done) of a run of all five stages in a new process: do not change it.

    It holds MLflow's empty tables too, as `project` does.
    """

    def make(root):
        done = phistar("run", "breast_cancer", *SHORT, root=root)
        shutil.copy(empty_database, root / "empty.db")
        return done

    return shared(tmp_path_factory, "trained", make)


@pytest.fixture(scope="session")
def digits(tmp_path_factory, project):
    """(root, Done) of a few steps on images: do not change it."""

    def make(root):
        copy_store(project, root)
        return here("run", "digits", *DIGITS, root=root)

    return shared(tmp_path_factory, "digits", make)


def of_songs(root):
    """The words of the run of `language`, whose root is given."""
    return "kjv", *LANGUAGE, f"ingest.path={root}/songs.txt"


@pytest.fixture(scope="session")
def language(tmp_path_factory, project):
    """(root, Done) of two steps of a language model: do not change it."""

    def make(root):
        copy_store(project, root)
        songs = "".join(f"bim {'la' * (n % 7)} bam {n}\n" for n in range(90))
        (root / "songs.txt").write_text(songs)
        return here("run", *of_songs(root), root=root)

    return shared(tmp_path_factory, "language", make)
