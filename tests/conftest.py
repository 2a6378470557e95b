"""Settings, tiers and order of all tests, whatever the shell has set.

`make check` runs the fast tests: those of FAST that are not marked `heavy` or `slow`.
A fast test starts no Python and trains no network; one that tries fails.
"""

import gc
import os
import subprocess
import sys

import pytest

FAST = (
    "tests/test_imports.py",
    "tests/test_mutations.py",
    "tests/test_words.py",
    "tests/docs/test_pages.py",
    "tests/docs/test_pictures.py",
    "tests/components/data/",
    "tests/components/decoding/",
    "tests/components/reports/",
    "tests/components/serving/",
    "tests/components/test_artifacts.py",
    "tests/components/test_ingest",
    "tests/components/test_labels.py",
    "tests/components/test_losses.py",
    "tests/components/test_metrics.py",
    "tests/components/training/test_muon.py",
    "tests/phistar/test_rows.py",
    "tests/pipeline/config/",
    "tests/pipeline/doctor/",
    "tests/pipeline/init/test_look.py",
    "tests/pipeline/record/",
    "tests/pipeline/serving/http/test_body.py",
    "tests/pipeline/serving/http/test_guard.py",
    "tests/pipeline/store/",
    "tests/pipeline/sweep/test_checks.py",
    "tests/pipeline/sweep/test_folds.py",
    "tests/pipeline/sweep/test_space.py",
    "tests/pipeline/sweep/test_study.py",
)
# What takes longest comes first: begun last, it would leave one process idle.
LONGEST = (
    "tests/contract/",
    "tests/docs/test_blocks.py",
    "tests/pipeline/serving/",
    "tests/pipeline/run/",
    "tests/pipeline/sweep/",
    "tests/pipeline/tracking/",
    "tests/phistar/",
    "tests/pipeline/process/",
    "tests/components/training/",
    "tests/test_adding.py",
)

TOGETHER = ("tests/contract", "tests/pipeline/serving/http")  # one process does all

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "Agg"
# XLA with few passes of LLVM: most of JAX's time for a small network
os.environ["XLA_FLAGS"] = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
# Runs of tests stay in their folders; no server hears of them.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Dozens of processes import this project: each would compile all of its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items):
    """Mark the fast tests; put the files that take longest first."""
    for item in items:
        left_out = any(item.get_closest_marker(name) for name in ("heavy", "slow"))
        if item.nodeid.startswith(FAST) and not left_out:
            item.add_marker("fast")
    items.sort(key=lambda item: rank(item.nodeid))


def pytest_collection_finish():
    """Search no garbage in what all tests have imported."""
    gc.collect()
    gc.freeze()


def rank(nodeid):
    """Place of a test's file in LONGEST; other files come after it."""
    places = (i for i, name in enumerate(LONGEST) if nodeid.startswith(name))
    return next(places, len(LONGEST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Hold a fast test and its fixtures to what makes it fast."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("fast"):
            patch.setattr(subprocess, "Popen", NoPython)
            if keras := sys.modules.get("keras"):
                patch.setattr(keras.Model, "fit", refuse)
        return (yield)


class NoPython(subprocess.Popen):
    """Process of anything but Python, whose imports take seconds."""

    def __init__(self, args, **options):
        if sys.executable in args:
            refuse()
        super().__init__(args, **options)


def refuse(*args, **options):
    """Fail a test that is not fast."""
    pytest.fail("a fast test starts Python or trains: mark it `heavy`")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process whole files, in the order of `pytest_collection_modifyitems`.

    Tests of one file share its fixtures, those of TOGETHER the same exports.
    xdist's own groups are lost on pytest 9.2 (pytest-xdist's issue 1386).
    """
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class Shared(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder.endswith(TOGETHER) else file

    config.option.loadscopereorder = False  # it would put the most tests first
    return Shared(config, log)
