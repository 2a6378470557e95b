"""The run that `promote NAME` takes: the least valid_nll on the present data."""

import math

import pytest

from phistar.pipeline.record.runs import runs
from phistar.pipeline.run import ranking
from tests.helpers.results import result


def best(root, word="breast_cancer"):
    """The choice of `promote`.  -> (run_id, results compared, own data)."""
    found = ranking.best(word, runs(root), root)
    return found.run.run_id, found.among, found.own


def test_it_has_the_least_valid_nll(tmp_path):
    result(tmp_path, 0.3)
    least = result(tmp_path, 0.1)
    result(tmp_path, 0.2)
    result(tmp_path, math.nan)
    assert best(tmp_path) == (least, 3, True)


def test_a_run_on_other_data_is_not_compared(tmp_path):
    """An earlier file, or another source: its examples are others."""
    result(tmp_path, 0.01, data="earlier")
    ours = result(tmp_path, 0.2)
    result(tmp_path, 0.01, data="photos", overrides=["ingest.valid_fraction=0.3"])
    assert best(tmp_path) == (ours, 1, True)


def test_without_a_run_on_its_own_data_the_newest_ones_count(tmp_path):
    result(tmp_path, 0.01, data="a", overrides=["ingest.seed=1"])
    newest = result(tmp_path, 0.2, data="b", overrides=["ingest.seed=2"])
    assert best(tmp_path) == (newest, 1, False)


def test_a_seed_is_never_taken(tmp_path):
    parent = result(tmp_path, None)
    child = result(tmp_path, 0.01, parent=parent, name="seed 0")
    with pytest.raises(ValueError, match="of seeds") as error:
        best(tmp_path)
    assert child[:8] in str(error.value)
    plain = result(tmp_path, 0.5)
    assert best(tmp_path)[0] == plain


@pytest.mark.parametrize("status", ["FAILED", "KILLED", "SCHEDULED"])
def test_it_is_a_finished_run(tmp_path, status):
    result(tmp_path, 0.01, status=status)
    with pytest.raises(ValueError, match="without a finished run"):
        best(tmp_path)
    finished = result(tmp_path, 0.5)
    assert best(tmp_path)[0] == finished
