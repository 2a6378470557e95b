"""The command line: help with examples, and mistakes that are answered with advice."""

import argparse
import shlex

import pytest

from phistar.pipeline.cli.arguments import is_override, make_parser, parse
from tests.helpers.commands import here

COMMANDS = make_parser()[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_describes_every_argument_and_has_examples_that_parse(name):
    parser = COMMANDS[name]
    assert parser.description
    assert all(action.help for action in parser._actions)
    head, *examples = parser.epilog.splitlines()
    assert head == "examples:" and examples
    for line in examples:
        phistar, *words = shlex.split(line.partition(" >")[0])
        assert phistar == "phistar" and parse(words).command == name


def test_phistar_alone_is_help(capsys):
    from phistar.pipeline.cli.main import main

    assert main([]) == 0
    assert "usage: phistar" in capsys.readouterr().out


def test_version_is_printed(capsys):
    from importlib.metadata import version

    from phistar.pipeline.cli.main import main

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"phistar {version('phistar')}\n"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("trian digits", "Did you mean train?"),
        ("run digits --epochs 5", "Did you mean train.epochs=5?"),
        ("run digits --epochs=5", "Did you mean train.epochs=5?"),
        ("run digits --lr 0.1", "Did you mean train.learning_rate=0.1?"),
        ("run digits --steps 80", "Did you mean train.steps=80?"),
        ("run digits --rot x", "Did you mean --root?"),
        ("run digits --from trian", "Did you mean train?"),
        ("run digits --force evalute", "Did you mean evaluate?"),
        ("run digits other", "phistar run RECIPE [key=value ...]"),
        ("run", "`phistar list` shows the recipes."),
        ("compare one", "phistar compare RUN RUN"),
        ("list train.steps=3", "takes no overrides"),
    ],
)
def test_mistake_is_one_line_that_says_what_to_type(tmp_path, words, advice):
    done = here(*words.split(), root=tmp_path)
    assert done.status == 2
    assert advice in done.answer["error"]
    assert done.stderr.count("\n") == 1 and "usage:" not in done.stderr


def test_from_repeats_the_overrides_in_its_advice(tmp_path):
    words = ("run", "breast_cancer", "train.seed=77", "--from", "evaluate")
    done = here(*words, root=tmp_path)
    assert done.status == 2
    command = f"phistar ingest breast_cancer train.seed=77 --root {tmp_path}"
    assert f"`{command}`" in done.answer["error"]


def test_hidden_arguments_are_not_in_the_help():
    for parser in COMMANDS.values():
        assert argparse.SUPPRESS not in parser.format_help()


@pytest.mark.parametrize(
    ("word", "override"),
    [
        ("ingest.path=größe.csv", True),
        ("ingest.path=a=b.csv", True),
        ("ingest.path=x (1).csv", True),
        ("ingest.path=~/x/y.csv", True),
        ("task.positive=>50K", True),
        ("lr=0.1", True),
        ("./a=b.yaml", False),
        ("a=b.yaml", False),
    ],
)
def test_an_override_is_told_from_a_file_with_an_equals_sign(
    tmp_path, monkeypatch, word, override
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b.yaml").touch()
    assert is_override(word) == override
    words = ["show", *["digits"] * override, word]
    given = parse([*words, "--root", str(tmp_path)])
    assert (given.recipe, given.overrides) == (
        ("digits", [word]) if override else (word, [])
    )
