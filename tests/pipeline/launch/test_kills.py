"""kill -9 of any process of a launched training: all end with one line, and go on.

`make cluster` kills 50 times (PHISTAR_KILLS), `make test-slow` twice.
"""

import os
import random
import shutil
import time

import psutil
import pytest

from phistar.pipeline.record.journal import read
from tests.helpers.commands import copy_store, end, start, until
from tests.helpers.ranks import QUICK, ranks_of

RUN = ("breast_cancer", "build.network=mlp", "build.mlp_dim=16", "build.dropout=0.3")
RUN += ("train.steps=2000", "train.eval_every=100", "train.backend=jax")
WORDS = ("launch", "-n", "2", "run", *RUN, "--to", "train")
POINTS = 20  # evaluations
KILLS = int(os.environ.get("PHISTAR_KILLS", 2))


@pytest.fixture(scope="module", autouse=True)
def compiled_quickly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", QUICK)
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, empty_database):
    """(root, Done) of a training that nobody killed."""
    root = tmp_path_factory.mktemp("whole")
    shutil.copy(empty_database, root / "empty.db")
    done = end(start(*WORDS, root=root))
    assert done.status == 0, done.stderr
    return root, done


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_rank_ends_all_and_the_same_command_goes_on(
    kill, uninterrupted, tmp_path
):
    root, whole = uninterrupted
    copy_store(root, tmp_path, "ingest", "build")
    chance = random.Random(kill)
    process, points = start(*WORDS, root=tmp_path), chance.randrange(POINTS)
    while process.poll() is None and points_of(tmp_path) < points:
        time.sleep(0.01)
    ranks = ranks_of(process)
    time.sleep(chance.uniform(0, 0.3))
    victim = ranks[(kill + 1) % len(ranks)]
    others, killed = [r for r in ranks if r != victim], time.monotonic()
    victim.kill()
    until(lambda: not any(map(runs, others)), 60)
    assert time.monotonic() - killed < 60
    done = end(process)
    if done.status == 0:
        assert points == POINTS - 1, "it was over before"
    elif victim.pid != process.pid:
        lines = [text for text in done.stderr.splitlines() if "error" in text]
        assert len(lines) == 1 and "continues from the last checkpoint" in lines[0]
    again = end(start(*WORDS, root=tmp_path))
    assert again.status == 0, again.stderr
    assert again.digests == whole.digests
    assert not list(tmp_path.glob("mlruns/stages/*/.*.tmp-*"))


def runs(process):
    """True for a process that has not ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def points_of(root):
    """Evaluations of a training that is under way."""
    journals = root.glob("mlruns/stages/train/.*.tmp-*/journal.jsonl")
    return sum(e["kind"] == "metrics" for path in journals for e in read(path)[0])
