"""One run from a terminal, a thread and a notebook: MLflow has it alike.

Real parts: a command in a new process, a thread of this one, a notebook's kernel, and
MLflow's store.
"""

import threading
from pathlib import Path

import keras
import pytest

import phistar
from phistar.pipeline.process.root import find_root
from tests.helpers import commands
from tests.helpers.figures import undrawn
from tests.helpers.notebook import executed

KEYS = {"train.steps": 80, "train.eval_every": 10}
# what two runs of one command do not have in common either
OWN = (
    *("phistar.run_id", "mlflow.source.name"),
    *("step_milliseconds", "evaluation_milliseconds", "device_peak_memory_mib"),
    # someone may be at work on the code meanwhile
    *("git_commit", "git_dirty", "mlflow.source.git.commit"),
)
NOTE, REPEAT = "mlflow.note.content", "To repeat it: "
CELLS = [
    "import phistar",
    f"run = phistar.run('breast_cancer', {KEYS})",
    "run",
    "phistar.run('brest_cancer')",
    "phistar.run('breast_cancer', {'train.steps': 'many'})",
    "run.predict([{'mean_radius': 1}])",
    "print(run.run_id)",
]


def in_mlflow(root):
    """The only run of a root, without times and its own ids."""
    (run,) = commands.mlflow_runs(root).values()
    run["metrics"] = {
        name: [(step, value) for step, _, value in points]
        for name, points in run["metrics"].items()
        if not name.startswith("system/")
    }
    run["tags"] = {name: v for name, v in run["tags"].items() if name not in OWN}
    run["tags"][NOTE] = run["tags"][NOTE].partition(REPEAT)[0]
    return run


@pytest.fixture(scope="module")
def threaded(tmp_path_factory):
    """(root, Run) of a thread, in a process whose user has changed Keras."""
    root, found = tmp_path_factory.mktemp("threaded"), []
    keras.layers.Dense(2)  # later layers are numbered on
    keras.config.set_floatx("float64")
    try:
        thread = threading.Thread(
            target=lambda: found.append(
                phistar.run("breast_cancer", KEYS, root=root),
            )
        )
        with undrawn():
            thread.start()
            thread.join()
        assert keras.config.floatx() == "float64"
    finally:
        keras.config.set_floatx("float32")
    return root, found[0]


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """(root, list of Cell) of a notebook in this folder."""
    root = tmp_path_factory.mktemp("notebook")
    return root, executed(CELLS, root, allow_errors=True)


@pytest.mark.parametrize("where", ["threaded", "cells"])
def test_mlflow_has_the_same_run(trained, where, request):
    found, expected = (
        in_mlflow(root) for root in (request.getfixturevalue(where)[0], trained[0])
    )
    assert expected["metrics"]["valid/nll"] and expected["files"]
    for part, value in expected.items():
        assert found[part] == value, part


def test_command_of_a_thread_can_be_typed(trained, threaded, cells):
    """The command of the record is the one that was typed, but for --json."""
    commands_of = []
    for root, _ in (trained, threaded, cells):
        (run,) = commands.mlflow_runs(root).values()
        commands_of.append(run["tags"]["mlflow.source.name"])
    by_hand, in_thread, in_cell = commands_of
    plain = "phistar run breast_cancer train.steps=80 train.eval_every=10"
    assert in_cell == plain
    assert in_thread == f"{plain} --root {threaded[0]}"
    assert by_hand == f"{plain} --root {trained[0]} --json"
    assert find_root() != threaded[0]


def test_run_has_the_answer_of_the_command(trained, threaded):
    answer, (root, run) = trained[1].answer, threaded
    assert run.metrics == answer["metrics"]
    assert run.verdict == answer["verdict"]
    assert run.recipe == answer["experiment"]
    below = Path(answer["export"]).relative_to(trained[0])
    assert run.export.relative_to(root) == below
    page = run.report.read_text("utf-8")
    assert run.verdict["sentence"] in page and run.run_id in page
    assert set(run.figures) >= {"learning_curves", "confusion_matrix"}
    assert all(path.read_bytes()[1:4] == b"PNG" for path in run.figures.values())
    assert run.run_id[:8] in repr(run) and "better" in repr(run)


def test_progress_in_a_notebook_is_plain_lines(cells):
    text = cells[1][1].text
    assert not any(code in text for code in ("\r", "\x1b", "INFO", "WARNING"))
    for stage in ("ingest", "build", "train", "evaluate", "export"):
        assert text.count(f"{stage:<9} ran") == 1
    assert "train step 80/80  train_loss" in text


def test_a_notebook_shows_the_result(cells):
    html = cells[1][2].html
    assert "test_nll" in html and "95 % in" in html and "report.html" in html


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (3, ["run", "brest_cancer"]),
        (4, ["run", "breast_cancer", "train.steps=many"]),
    ],
)
def test_a_mistake_is_the_command_s_text_alone(cells, cell, words):
    root, shown = cells[0], cells[1][cell]
    typed = commands.here(*words, root=root, json=False)
    assert typed.status == 2
    assert "\n".join(shown.error) + "\n" == typed.stderr
    assert shown.raised == "Failure"


def test_a_mistake_in_a_row_is_text_alone(cells):
    (line,) = cells[1][5].error
    assert line.startswith("phistar: error: the columns: missing in the header: ")
    assert cells[1][6].text.strip()  # the notebook goes on
