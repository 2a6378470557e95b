"""The stages that a change re-runs, and the reasons that `plan` gives."""

import json

import pytest

from phistar.components.hashing import parsed
from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.run.plan import expected_seconds
from phistar.pipeline.store.manifest import write as write_manifest
from phistar.pipeline.store.store import Store
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_code,
    copy_store,
    edit,
    here,
    plan,
    to_run,
)
from tests.helpers.records import write


@pytest.fixture
def tree(tmp_path):
    """A copy of the source, to be changed."""
    return copy_code(tmp_path / "tree")


def test_plan_after_a_run_is_all_cached(trained, tree):
    root, done = trained
    for code in (None, tree):  # where the source lies is in no key
        rows = plan(root, code=code)
        assert tuple(rows) == STAGES
        assert not to_run(rows)
        for name, row in rows.items():
            assert row["key"] == done.answer["stages"][name]["key"]


def test_plan_of_nothing_says_never_run_and_writes_nothing(tmp_path):
    rows = plan(tmp_path / "new")
    assert to_run(rows) == list(STAGES)
    assert rows["ingest"]["reasons"] == ["never run"]
    assert "ingest will run" in rows["build"]["reasons"]
    assert not (tmp_path / "new").exists()


def test_changed_comment_or_docstring_changes_no_key(trained, tree):
    for file in ("losses", "train", "ingest", "artifacts", "networks/linear"):
        path = tree / "components" / f"{file}.py"
        text = path.read_text()
        path.write_text(text.replace('"""', '"""Another word. ', 1) + "\n# a comment\n")
    edit(
        tree / "components" / "losses.py",
        '"""SVM hinge loss',
        '"""The hinge loss, as one says,',
    )
    assert not to_run(plan(trained[0], code=tree))


def test_changed_line_of_losses_names_function_and_file(trained, tree):
    edit(
        tree / "components" / "losses.py",
        "return 2.0 * ops.cast",
        "return 3.0 * ops.cast",
    )
    rows = plan(trained[0], code=tree)
    runs = to_run(rows)
    assert "ingest" not in runs
    assert runs in (list(STAGES[1:]), list(STAGES[2:]))
    reason = "function margin in components/losses.py changed"
    assert rows[runs[0]]["reasons"] == [reason]
    assert reason in rows["train"]["reasons"]


def test_added_network_changes_no_key(trained, tree):
    folder = tree / "components" / "networks"
    text = (folder / "linear.py").read_text()
    (folder / "straight.py").write_text(text.replace("def linear(", "def straight("))
    edit(
        folder / "__init__.py",
        "        case _:",
        '        case "straight":\n'
        "            from phistar.components.networks.straight import straight\n\n"
        "            return straight\n"
        "        case _:",
    )
    assert not to_run(plan(trained[0], code=tree))
    rows = plan(trained[0], "build.network=straight", code=tree)
    assert "build.network linear → straight" in rows["build"]["reasons"]


def test_changed_network_that_is_not_chosen_changes_no_key(trained, tree):
    edit(tree / "components" / "networks" / "mlp.py", '"relu"', '"gelu"')
    edit(
        tree / "components" / "training" / "optimizers.py",
        "def adamw(",
        "def adamw_changed(",
    )
    edit(
        tree / "components" / "training" / "optimizers.py",
        "return adamw",
        "return adamw_changed",
    )
    assert not to_run(plan(trained[0], code=tree))


def test_changed_network_that_is_chosen_runs_from_build_on(trained, tree):
    path = tree / "components" / "networks" / "linear.py"
    edit(path, 'name="flatten"', 'name="flat"')
    rows = plan(trained[0], code=tree)
    assert to_run(rows) == list(STAGES[1:])
    reason = "function linear in components/networks/linear.py changed"
    assert rows["build"]["reasons"] == [reason]


@pytest.mark.parametrize(
    ("override", "first", "reason"),
    [
        ("evaluate.num_bins=15", "evaluate", "evaluate.num_bins 10 → 15"),
        ("train.backend=jax", "train", "train.backend tensorflow → jax"),
        (
            "train.precision=mixed_bfloat16",
            "train",
            "train.precision float32 → mixed_bfloat16",
        ),
        ("train.learning_rate=0.2", "train", "train.learning_rate 0.1 → 0.2"),
        ("build.seed=1", "build", "build.seed 0 → 1"),
        ("ingest.seed=1", "ingest", "ingest.seed 0 → 1"),
    ],
)
def test_changed_key_runs_its_stage_and_those_after_it(
    trained, override, first, reason
):
    rows = plan(trained[0], override)
    runs = list(STAGES[STAGES.index(first) :])
    assert to_run(rows) == runs
    assert reason in rows[first]["reasons"]
    # nothing of it is said of the later ones: they wait for what comes before
    for name in runs[1:]:
        assert reason not in rows[name]["reasons"]
        assert any("will run" in text for text in rows[name]["reasons"])


def test_changed_upstream_artifact_is_named(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    assert here("ingest", "breast_cancer", "ingest.seed=1", root=root).status == 0
    rows = plan(root, "ingest.seed=1")
    assert to_run(rows) == list(STAGES[1:])
    assert rows["build"]["reasons"] == ["input dataset/dataset.json changed"]


def test_changed_library_is_named_with_both_versions(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    folder = artifact(root, "train")
    manifest = parsed((folder / "manifest.json").read_bytes())
    new, manifest["parts"]["libraries"]["keras"] = (
        manifest["parts"]["libraries"]["keras"],
        "3.0.0",
    )
    manifest["key"] = "0" * 32
    write_manifest(folder, manifest)
    folder.rename(folder.with_name(manifest["key"]))
    rows = plan(root)
    assert to_run(rows) == list(STAGES[2:])
    assert rows["train"]["reasons"] == [f"library keras 3.0.0 → {new}"]


def test_expected_seconds_are_those_of_the_past_by_length(trained):
    root, _ = trained
    rows = plan(root, "train.steps=240")
    seconds = {
        stage: json.loads((artifact(root, stage) / "manifest.json").read_text())[
            "origin"
        ]["seconds"]
        for stage in STAGES
    }
    assert rows["ingest"]["seconds"] == 0
    # three times the steps, but one start, which took most of the time
    assert seconds["train"] - 0.06 <= rows["train"]["seconds"]
    assert rows["train"]["seconds"] < 2 * seconds["train"]
    for name in ("evaluate", "export"):
        assert rows[name]["seconds"] == pytest.approx(seconds[name], abs=0.06)


@pytest.mark.parametrize(
    ("times", "asked", "expected"),
    [
        ([10, 12, 14, 16], {"train.steps": 80}, 30 + 8),  # 2 s an interval of 10
        ([10, 12, 900, 902], {"train.steps": 80}, 30 + 8),  # resumed the next day
        ([10], {"train.steps": 80}, 60),  # one interval: no telling
        ([10, 12, 2], {"train.steps": 80}, 30 + 6),  # the clock was set back
        ([10, 12, 14, 16], {"train.steps": 40}, 30),
        ([10, 110, 210, 310], {"train.steps": 20}, 15),  # ran elsewhere, for longer
    ],
)
def test_expected_seconds_have_one_start(tmp_path, times, asked, expected):
    store = Store(tmp_path)
    (tmp_path / "stages" / "train" / "key").mkdir(parents=True)
    journal = tmp_path / "stages" / "train" / "key" / "journal.jsonl"
    steps = [10 * n if len(times) > 1 else 40 for n in range(1, len(times) + 1)]
    write(
        journal,
        [
            {"kind": "metrics", "time": 1000 * seconds, "step": step}
            for seconds, step in zip(times, steps, strict=True)
        ],
    )
    manifest = {
        "stage": "train",
        "key": "key",
        "origin": {"seconds": 30},
        "parts": {"arguments": {"train.steps": 40}},
    }
    assert expected_seconds(store, manifest, {"arguments": asked}) == expected


def test_table_says_hit_or_the_reason(trained):
    words = ("plan", "breast_cancer", *SHORT, "evaluate.num_bins=15")
    done = here(*words, root=trained[0], json=False)
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert tuple(lines) == STAGES
    for name in STAGES[:3]:
        assert lines[name].split()[1] == "HIT"
    assert "evaluate.num_bins 10 → 15" in lines["evaluate"]
    assert "about" in lines["evaluate"]


def test_plan_says_what_run_does(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    rows = plan(root, "evaluate.num_bins=15")
    done = here("run", "breast_cancer", *SHORT, "evaluate.num_bins=15", root=root)
    ran = [name for name, status in done.statuses.items() if status == "ran"]
    assert ran == to_run(rows) == ["evaluate", "export"]
    for name in STAGES[:4]:  # export's is not known before evaluate has run
        assert rows[name]["key"] == done.answer["stages"][name]["key"]
