"""Five stages end in the same artifacts in any order and in any process."""

import pytest

from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.record.journal import read_all
from phistar.pipeline.run.stages import NAMES
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_store,
    here,
    leftovers,
    mlflow_runs,
)


@pytest.fixture(scope="module")
def chains(project, tmp_path_factory):
    """Name -> (root, list of Done): commands, one after another.

    With --isolate each stage has a new process. Of the stages alone the first and the
    last send to MLflow, which then has all of their run.
    """
    commands = {
        "alone": [[stage, "breast_cancer"] for stage in STAGES],
        "in two": [
            ["run", "breast_cancer", "--to", "train"],
            ["run", "breast_cancer", "--from", "evaluate", "--isolate"],
            ["run", "breast_cancer", "--force", "train"],
        ],
    }

    def run(chain):
        root, ends = copy_store(project, tmp_path_factory.mktemp("chain")), []
        for words in chain:
            sends = words[0] not in STAGES[1:-1]
            ends.append(here(*words, *SHORT, root=root, mlflow=sends, drawn=True))
        return root, ends

    return {name: run(chain) for name, chain in commands.items()}


def own_metrics(run):
    """Metric -> [(step, value)], without those of the machine."""
    return {
        name: sorted((step, value) for step, _, value in points)
        for name, points in run["metrics"].items()
        if not name.startswith("system/")
    }


def same_run(one, other):
    """True if MLflow shows the same work, done at another time."""
    assert one["status"] == other["status"] == "FINISHED"
    assert one["params"] == other["params"]
    assert own_metrics(one) == own_metrics(other)
    assert one["files"] == other["files"]
    assert one["data"] == other["data"]
    return True


def test_table_and_command_line_name_the_same_stages():
    assert NAMES == STAGES


def test_each_stage_alone_equals_one_run(trained, chains):
    root, done = chains["alone"]
    assert [d.status for d in done] == [0] * 5, done[-1].stderr
    for number, name in enumerate(STAGES):
        before = dict.fromkeys(STAGES[:number], "cached")
        assert done[number].statuses == {**before, name: "ran"}
    assert done[-1].digests == trained[1].digests
    assert done[-1].answer["metrics"] == trained[1].answer["metrics"]


def test_each_stage_alone_is_one_whole_mlflow_run(trained, chains):
    root, done = chains["alone"]
    assert len({d.answer["run_id"] for d in done}) == 1
    (run,) = mlflow_runs(root).values()
    (whole,) = [
        run
        for run_id, run in mlflow_runs(trained[0]).items()
        if run_id == trained[1].answer["run_id"]
    ]
    # `phistar ingest` ends with the data card
    run["files"].remove("data_card.html")
    assert same_run(run, whole)
    assert not [tag for tag in run["tags"] if tag.startswith("cached_from")]
    ((_, entries),) = read_all(root)
    ends = [entry["status"] for entry in entries if entry["kind"] == "end"]
    assert ends == ["SCHEDULED"] * 4 + ["FINISHED"]


def test_to_then_from_in_child_processes_equals_one_run(trained, chains):
    root, (first, second, _) = chains["in two"]
    assert first.statuses == dict.fromkeys(STAGES[:3], "ran")
    assert first.answer["metrics"] is first.answer["export"] is None
    assert list(second.statuses.values()) == ["cached"] * 3 + ["ran"] * 2
    assert second.digests == trained[1].digests
    assert first.answer["run_id"] == second.answer["run_id"]


def test_force_runs_one_stage_again_and_equals_one_run(trained, chains):
    root, (_, second, forced) = chains["in two"]
    expected = dict.fromkeys(STAGES, "cached") | {"train": "ran"}
    assert forced.statuses == expected
    assert forced.digests == trained[1].digests
    runs = mlflow_runs(root)
    # the first two commands are one run; a finished run is not continued
    assert set(runs) == {second.answer["run_id"], forced.answer["run_id"]}
    assert same_run(*runs.values())
    tags = runs[forced.answer["run_id"]]["tags"]
    assert tags["cached_from.export"] == second.answer["run_id"]
    assert "cached_from.train" not in tags


def test_commands_leave_nothing_half_made(chains):
    for root, _ in chains.values():
        assert not leftovers(root)
        for stage in STAGES:
            assert (artifact(root, stage) / "manifest.json").is_file()


@pytest.mark.parametrize("more", [(), ("--seeds", 2)])
def test_from_with_an_empty_store_is_refused_before_any_work(tmp_path, more):
    root = tmp_path / "new"
    words = ("run", "breast_cancer", *SHORT, "--from", "evaluate", *more)
    done = here(*words, root=root)
    assert done.status == 2
    assert "--from evaluate" in done.answer["error"]
    assert "phistar ingest breast_cancer" in done.answer["error"]
    assert not root.exists()


def test_from_names_the_first_stage_that_is_missing(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "train")
    done = here("run", "breast_cancer", *SHORT, "--from", "train", root=root)
    assert done.status == 2
    assert "phistar build breast_cancer" in done.answer["error"]
    assert not (root / "mlruns" / "runs").exists()
