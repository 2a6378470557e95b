"""What a process inherits changes no result: files beside it, Keras's own settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phistar.pipeline.process.root import importing
from phistar.pipeline.record.naming import version_tags
from tests.helpers.commands import CODE

MODULES = ("random", "queue", "csv", "logging", "json", "sqlite3", "server", "keras")


@pytest.fixture
def hostile(tmp_path):
    """A folder whose files have names of modules, and leave a mark if they run."""
    for name in MODULES:
        text = (
            f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r}); raise SystemExit(9)"
        )
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


@pytest.mark.parametrize("given", ["", ":", "::/nowhere"])
def test_child_imports_nothing_of_the_working_directory(given, hostile, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", given)
    code = (
        "import random, queue, csv, logging, json, sqlite3, phistar, subprocess, sys;"
    )
    code += "subprocess.check_call([sys.executable, '-c', 'import random, csv'])"
    environment = os.environ | importing()
    subprocess.check_call([sys.executable, "-c", code], cwd=hostile, env=environment)
    assert not (hostile / "ran").exists()


def test_command_imports_nothing_of_the_working_directory(hostile):
    done = subprocess.run(
        [sys.executable, "-m", "phistar", "list", "--json"],
        cwd=hostile,
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (hostile / "ran").exists()


def test_every_child_of_python_gets_these_variables():
    """A new call of Python has them too, or is told to ignore all variables (-I)."""
    calls = [
        path
        for folder in ("pipeline", "components", "phistar")
        for path in (CODE / folder).rglob("*.py")
        if "[sys.executable" in path.read_text() and '"-I"' not in path.read_text()
    ]
    assert len(calls) > 5
    for path in calls:
        text = path.read_text()
        assert "importing()" in text or "PYTHONSAFEPATH" in text, path


@pytest.mark.slow
def test_keras_has_its_own_settings(tmp_path):
    (tmp_path / "keras.json").write_text(
        '{"floatx": "float16", "epsilon": 0.1, "backend": "jax", '
        '"image_data_format": "channels_first"}'
    )
    code = (
        "import os; from phistar.pipeline.process import quiet;"
        "os.environ |= quiet.environment(); quiet.import_keras(); import keras;"
        "before = quiet.configure(quiet.KERAS); policy = before.pop('dtype_policy');"
        "assert policy.name == 'float32' and keras.config.backend() == 'tensorflow';"
        "assert before.items() <= quiet.KERAS.items(), before"
    )
    variables = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_EPOCHS": "1"}
    variables |= {"KERAS_BACKEND": "torch", "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    environment = os.environ | variables | {"PYTHONPATH": str(CODE)}
    subprocess.check_call([sys.executable, "-c", code], env=environment, cwd=Path("/"))


def test_variables_that_change_the_last_digits_are_recorded(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    tags = version_tags()
    assert tags["env.TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "env.XLA_FLAGS" not in tags
