"""What `promote` refuses without --anyway, before TensorFlow or mlflow is imported."""

import json

import pytest

from phistar.pipeline.cli.ranks import published
from phistar.pipeline.record.runs import find, runs
from phistar.pipeline.run import paired
from phistar.pipeline.serving import publish
from phistar.pipeline.store.champions import ORIGIN, serving
from tests.helpers.commands import here
from tests.helpers.results import result

LOW, HIGH = [0.1, 0.2, 0.3, 0.2], [1.1, 1.3, 1.2, 1.2]


def crown(root, run_id, version=1):
    """Make a run the champion, without its SavedModel."""
    place = serving(root, "breast_cancer") / str(version) / ORIGIN
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"run_id": run_id, "export": "x", "version": None}))


def beside(root, run_id):
    """The difference of a run to the champion, and the objections."""
    run, known = find(run_id, root, "export"), runs(root)
    found = paired.beside_champion(run, known, root)
    return found, publish.objections_to(run, found, root)


def test_what_is_not_better_than_guessing_is_refused(tmp_path):
    result(tmp_path, verdict="not better")
    done = here("promote", "breast_cancer", root=tmp_path)
    assert done.status == 3
    for words in ("Not better than guessing by 0.1", "--anyway"):
        assert words in done.answer["error"]
    assert not list(serving(tmp_path, "breast_cancer").glob("[0-9]*"))


def test_what_is_worse_than_the_champion_is_refused(tmp_path):
    crown(tmp_path, result(tmp_path, 0.2, losses=LOW))
    worse = result(tmp_path, 0.1, losses=HIGH)
    done = here("promote", "breast_cancer", root=tmp_path)
    assert done.status == 3
    assert "Worse than the champion, version 1: 1.0000 ± " in done.stderr
    assert f"phistar promote {worse[:8]} --anyway" in done.stderr


def test_a_difference_within_its_interval_is_no_objection(tmp_path):
    crown(tmp_path, result(tmp_path, 0.2, losses=[0.1, 0.2, 0.3, 0.2]))
    close = result(tmp_path, 0.1, losses=[0.2, 0.1, 0.4, 0.2])
    found, objections = beside(tmp_path, close)
    assert found["difference"] > 0 and not objections


def test_a_better_one_is_no_objection(tmp_path):
    crown(tmp_path, result(tmp_path, 0.2, losses=HIGH))
    found, objections = beside(tmp_path, result(tmp_path, 0.1, losses=LOW))
    assert found["difference"] == pytest.approx(-1) and not objections


def test_other_test_data_are_not_compared(tmp_path):
    crown(tmp_path, result(tmp_path, 0.2, losses=LOW, data="earlier"))
    found, objections = beside(tmp_path, result(tmp_path, 0.1, losses=HIGH))
    assert found is None and not objections


def test_the_lines_tell_which_and_why():
    """Both version numbers; the interval; that other test data cannot be compared."""
    answer = {
        "name": "breast_cancer",
        "version": 3,
        "mlflow_version": 5,
        "run_id": "ab12cd34" * 4,
        "folder": "/somewhere/3",
        "test_nll": 0.07,
        "before": 2,
        "difference": 1e-6,
        "choice": {"valid_nll": 0.0612, "among": 5, "own": True},
        "objections": [],
    }
    beside = {"difference": -0.01, "standard_error": 0.002, "n": 115}
    beside |= {"verdict": "B", "only_seeds": False, "version": 2}
    answer["beside"] = beside | {"sentence": paired.sentence(beside)}
    text = " ".join(published(answer))
    for words in (
        "breast_cancer: run ab12cd34, valid_nll 0.0612, the least of 5 runs on this",
        "breast_cancer 3 is the champion: run ab12cd34, test_nll 0.0700",
        "version 5 in MLflow",
        "Better than the champion, version 2: 0.0100 ± 0.0020 nats a label less",
        "on the same 115 examples",
    ):
        assert words in text
    text = " ".join(published(answer | {"beside": None, "choice": None}))
    assert (
        "version 2, the champion before, cannot be compared" in text
        and "± " not in text
    )
    assert max(map(len, published(answer))) <= 80
