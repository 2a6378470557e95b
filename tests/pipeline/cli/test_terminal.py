"""A run on a terminal: never silent, and at its end two commands to type next."""

import re
import shlex
from html import unescape

import pytest

from phistar.pipeline.cli.arguments import STAGES, parse
from tests.docs.pages import masked
from tests.helpers.commands import CODE, SHORT, copy_store, here
from tests.helpers.terminal import on_terminal

SILENCE = 5.0  # seconds for which nothing may be written
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|38;)")
QUICK = {
    "kjv_quick": ("train.steps=20", "train.eval_every=10"),
    "libreoffice_en_de_quick": ("train.steps=20", "train.eval_every=10"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory, empty_database):
    """(root, Shown) of a whole run."""
    root = tmp_path_factory.mktemp("with a space") / "project"
    return root, on_terminal("run", "breast_cancer", *SHORT, root=root)


def silent(shown):
    """The sum of all silences that are too long.

    A machine with more work than cores is as much slower.
    """
    limit = SILENCE * max(1.0, shown.load)
    return sum(silence for silence in shown.silences if silence > limit)


def test_no_part_of_a_run_is_silent(run):
    _, shown = run
    assert shown.status == 0, shown.plain
    assert silent(shown) == 0


@pytest.mark.slow
@pytest.mark.parametrize("recipe", QUICK)
def test_no_part_of_a_long_run_is_silent(tmp_path, recipe):
    shown = on_terminal("run", recipe, "--preflight", *QUICK[recipe], root=tmp_path)
    assert shown.status == 0, shown.plain
    assert silent(shown) == 0
    assert "tokens" in shown.plain


def test_each_stage_is_shown_while_it_works_and_when_it_ends(run):
    _, shown = run
    for name in STAGES:
        assert re.search(rf"[\r\n]{name} +ran +\d", shown.plain), name
    for words in ("scoring test", "saving the model", "MLflow  gets the rest"):
        assert words in shown.plain
    assert re.search(r"train_loss \S+  valid_nll \S+  best \S+", shown.plain)
    assert COLOUR.search(shown.text)


def test_the_cursor_is_never_hidden(run):
    assert "\x1b[?25l" not in run[1].text  # a killed process could not show it again


def test_next_commands_can_be_typed_as_they_are_printed(run):
    root, shown = run
    lines = shown.plain.replace("\r", "").splitlines()
    (start,) = [i for i, line in enumerate(lines) if line.startswith("next:")]
    commands = [shlex.split(line[9:]) for line in lines[start : start + 2]]
    assert [words[:2] for words in commands] == [
        ["phistar", "promote"],
        ["phistar", "ui"],
    ]
    for _, *words in commands:
        assert parse(words).root == root.resolve()


def test_no_color_leaves_colours_out(tmp_path):
    shown = on_terminal("show", "digits", root=tmp_path, NO_COLOR="1")
    assert shown.status == 0 and "\x1b[" not in shown.text
    shown = on_terminal("show", "digits", root=tmp_path)
    assert COLOUR.search(shown.text)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize(
    "command", ["list", "show breast_cancer", "plan libreoffice_en_de", "--help"]
)
def test_commands_fit_the_terminal(tmp_path, command, columns):
    words = command.split()
    if command == "--help":
        words = ["run", "--help"]
    shown = on_terminal(*words, root=tmp_path, columns=columns)
    assert shown.status == 0, shown.plain
    assert max(map(len, shown.plain.replace("\r", "").splitlines())) <= columns


def test_a_pipe_gets_a_line_when_a_stage_starts_and_ends(trained):
    lines = trained[1].stderr.splitlines()
    for name in STAGES:
        words = [line.split()[:2] for line in lines]
        assert words.count([name, "started"]) == words.count([name, "ran"]) == 1
        assert words.index([name, "started"]) < words.index([name, "ran"])
    assert sum("valid_nll" in line for line in lines) == 8  # each evaluation
    assert "\x1b" not in trained[1].stderr


def test_a_run_that_stops_early_leads_to_its_rest(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES[:3])
    words = ("train", "breast_cancer", *SHORT)
    done = here(*words, root=root, json=False)
    lines = done.stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("next:")]
    assert line[9:] == f"phistar run breast_cancer {' '.join(SHORT)} --root {root}"


def test_readmes_terminal_shows_what_a_run_prints(run):
    """The last frame of the picture, its numbers and paths apart, is printed today."""
    drawn = (CODE / "docs" / "pictures" / "terminal.svg").read_text("utf-8")
    *_, frame = drawn.split("<g ")
    rows = re.findall(r"<text y=.*?</text>", frame, re.S)
    shown = [unescape(re.sub(r"<[^>]+>", " ", row)) for row in rows]
    came = "\n".join(masked(run[1].plain.replace("\r", "\n")))
    shown = masked("\n".join(shown))
    # a verdict and an address go on in the next row, elsewhere than here
    (verdict,) = [n for n, line in enumerate(shown) if line.startswith("verdict")]
    (following,) = [n for n, line in enumerate(shown) if line.startswith("next:")]
    assert verdict >= 13
    for line in [*shown[: verdict + 1], *shown[following:]]:
        # which model is better is a result
        assert line.split(";")[0] in came, line
