"""Completion: the words that may stand at the end of a line, and bash's script."""

import os
import subprocess
import sys

import pytest

from phistar.pipeline.cli import completion
from phistar.pipeline.cli.arguments import STAGES
from tests.helpers.commands import CODE


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("phistar tr", ["train"]),
        ("phistar run breast", ["breast_cancer"]),
        ("phistar run digits train.learn", ["train.learning_rate="]),
        ("phistar run digits train.optimizer=", 3),
        ("phistar run digits train.optimizer=a", ["train.optimizer=adamw"]),
        ("phistar run digits train.flip=", ["train.flip=true", "train.flip=false"]),
        ("phistar run digits build.network=mlp build.num", ["build.num_layers="]),
        ("phistar run digits --from ", list(STAGES)),
        ("phistar run --json digits train.see", ["train.seed="]),
        ("phistar ui --po", ["--port"]),
        ("phistar promote brea", ["breast_cancer"]),
        ("phistar predict digits ", []),  # a file: the shell's own work
        ("phistar run digits nothing.such=", []),
        ("phistar completion z", ["zsh"]),
    ],
)
def test_words_continue_the_line(line, expected):
    found = completion.words(line)
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_own_recipes_are_completed(tmp_path):
    folder = tmp_path / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "my_own.yaml").write_text("inherits: digits\n")
    assert completion.words(f"phistar run --root {tmp_path} my_") == ["my_own"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("phistar pla", ["plan"]),
        ("phistar run digits train.lo", ["train.loss="]),
        # bash has split the word at "=": only the rest is given
        ("phistar run digits train.optimizer=s", ["sgd"]),
    ],
)
def test_bash_completes_by_the_script(tmp_path, line, expected):
    command = tmp_path / "phistar"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phistar "$@"\n')
    command.chmod(0o755)
    script = f"""{completion.SCRIPTS["bash"]}
        COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=(phistar)
        _phistar
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(CODE)}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == expected, done.stderr


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_script_is_printed_and_asks_phistar(capsys, shell):
    from phistar.pipeline.cli.main import main

    assert main(["completion", shell]) == 0
    assert f"completion {shell} --line" in capsys.readouterr().out
