"""Processes that read parts of files: order, errors, and their end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from phistar.components.data.sources.text_pieces import lines_piece, rows_of
from phistar.components.data.workers import Workers
from tests.helpers.commands import CODE

pytestmark = pytest.mark.heavy


def requests(tmp_path, number):
    """A request for each of some files of one line."""
    for n in range(number):
        file = tmp_path / f"{n}.txt"
        file.write_text(f"line {n}\n" * (1 + 10_000 * (n % 3 == 0)))
        yield {
            "files": [[str(file), file.name]],
            "document": "line",
            "encoding": None,
            "span": None,
            "line": 1,
            "out": str(tmp_path / str(n)),
        }


def test_results_come_in_order_and_errors_as_they_are(tmp_path):
    made, seen = list(requests(tmp_path, 8)), []
    with Workers(2) as workers:
        found = list(workers.map(lines_piece, made, seen.append))
        assert [one["kept"] for one in found] == [10_001, 1, 1] * 2 + [10_001, 1]
        for n in range(8):
            (rows,) = rows_of(tmp_path / f"{n}.arrow")
            assert set(rows.labels) == {f"line {n}".encode()}
        sizes = sum(os.path.getsize(one["files"][0][0]) for one in made)
        assert sum(seen) == sizes
        (tmp_path / "3.txt").write_bytes(b"\xff\n")
        with pytest.raises(ValueError, match="3.txt:1: text that is not UTF-8"):
            list(workers.map(lines_piece, made))


def test_a_worker_that_dies_is_told(tmp_path):
    made = list(requests(tmp_path, 2))
    with Workers(2) as workers:
        answers = workers.map(lines_piece, made)
        next(answers)
        for process in workers.processes:
            process.kill()
        with pytest.raises((RuntimeError, OSError), match="has ended|Broken pipe"):
            list(workers.map(lines_piece, made))


PARENT = """
import sys, time
from pathlib import Path
from phistar.components.data.workers import start
print(start()[0].pid, flush=True)
time.sleep(60)
"""


def test_a_worker_ends_with_a_process_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        stdout=subprocess.PIPE,
    )
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 50
    while is_alive(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_alive(worker)


def is_alive(process):
    """True for a process that still runs; one that nobody waits for does not."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False
