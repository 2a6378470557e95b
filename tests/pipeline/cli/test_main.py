"""The command line: one JSON object, one clear error, no import that is not needed."""

import json
import os
import subprocess
import sys

import pytest

from phistar.pipeline.cli.arguments import STAGES
from tests.helpers.commands import CODE, SHORT, here, phistar

FRAMEWORKS = {"keras", "tensorflow", "mlflow", "jax"}

# runs a command, then says what it has imported
PROBE = """
import json, sys
from phistar.pipeline.cli.main import main
try:
    status = main(sys.argv[2:])
except SystemExit as error:
    status = error.code
with open(sys.argv[1], "w") as file:
    json.dump(sorted({name.partition(".")[0] for name in sys.modules}), file)
sys.exit(status)
"""


def imported(tmp_path, *words):
    """Run a command in a new process.  -> (exit status, packages imported)."""
    names = tmp_path / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(names), *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    return done.returncode, set(json.loads(names.read_text()))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("--help", 0),
        ("run --help", 0),
        ("list", 0),
        ("show digits --json", 0),
        ("plan breast_cancer train.steps=160", 0),
        ("run nope", 2),
        ("run digits train.stepz=1 build.widht=3", 2),
    ],
)
def test_command_without_work_imports_no_framework(tmp_path, command, expected):
    status, names = imported(tmp_path, *command.split())
    assert status == expected
    assert "phistar" in names
    assert not names & FRAMEWORKS


@pytest.mark.parametrize(
    ("command", "unused"),
    [
        ("--help", {"pydantic", "yaml"}),
        ("fly", {"pydantic", "yaml"}),
        ("list", {"pydantic"}),
        ("show digits", {"numpy"}),
        ("plan digits", {"psutil"}),
        ("run digits train.stepz=1", {"numpy"}),
    ],
)
def test_command_imports_what_it_uses_only(tmp_path, command, unused):
    _, names = imported(tmp_path, *command.split())
    assert not names & unused


def test_cached_run_imports_no_framework(trained, tmp_path):
    root, _ = trained
    words = ("run", "breast_cancer", *SHORT, "--root", str(root))
    status, names = imported(tmp_path, *words)
    assert status == 0
    assert not names & FRAMEWORKS  # mlflow is the follower's, another process


def test_run_answers_as_documented(trained):
    root, done = trained
    answer = done.answer
    assert set(answer) == {
        "experiment",
        "run_id",
        "url",
        "stages",
        "metrics",
        "verdict",
        "export",
        "beside",
    }
    assert answer["beside"] is None  # there is no champion yet
    assert answer["experiment"] == "breast_cancer"
    assert answer["run_id"] and answer["url"].startswith("http://127.0.0.1")
    assert tuple(answer["stages"]) == STAGES
    for name, stage in answer["stages"].items():
        assert stage["status"] == "ran"
        assert stage["seconds"] >= 0
        assert stage["path"] == f"{root}/mlruns/stages/{name}/{stage['key']}"
    assert answer["metrics"]["test_nll"] < answer["metrics"]["test_nll_prior"]
    assert (root / "mlruns" / "stages" / "export").as_posix() in answer["export"]
    assert os.path.isfile(f"{answer['export']}/saved_model.pb")


@pytest.mark.parametrize(
    "command",
    ["list", "show breast_cancer", "plan breast_cancer"],
)
def test_answer_is_the_last_line_of_stdout(tmp_path, command):
    done = here(*command.split(), root=tmp_path)
    assert done.status == 0
    assert isinstance(done.answer, dict) and "error" not in done.answer
    assert not done.stderr


@pytest.mark.parametrize("command", ["--help", "list", "show digits --json"])
def test_a_reader_that_has_gone_ends_the_command_quietly(tmp_path, command):
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "phistar", *command.split()]
    environment = os.environ | {"PYTHONPATH": str(CODE)}
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "command",
    [
        "run nope",
        "plan nope",
        "run breast_cancer train.steps=many",
        "run breast_cancer --from export --to train",
        "list train.steps=3",
        "run",
        "fly",
        "run breast_cancer --from nowhere",
        "run breast_cancer --seeds 0",
    ],
)
def test_mistake_is_one_error_on_stderr_and_json_on_stdout(tmp_path, command):
    done = here(*command.split(), root=tmp_path)
    assert done.status == done.answer["status"] == 2
    assert done.answer["error"] in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_mistake_ends_the_process_with_status_2(tmp_path):
    done = phistar("run", "nope", root=tmp_path)
    assert done.status == done.answer["status"] == 2
    assert done.stderr.startswith("phistar: error: ")


def test_without_json_a_table_for_people(tmp_path):
    done = here("list", root=tmp_path, json=False)
    lines = done.stdout.splitlines()
    assert any(line.startswith("breast_cancer ") for line in lines)
    assert any(line.startswith("build.network ") for line in lines)
    assert not done.stderr


def test_unknown_recipe_lists_the_known_ones(tmp_path):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    mine = tmp_path / "conf" / "experiment" / "mine.yaml"
    mine.write_text("inherits: digits\n")
    done = here("run", "nope", root=tmp_path)
    assert done.status == 2
    for name in ("nope", "breast_cancer", "digits", "mine"):
        assert name in done.stderr


def test_config_errors_come_all_at_once(tmp_path):
    words = ("train.stepz=1", "train.batch_size=0", "task.colour=red", "trian.loss=x")
    done = here("run", "breast_cancer", *words, root=tmp_path)
    assert done.status == 2
    for word in ("train.stepz", "train.steps", "train.batch_size", "task.colour"):
        assert word in done.stderr
    assert "trian" in done.stderr
    assert not (tmp_path / "mlruns").exists()


def test_debug_shows_where_an_error_was_raised(tmp_path):
    quiet = here("run", "nope", root=tmp_path)
    loud = here("run", "nope", "--debug", root=tmp_path)
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
    assert loud.answer == quiet.answer


@pytest.mark.parametrize("place", range(4))
def test_override_may_stand_anywhere(tmp_path, place):
    words = ["show", "breast_cancer", "--debug"]
    words.insert(place, "train.steps=160")
    keys = {row["key"]: row for row in here(*words, root=tmp_path).answer["keys"]}
    assert keys["train.steps"]["value"] == 160


def test_root_may_hold_an_equals_sign(tmp_path):
    root = tmp_path / "rate=0.1"
    assert here("show", "breast_cancer", root=root).status == 0
    assert here("plan", "breast_cancer", "train.steps=160", root=root).status == 0


def test_show_tells_value_type_and_meaning(tmp_path):
    rows = here("show", "digits", "train.epochs=3", root=tmp_path).answer["keys"]
    keys = {row["key"]: row for row in rows}
    assert keys["train.epochs"]["value"] == 3
    assert keys["train.steps"]["default"] is None
    assert keys["train.loss"]["required"]
    assert "hinge" in keys["train.loss"]["type"]
    assert all(row["meaning"] and row["type"] for row in rows)


def test_run_tells_its_stages_and_the_progress_and_nothing_else(trained):
    words = [line.split()[0] for line in trained[1].stderr.splitlines()]
    assert set(words) <= {"ingest", "build", "train", "evaluate", "export"}


def test_list_names_recipes_and_choices(tmp_path):
    answer = here("list", root=tmp_path).answer
    assert {"breast_cancer", "digits"} <= set(answer["recipes"])
    assert all(answer["recipes"].values())
    assert {"linear", "mlp", "vgg_small"} <= set(answer["tables"]["build.network"])
    assert {"binary", "multiclass"} <= set(answer["tables"]["task.name"])


def test_choosing_a_network_drops_and_prints_the_keys_of_the_old_one(tmp_path):
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "wide.yaml").write_text(
        "inherits: digits\nbuild:\n  width: 64\n  num_blocks: 1\n"
    )
    kept = here("show", "wide", root=tmp_path)
    assert "dropped" not in kept.stderr
    done = here("show", "wide", "build.network=mlp", root=tmp_path)
    assert done.status == 0
    (line,) = [line for line in done.stderr.splitlines() if "dropped" in line]
    assert "build.width" in line and "build.num_blocks" in line
    keys = {row["key"] for row in done.answer["keys"]}
    assert "build.width" not in keys and "build.num_layers" in keys


def test_root_that_cannot_be_written_is_one_clear_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    done = here("run", "breast_cancer", root=file)
    assert done.status == 2
    assert str(file) in done.answer["error"]
    assert "Traceback" not in done.stderr
