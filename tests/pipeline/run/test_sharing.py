"""`push`, `pull` and PHISTAR_REMOTE carry a run's results to another root."""

import pytest

from tests.helpers.commands import SHORT, here

NAMES = ["ingest", "build", "train", "evaluate", "export"]


@pytest.fixture(scope="module")
def shared(trained, tmp_path_factory):
    """(address, answer of `push`) of the results of the short run."""
    root, _ = trained
    address = str(tmp_path_factory.mktemp("shared"))
    return address, here("push", address, "breast_cancer", *SHORT, root=root).answer


def test_push_copies_each_result_once(shared, trained):
    address, pushed = shared
    assert [one["stage"] for one in pushed["copied"]] == NAMES
    assert pushed["missing"] == []
    again = here("push", address, "breast_cancer", *SHORT, root=trained[0]).answer
    assert again["copied"] == [] and again["present"] == 5


def test_pull_brings_what_push_took(shared, trained, tmp_path):
    address, pushed = shared
    pulled = here("pull", address, "breast_cancer", *SHORT, root=tmp_path).answer
    assert [one["key"] for one in pulled["copied"]] == [
        one["key"] for one in pushed["copied"]
    ]
    plan = here("plan", "breast_cancer", *SHORT, root=tmp_path).answer
    assert [stage["status"] for stage in plan["stages"]] == ["cached"] * 5
    everything = here("pull", address, root=tmp_path).answer
    assert everything["copied"] == [] and everything["present"] == 5


def test_a_variant_that_is_not_there_is_named(shared, tmp_path):
    changed = "train.seed=9"
    done = here("pull", shared[0], "breast_cancer", *SHORT, changed, root=tmp_path)
    assert done.answer["missing"] == ["train", "evaluate", "export"]


def test_run_takes_results_from_the_remote(shared, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("PHISTAR_REMOTE", shared[0])
    plan = here("plan", "breast_cancer", *SHORT, root=tmp_path).answer
    assert all(stage["reasons"] == [f"at {shared[0]}"] for stage in plan["stages"])
    assert not (tmp_path / "mlruns" / "stages").exists()  # a plan copies nothing
    done = here("run", "breast_cancer", *SHORT, "--to", "evaluate", root=tmp_path)
    assert {s["status"] for s in done.answer["stages"].values()} == {"cached"}
    assert done.answer["metrics"] == trained[1].answer["metrics"]


def test_run_gives_its_results_to_the_remote(tmp_path, monkeypatch):
    address = tmp_path / "shared"
    monkeypatch.setenv("PHISTAR_REMOTE", str(address))
    here("run", "breast_cancer", *SHORT, "--to", "build", root=tmp_path / "a")
    done = here("run", "breast_cancer", *SHORT, "--to", "build", root=tmp_path / "b")
    assert {s["status"] for s in done.answer["stages"].values()} == {"cached"}


def test_overrides_need_a_recipe(tmp_path):
    done = here("push", "team", "train.seed=9", root=tmp_path)
    assert done.status == 2
    assert "overrides belong to a recipe. Received: train.seed=9" in done.stderr
