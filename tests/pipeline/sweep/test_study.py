"""Proposals: reproducible, whole on disk, and never the same point of a grid twice."""

import pytest
from optuna.trial import TrialState

from phistar.pipeline.process.errors import Failure
from phistar.pipeline.sweep import study as studies
from phistar.pipeline.sweep.pruning import Pruner
from phistar.pipeline.sweep.space import space
from phistar.pipeline.sweep.study import COMPLETE, FAIL, PRUNED, RUNNING, Study

RANGES = ["train.a=log:1e-4..1e-1", "train.b=1..6", "train.c=x,y"]


def score(trial):
    """A made valid_nll of a trial."""
    return (float(trial.params["train.b"]) - 3) ** 2 + float(trial.params["train.a"])


def tell(study, trial):
    """End a trial, every seventh with a failure."""
    if trial.number % 7 == 6:
        study.tell(trial, FAIL, reason="not finite")
    else:
        study.tell(trial, COMPLETE, score(trial))


def run(folder, count, seed=0, words=RANGES):
    """Trials one after the other.  -> their values"""
    study = Study(folder, space(words), seed)
    while trial := study.propose(count):
        tell(study, trial)
    values = [trial.params for trial in study.trials()]
    study.close()
    return values


def test_the_nth_proposal_is_the_same_in_each_repetition(tmp_path):
    first = run(tmp_path / "a", 15)
    assert run(tmp_path / "b", 15) == first
    assert run(tmp_path / "c", 15, seed=1) != first
    assert len({str(values) for values in first}) > 10


def test_a_sweep_in_two_parts_proposes_as_one_in_one(tmp_path):
    whole = run(tmp_path / "a", 14)
    run(tmp_path / "b", 12)
    assert run(tmp_path / "b", 14) == whole


def test_a_trial_is_on_disk_with_its_values_before_it_starts(tmp_path):
    study = Study(tmp_path, space(RANGES), 0)
    values = study.propose(3).params
    study.close()
    again = Study(tmp_path, space(RANGES), 0)
    (left,) = again.trials()
    assert (left.state, left.params) == (RUNNING, values)
    assert again.run_of(0) != again.run_of(1) != again.run_of(0, 1)
    assert again.run_id == study.run_id


def test_a_torn_line_of_a_killed_writer_is_left_out(tmp_path):
    values = run(tmp_path, 3)
    with open(tmp_path / "optuna.log", "ab") as file:
        file.write(b'{"op_code": 4, "stu')
    assert run(tmp_path, 4)[:3] == values


def test_one_process_at_a_time_has_a_sweep(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "SECONDS", 0.0)
    study = Study(tmp_path, space(RANGES), 0)
    with pytest.raises(Failure, match="running already"):
        Study(tmp_path, space(RANGES), 0)
    study.close()
    Study(tmp_path, space(RANGES), 0).close()


@pytest.mark.parametrize("count", [2, 4, 9])
def test_a_grid_has_each_point_once_also_when_it_is_enlarged(tmp_path, count):
    words = ["train.a=1,2,3", "train.b=4,5"]
    part = run(tmp_path, count, words=words)
    assert len(part) == min(count, 6)
    whole = run(tmp_path, 6, words=words)
    assert whole[: len(part)] == part
    assert len(whole) == 6 == len({str(point) for point in whole})


def test_running_trials_are_not_proposed_again(tmp_path):
    study = Study(tmp_path, space(["train.a=0.0..1.0"]), 0)
    for _ in range(15):
        study.propose(99)
    values = [trial.params["train.a"] for trial in study.trials()]
    assert len(set(values)) == 15
    study.close()


def test_what_is_above_the_median_at_an_evaluation_is_pruned(tmp_path):
    study = Study(tmp_path, space(["train.a=0.0..1.0"]), 0)
    for number in range(5):
        assert not Pruner(study).prunes([9.0] * 5)  # too few to compare with
        trial = study.propose(99)
        for step in range(4):
            study.report(trial, step, number / 10 + 1 / (step + 1))
        study.tell(trial, COMPLETE, number / 10)
    rule = Pruner(study)
    median = [2 / 10 + 1 / (step + 1) for step in range(4)]
    assert not rule.prunes([9.0]) and not rule.prunes([9.0, 9.0])  # early ones never
    assert rule.prunes([9.0, 9.0, median[2] + 0.01])
    assert not rule.prunes([9.0, 9.0, median[2] - 0.01])
    assert "above the median of 5" in rule.reason([9.0, 9.0, 1.0])
    # a later trial changes no decision of this one
    study.tell(study.propose(99), PRUNED, 0.0)
    assert rule.prunes([9.0, 9.0, median[2] + 0.01])
    assert {t.state for t in study.trials()} == {COMPLETE, TrialState.PRUNED}
    study.close()
