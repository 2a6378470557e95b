"""Tables that fit a terminal, and times as people read them."""

import json

import pytest

from phistar.pipeline.cli import printing
from phistar.pipeline.process.terminal import duration
from tests.helpers.commands import here
from tests.helpers.terminal import CODES

RECIPES = ("breast_cancer", "digits", "kjv", "libreoffice_en_de", "nycflights")


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("recipe", RECIPES)
def test_keys_fit_and_nothing_is_cut(tmp_path, recipe, columns):
    keys = here("show", recipe, root=tmp_path).answer["keys"]
    lines = [CODES.sub("", line) for line in printing.keys_table(keys, columns)]
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).split()
    for row in keys:
        assert row["key"] in words
        text = row["idle"] or row["meaning"].rstrip(".")
        assert set(text.split()[:-1]) <= set(words)


def test_keys_that_the_recipe_sets_come_first_and_idle_ones_last(tmp_path):
    done = here("show", "breast_cancer", "train.momentum=0.5", root=tmp_path)
    rows = done.answer["keys"]
    order = [(row["idle"] is not None, not row["chosen"]) for row in rows]
    assert order == sorted(order)
    first = {row["key"] for row in rows if row["chosen"]}
    assert {"task.positive", "train.steps", "train.momentum"} <= first
    assert {"train.flip", "evaluate.beam_size"} <= {
        row["key"] for row in rows if row["idle"]
    }


def test_a_pipe_gets_one_line_for_each_key(tmp_path):
    rows = here("show", "digits", root=tmp_path).answer["keys"]
    lines = here("show", "digits", root=tmp_path, json=False).stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    for row, line in zip(rows, lines[1:], strict=True):
        assert line.split()[0] == row["key"] and row["meaning"] in line


@pytest.mark.parametrize("columns", [40, 80])
def test_table_wraps_its_last_cells_only(columns):
    text = "train.learning_rate 0.1 → 0.2; train will run; " * 3
    rows = [["train", "run", text.strip()], ["export", "HIT", "0123456789ab"]]
    lines = printing.table(rows, columns)
    assert max(map(len, lines)) <= columns
    joined = " ".join(line[len("export  run  ") :] for line in lines[:-1])
    assert joined.split() == text.split()
    assert printing.table(rows)[0].endswith(text.strip())  # a pipe


def test_the_unit_of_texts_is_a_token():
    metrics = {"test_nll": 1.5, "test_bits": 2.2, "test_n": 90}
    rows = printing.metrics_rows(metrics)
    assert [row[2] for row in rows] == ["nats per label", "bits per label", "labels"]
    rows = printing.metrics_rows(metrics | {"test_perplexity": 4.5})
    assert [row[2] for row in rows[:3]] == [
        "nats per token",
        "bits per token",
        "tokens",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (60, "1 min"),
        (119.6, "2 min"),
        (185, "3 min 5 s"),
        (3599.7, "1 h"),
        (3725, "1 h 2 min"),
        (3705.2, "1 h 2 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_duration_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def answer(**verdict):
    """The answer of a run with a verdict."""
    metrics = {"test_nll": 0.7, "test_nll_prior": 0.66, "test_nll_uniform": 0.69}
    return {"metrics": metrics, "verdict": verdict, "export": "/e", "url": "http://x"}


def test_result_has_the_verdict_and_two_commands():
    sentence = "Not better than guessing: -ln P 0.695 beside 0.689."
    found = answer(verdict="not better", sentence=sentence)
    lines = printing.result("title", found, ["phistar show x", "phistar ui"])
    assert lines[0] == "title"
    assert f"verdict  {sentence}" in lines
    assert lines[-2:] == ["next:    phistar show x", "         phistar ui"]
    json.dumps(found)  # the same answer is printed by --json


@pytest.mark.parametrize(
    ("verdict", "command"), [("better", "promote"), ("not better", "show")]
)
def test_a_model_that_only_guesses_is_not_to_be_promoted(tmp_path, verdict, command):
    from phistar.pipeline.cli.arguments import parse
    from phistar.pipeline.cli.following import next_commands
    from phistar.pipeline.cli.main import load

    given = parse(["run", "breast_cancer", "--root", str(tmp_path)])
    found = answer(verdict=verdict, sentence="")
    first, _ = next_commands(given, load(given), found)
    assert first == f"phistar {command} breast_cancer --root {tmp_path}"
