"""phistar as a guest in a user's process, and the words that it passes on."""

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import phistar
from phistar.components.serving import clean
from phistar.guest import guest
from phistar.interface import typed
from phistar.pipeline.config import parse
from phistar.pipeline.config.load import load
from phistar.pipeline.tracking.target import LOGGERS, SETTINGS
from tests.helpers.commands import here, mlflow_runs
from tests.helpers.notebook import environment, kernel

# long enough to be interrupted while it trains
LONG = {
    **{"build.width": 4, "build.num_blocks": 1, "build.mlp_dim": 16},
    **{"train.epochs": None, "train.steps": 600, "train.eval_every": 10},
}


def python(code, **more):
    """The output of a program in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment() | more,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "value",
    [
        *(3, -1, 0.5, 1e-5, 1e30, True, False, None, "hinge", "no", "yes", "true"),
        *("3", "1e3", "null", "~", "a, b", " a ", "", "[1]", "{a: 1}", '"', "süß 💡"),
        *("a: b", "#x", "*.csv", "x=y", "range(1)", "line\nend", "C:\\x"),
        *([], [1, 2], ["a", "b, c"], ["no"], [[1], None]),
    ],
    ids=repr,
)
def test_override_is_read_as_the_value_that_was_given(value):
    (word,) = typed({"a.b": value})
    found = parse.value(word.removeprefix("a.b="))
    assert found == value and type(found) is type(value)
    assert "," not in word or word[4] in parse.FLOW  # else it is several values


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([1, 2]), [1, 2]),
        ((1, 2), [1, 2]),
        (Path("a") / "b.csv", "a/b.csv"),
    ],
)
def test_numbers_of_numpy_and_paths_are_plain(value, plain):
    assert json.loads(typed({"a": value})[0][2:]) == plain


def test_overrides_reach_the_config(tmp_path):
    words = typed({"train.epochs": 3, "train": {"learning_rate": 0.01}})
    train = load("digits", words, tmp_path).sections["train"]
    assert (train["epochs"], train["learning_rate"]) == (3, 0.01)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (["digits", {"train.epohcs": 3}], {}, "Did you mean train.epochs"),
        (["digits", ["train.epochs=3"]], {}, "overrides must be a dict"),
        (["digits", {"train.loss": len}], {}, "train.loss must have plain data"),
        (["digits"], {"to": "evalute"}, "Did you mean evaluate"),
        (["digits"], {"force": "trian"}, "Did you mean train"),
        (["digitz"], {}, "Did you mean digits"),
        ([3], {}, "recipe must be a name or a path. Received: 3 of type int"),
        (["none.yaml"], {}, "none.yaml"),
    ],
)
def test_a_mistake_is_a_failure(arguments, options, words, tmp_path):
    with pytest.raises(phistar.Failure, match=words) as error:
        phistar.run(*arguments, **options, root=tmp_path)
    assert error.value.status == 2
    assert error.value.__cause__ is None and error.value.__suppress_context__
    assert "\n".join(error.value._render_traceback_()).startswith("phistar: error: ")
    assert not (tmp_path / "mlruns").exists()


def test_a_defect_keeps_its_traceback(monkeypatch, tmp_path):
    def broken(*_):
        raise KeyError("of ours")

    monkeypatch.setattr("phistar.interface.exports.find", broken)
    with pytest.raises(phistar.Failure) as error:
        phistar.load("digits", root=tmp_path)
    shown = "\n".join(error.value._render_traceback_())
    assert "phistar: error: KeyError: 'of ours'" in shown and "in broken" in shown
    assert isinstance(error.value.__cause__, KeyError)


def test_import_is_light():
    heavy = ("numpy", "pandas", "tensorflow", "keras", "mlflow", "pydantic", "yaml")
    code = f"import sys, phistar; print([n for n in {heavy} if n in sys.modules])"
    assert python(code).strip() == "[]"
    assert "run" in dir(phistar) and phistar.Run.__module__ == "phistar.result"
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        phistar.rnu  # noqa: B018


def test_guest_leaves_things_as_they_were(monkeypatch):
    """Two threads: the last one that leaves restores what the first one found."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    level = logging.getLogger("mlflow").level
    tensorflow = logging.getLogger("tensorflow")
    filters = list(tensorflow.filters)
    assert "mlflow" in LOGGERS
    entered, leave = threading.Event(), threading.Event()

    def other():
        with guest():
            entered.set()
            leave.wait(60)

    before = np.random.get_state()[1].tolist()
    with guest():
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait(60)
        os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
        os.environ |= SETTINGS
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)
        np.random.seed(0)
        told = logging.LogRecord("", logging.INFO, "", 0, "Assets written", (), None)
        assert not tensorflow.filter(told)
    assert np.random.get_state()[1].tolist() == before
    assert os.environ["KERAS_BACKEND"] == "tensorflow"  # the other still needs it
    leave.set()
    thread.join()
    assert os.environ["KERAS_BACKEND"] == "torch"
    assert "TF_CPP_MIN_LOG_LEVEL" not in os.environ
    assert logging.getLogger("mlflow").level == level
    assert tensorflow.filters == filters


def test_packages_are_hidden_from_nobody_in_a_user_s_process():
    """Keras looks for pandas at its import: a command hides it, a guest does not."""
    code = """
import gc, sys
from phistar.pipeline.process import quiet
if {shared}:
    quiet.share_process()
with quiet.without_gc(), quiet.without("pandas"):
    seen = [sys.modules.get("pandas", "free"), gc.isenabled()]
print(seen, gc.get_freeze_count() > 0)
"""
    assert python(code.replace("{shared}", "True")).strip() == "['free', True] False"
    assert python(code.replace("{shared}", "False")).strip() == "[None, False] True"


def test_keras_on_another_backend_is_told(tmp_path):
    code = """
import keras, phistar
assert keras.config.backend() == "jax"
try:
    phistar.run("digits", root={root!r})
except phistar.Failure as failure:
    print(failure.status, failure)
"""
    said = python(code.replace("{root!r}", repr(str(tmp_path))), KERAS_BACKEND="jax")
    assert said.startswith("2 Keras has another backend in this process. Received: jax")
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_nobody_took_ends():
    clean.start()
    (process,) = clean._ready
    clean.stop()
    assert process.returncode is not None and clean._ready == []


def test_runs_are_those_of_the_command(tmp_path):
    words = ("train.steps=2", "train.eval_every=1", "--to", "evaluate")
    done = here("run", "breast_cancer", *words, root=tmp_path)
    assert done.status == 0, done.stderr
    table = phistar.runs("breast_cancer", root=tmp_path)
    (listed,) = here("runs", root=tmp_path).answer["runs"]
    assert list(table["run_id"]) == [done.answer["run_id"]]
    assert set(table.columns) == set(listed)
    assert table["valid_nll"].item() == listed["valid_nll"]
    assert table["time"].item().timestamp() * 1000 == pytest.approx(listed["time"])
    again = phistar.run(
        "breast_cancer",
        {"train.steps": 2, "train.eval_every": 1},
        to="evaluate",
        root=tmp_path,
    )
    assert again.run_id == done.answer["run_id"]  # nothing new
    with pytest.raises(phistar.Failure, match="the result of `export` is not here"):
        again.predict([])
    with pytest.raises(phistar.Failure, match="no run of this recipe yet"):
        phistar.runs("digits", root=tmp_path)


def test_a_run_that_a_notebook_interrupts_is_continued_by_its_cell(tmp_path):
    cell = f"run = phistar.run('digits', {LONG}, to='train')\nprint(run.run_id)"
    with kernel(tmp_path) as (manager, execute):
        execute("import phistar, numpy")

        def stop():
            journals = tmp_path / "mlruns" / "stages" / "train"
            for _ in range(2400):
                found = [p.read_text() for p in journals.glob(".*/journal.jsonl")]
                if any(text.count('"kind": "metrics"') > 6 for text in found):
                    return manager.interrupt_kernel()
                threading.Event().wait(0.1)

        thread = threading.Thread(target=stop)
        thread.start()
        stopped = execute(cell)
        thread.join()
        assert stopped.raised == "Interrupted"
        assert stopped.error == [
            "phistar: error: interrupted. The same call continues where this one has "
            "stopped."
        ]
        ended = execute(cell)
    assert not ended.error, ended
    assert "continuing from step" in ended.text
    ((run_id, run),) = mlflow_runs(tmp_path).items()
    assert run["status"] == "SCHEDULED" and run_id in ended.text  # to be gone on with
