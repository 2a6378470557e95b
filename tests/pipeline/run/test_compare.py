"""`phistar compare`: it names what was planted, and calls chance a tie."""

import functools
import json
import shutil

import numpy as np
import pytest

from phistar.pipeline.record.runs import runs
from phistar.pipeline.run import paired
from tests.helpers.commands import SHORT, copy_code, edit, here, phistar


@pytest.fixture(scope="module")
def root(trained, tmp_path_factory):
    """A copy of the project, to which runs may be added."""
    copy = tmp_path_factory.mktemp("compared")
    shutil.copytree(trained[0], copy, dirs_exist_ok=True)
    return copy


@pytest.fixture(scope="module")
def first(trained):
    """Our id of the run that all others are compared with."""
    return trained[1].answer["run_id"]


def another(root, *overrides, code=None, **how):
    """Our id of one more run in the same store, to the report that is compared."""
    words = ("run", "breast_cancer", *SHORT, *overrides, "--to", "evaluate")
    run = functools.partial(phistar, code=code) if code else here
    done = run(*words, root=root, **how)
    assert done.status == 0, done.stderr
    return done.answer["run_id"]


def compared(root, a, b):
    """The answer of `compare`.  -> dict."""
    done = here("compare", a, b, root=root)
    assert done.status == 0, done.stderr
    return done.answer


def test_a_changed_key_is_named(root, first):
    answer = compared(root, first, another(root, "train.learning_rate=0.003"))
    key = {"train.learning_rate": {"a": 0.1, "b": 0.003}}
    assert answer["config"] == key
    assert answer["functions"] == answer["libraries"] == []
    assert answer["parting"]["step"] == 10  # the first evaluation
    assert answer["metrics"]["test_nll"]["a"] != answer["metrics"]["test_nll"]["b"]


def test_a_changed_function_and_the_first_diverging_step_are_named(
    root, first, tmp_path
):
    code = copy_code(tmp_path)
    edit(
        code / "components" / "training" / "border.py",
        '        train_loss = float(logs["loss"])',
        "        scored = scored._replace(nll=scored.nll + (self.step > 40))\n"
        '        train_loss = float(logs["loss"])',
    )
    answer = compared(root, first, another(root, code=code))
    assert answer["config"] == {}
    assert answer["functions"] == [
        "class Border in components/training/border.py changed"
    ]
    parting = answer["parting"]
    assert (parting["step"], parting["curve"]) == (50, "valid_nll")
    assert parting["b"] == pytest.approx(parting["a"] + 1)
    assert not answer["nll"]["only_seeds"]


def test_two_seeds_are_a_tie(root, first):
    answer = compared(root, first, another(root, "train.seed=1"))
    assert list(answer["config"]) == ["train.seed"]
    assert answer["nll"]["verdict"] == "tie"
    assert answer["nll"]["standard_error"] > 0


def test_a_run_is_itself(root, first):
    answer = compared(root, first, first[:6])
    assert answer["config"] == {}
    assert answer["parting"] is None
    assert answer["nll"]["difference"] == answer["nll"]["standard_error"] == 0
    assert answer["nll"]["verdict"] == "tie"


def test_other_test_data_are_refused(root, first):
    done = here("compare", first, another(root, "ingest.seed=1"), root=root)
    assert done.status == 2
    assert "the same test data" in done.answer["error"]


def test_an_unknown_run_is_refused(root, first):
    done = here("compare", first, "breast_cancr", root=root)
    assert done.status == 2
    assert "Did you mean breast_cancer?" in done.answer["error"]


def test_the_table_shows_it(root, first):
    b = another(root, "train.learning_rate=0.003", mlflow=True)
    shown = here("compare", first, b, root=root, json=False).stdout
    for words in ("train.learning_rate  0.1  0.003", "part at step 10", "#/compare"):
        assert words in shown


# the paired difference


def folders(tmp_path, a, b, lengths=None):
    """Reports of two runs on the same test examples."""
    made = []
    for name, values in (("a", a), ("b", b)):
        folder = {"evaluate": tmp_path / name, "ingest": tmp_path}
        folder["evaluate"].mkdir()
        np.save(folder["evaluate"] / "test_nll.npy", values)
        made.append(folder)
    if lengths is not None:
        (tmp_path / "test").mkdir()
        np.save(
            tmp_path / "test" / "labels_offsets.npy", np.append(0, lengths.cumsum())
        )
    return made


def test_the_standard_error_is_that_of_the_mean_of_the_differences(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=(2, 50))
    found = paired.paired(folders(tmp_path, a, b), only_seeds=False)
    assert found["difference"] == pytest.approx((b - a).mean())
    assert found["standard_error"] == pytest.approx((b - a).std(ddof=1) / 50**0.5)


def test_one_example_proves_nothing(tmp_path):
    one, other = np.zeros(1), np.ones(1)
    found = paired.paired(folders(tmp_path, one, other), only_seeds=False)
    assert (found["difference"], found["standard_error"]) == (1, None)
    assert found["verdict"] == "tie"


def test_of_texts_it_covers_what_other_texts_would_give(tmp_path):
    """The error of a ratio of sums, against 2,000 draws of as many texts."""
    rng = np.random.default_rng(0)

    def draw(size):
        lengths = rng.integers(1, 60, size)
        a = lengths * rng.normal(1.0, 0.2, size)
        return lengths, a, a + lengths * rng.normal(0.1, 0.1, size)

    lengths, a, b = draw(300)
    found = paired.paired(folders(tmp_path, a, b, lengths), only_seeds=False)
    ratios = []
    for _ in range(2000):
        lengths, a, b = draw(300)
        ratios.append((b - a).sum() / lengths.sum())
    assert found["standard_error"] == pytest.approx(np.std(ratios), rel=0.15)
    assert found["verdict"] == "A"


def test_the_sides_change_places(root, first):
    b = another(root, "train.learning_rate=0.003")
    one, other = compared(root, first, b), compared(root, b, first)
    assert one["nll"]["difference"] == -other["nll"]["difference"]
    assert one["config"]["train.learning_rate"] == {
        "a": other["config"]["train.learning_rate"]["b"],
        "b": other["config"]["train.learning_rate"]["a"],
    }


def test_metrics_are_those_of_the_reports(root, first):
    answer = compared(root, first, first)
    metrics = json.loads((artifact_of(root, first) / "metrics.json").read_text())
    for name, sides in answer["metrics"].items():
        assert sides == {"a": metrics[name], "b": metrics[name]}
    assert {"test_nll", "test_accuracy"} <= set(answer["metrics"])


def artifact_of(root, run_id):
    """The report of a run."""
    (run,) = [run for run in runs(root) if run.run_id == run_id]
    return root / "mlruns" / "stages" / "evaluate" / run.keys["evaluate"]
