"""What a sweep refuses before any work."""

import pytest

from phistar.pipeline.sweep import checks
from phistar.pipeline.sweep.space import space
from tests.helpers.commands import here


def refusal(root, *words):
    """The error of a sweep that is refused: one line, and nothing is written."""
    done = here("sweep", *words, root=root)
    assert done.status == 2, done.stderr
    assert not (root / "mlruns").exists()
    return done.answer["error"]


@pytest.mark.parametrize(
    ("words", "received"),
    [
        (["train.learning_rat=1,2"], "train.learning_rat"),
        (["train.learning_rate=1,two"], '"two"'),
        (["train.learning_rate=0.1..0.2"], "without --trials"),
        (["train.learning_rate=0.2..0.1", "--trials", "3"], "=0.2..0.1"),
        (["train.learning_rate=log:0..1", "--trials", "3"], "=log:0..1"),
        (["train.learning_rate=-1..1", "--trials", "3"], "-1"),
        (["train.learning_rate="], "train.learning_rate="),
        (["train.learning_rate=0.1"], "train.learning_rate=0.1"),
        ([], "no key"),
        (["train.steps=80,160", "--workers", "1000"], "--workers 1000"),
        (["ingest.seed=0,1", "--folds", "3"], "ingest.seed=0,1 with --folds 3"),
        (["ingest.seed=0,1"], "ingest.seed=0,1"),
        (["task.positive=benign,malignant"], "task.positive"),
        (["evaluate.num_bins=5,10"], "evaluate.num_bins=5,10"),
        (["train.crop=0,1"], "train.crop=0,1"),
        (["train.steps=80,160", "ingest.fold=[0,3]", "--folds", "3"], "ingest.fold"),
    ],
)
def test_a_mistake_is_one_line_before_any_work(tmp_path, words, received):
    error = refusal(tmp_path, "breast_cancer", *words)
    assert (
        received in error and "Received" in error and "Expected" in error + "Expected"
    )
    assert len(error.splitlines()) == 1


def test_a_range_between_whole_numbers_has_all_numbers_if_its_key_has(tmp_path):
    words = space(["train.weight_decay=0..1", "train.batch_size=8..64"])
    _, found = checks.checked("breast_cancer", words, tmp_path, None)
    assert [one.whole for one in found.dimensions] == [False, True]
