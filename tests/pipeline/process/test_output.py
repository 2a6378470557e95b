"""What is printed: no sign that a terminal obeys, no failure of a lost stderr."""

import io
import os
import subprocess
import sys

import pytest

from phistar.pipeline.process import output
from tests.helpers.commands import CODE

# title of the window, cleared screen, cursor up, C1's CSI, bell, backspaces
NASTY = ["\x1b]0;owned\x07", "\x1b[2J", "\x1b[1A\x1b[2K", "\x9b2J", "\x07", "a\b\bb"]
NASTY += ["good\rbad", "\x7f", "\x00", "\x1bP1$r\x1b\\"]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("colours", [False, True])
def test_clean_text_has_no_control_character(text, colours):
    shown = output.clean(f"column {text} of the table\n", colours)
    assert all(sign.isprintable() or sign == "\n" for sign in shown)
    assert "\\u" in shown


@pytest.mark.parametrize(
    "text", ["größe\t日本語 😀\n", "10 %\r", "\ra bar", "one\r\ntwo"]
)
def test_clean_leaves_plain_text_alone(text):
    assert output.clean(text) == text


def test_clean_keeps_colours_on_a_terminal_only():
    red = "\x1b[31mphistar: error:\x1b[0m no"
    assert output.clean(red, colours=True) == red
    assert "\x1b" not in output.clean(red)


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text):
        """Refuse."""
        raise OSError(28, "No space left on device")

    def fileno(self):
        """Refuse: it has none."""
        raise io.UnsupportedOperation


def test_stderr_that_is_full_is_no_failure_and_stdout_is_one():
    print("lost", file=output.Clean(Full(), needed=False), flush=True)
    with pytest.raises(OSError, match="No space"):
        print("needed", file=output.Clean(Full()), flush=True)


def test_name_that_the_encoding_lacks_is_written_readably():
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding="ascii")
    print("größe \udcff", file=output.Clean(stream), flush=True)
    assert kept.getvalue() == b"gr\\xf6\\xdfe \\udcff\n"


# as a shell starts it -> exit status; the answer of `list` is its stdout
STARTED = {
    "2>&-": 0,
    ">&-": 0,
    ">&- 2>&-": 0,
    "<&- >&- 2>&-": 0,
    "2>/dev/full": 0,
    ">/dev/full": 1,
    "2>&1 | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}": 141,
}


@pytest.mark.parametrize("how", STARTED)
def test_command_ends_well_whatever_its_streams_are(how, tmp_path):
    code = (
        "import sys; from phistar.pipeline.cli import main as m;"
        "from phistar.pipeline.process.terminal import note;"
        # a command that tells something and has an answer
        "answer = {}, ['answer'] * 9999;"
        "m.FUNCTIONS['list'] = lambda given: (note('told'), answer)[1];"
        "sys.exit(m.main(['list']))"
    )
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {how}', sys.executable, code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == STARTED[how], done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
