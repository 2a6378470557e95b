"""The log of a run is what its user saw."""

import io
import sys

from phistar.pipeline.record import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_are_seen_and_kept(capsys):
    with console.kept() as outer:
        print("one", file=sys.stderr)
        with console.kept() as inner:
            print("two", file=sys.stderr)
    print("three", file=sys.stderr)
    assert capsys.readouterr().err == "one\ntwo\nthree\n"
    assert outer.text() == "one\ntwo\n"
    assert inner.text() == "two\n"


def test_a_bar_is_kept_as_it_was_last(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.kept() as seen:
        assert sys.stderr.isatty()
        for step in range(3):
            sys.stderr.write(f"\r\x1b[2K\x1b[32mtrain {step}/2\x1b[0m")
        sys.stderr.write("\nended\n")
    assert sys.stderr is terminal
    assert seen.text() == "train 2/2\nended\n"
    assert "\x1b[32m" in terminal.getvalue()
