"""Progress: what is shown of work, on a terminal and elsewhere."""

import io
import sys

import pytest

from phistar.components import progress
from phistar.pipeline.process import terminal
from phistar.pipeline.process.live import Drawing, Screen, seconds_left


class Listener:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def doing(self, text):
        """Keep the text."""
        self.heard.append(text)

    def count(self, done, total, unit):
        """Keep the count."""
        self.heard.append((done, total, unit))


def test_counter_adds_up_for_the_listener_only_inside_its_block():
    listener = Listener()
    progress.doing("before")
    with progress.listening(listener):
        progress.doing("scoring test")
        seen = progress.counter("rows", 10)
        seen(4)
        seen(6)
    progress.counter("rows")(3)
    assert listener.heard == [
        "scoring test",
        (0, 10, "rows"),
        (4, 10, "rows"),
        (10, 10, "rows"),
    ]


def test_inner_work_is_titled_by_the_outer_one():
    with terminal.working("preflight"):
        assert terminal.titled("train") == "preflight: train"
    assert terminal.titled("train") == "train"


def test_work_that_fails_is_no_longer_shown():
    with pytest.raises(KeyError), terminal.working("ingest"):
        raise KeyError
    assert terminal.titled("train") == "train"


def test_a_file_gets_a_plain_line_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "PLAIN_SECONDS", 0.0)
    with terminal.working("evaluate"):
        progress.doing("scoring test")
        progress.counter("tokens", 19000)(1200)
    assert capsys.readouterr().err.splitlines() == [
        "evaluate  scoring test",
        "evaluate  scoring test  0 of 19,000 tokens",
        "evaluate  scoring test  1,200 of 19,000 tokens",
    ]
    monkeypatch.setattr(terminal, "PLAIN_SECONDS", 1e6)
    with terminal.working("evaluate"):
        progress.counter("tokens", 19000)(1200)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """True."""
        return True


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)]
)
def test_paint_colours_terminals_only(monkeypatch, variables, coloured):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in terminal.paint("x", "red", Terminal())) == coloured
    assert terminal.paint("x", "red", io.StringIO()) == "x"


def drawn(work, columns=80):
    """The lines that are drawn of work."""
    drawing = Drawing.__new__(Drawing)  # without its thread and its descriptor
    from rich.spinner import Spinner

    drawing.current, drawing.spinner = lambda: work, Spinner("line")
    screen = Screen(file=io.StringIO(), width=columns)
    screen.print(drawing.draw())
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("columns", [80, 100])
def test_training_shows_its_scores_and_the_validation_inside(columns):
    work = terminal.Progress("train")
    values = {"train_loss": 0.12345, "valid_nll": 0.3456, "best": 0.3401}
    work.show(312, 1170, values)
    head, scores = drawn(work, columns)
    assert "312/1170" in head and "train" in head
    assert scores.split() == [
        "train_loss",
        "0.1235",
        "valid_nll",
        "0.3456",
        "best",
        "0.3401",
    ]
    work.doing("validating")
    work.count(1200, 19000, "tokens")
    head, scores = drawn(work, columns)
    assert "312/1170" in head and "validating 1,200 of 19,000 tokens" in head
    assert max(len(head), len(scores)) <= columns
    work.close()


def test_time_left_counts_only_the_steps_of_this_process():
    work = terminal.Progress("train")
    work.show(900, 1000, {})  # resumed: 900 steps were made before
    began, first = work.start
    work.show(910, 1000, {})
    assert first == 900
    assert seconds_left(work, began + 10.0) == pytest.approx(90.0)
    assert seconds_left(work, began + 0.1) is None  # too early to tell
    work.close()


def test_part_without_total_is_counted():
    work = terminal.Progress("ingest")
    work.doing("reading the data")
    work.count(12340, None, "rows")
    (line,) = drawn(work)
    assert "reading the data 12,340 rows" in line
    work.close()


def test_nothing_is_drawn_without_a_terminal():
    assert not sys.stderr.isatty()
    with terminal.working("ingest"):
        assert terminal._live is None
