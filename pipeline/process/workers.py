"""Processes of a sweep: a command, an environment and a folder -> a handle.

A `Worker` starts one. Another kind of place for trials is another class with the same
two methods.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from phistar.pipeline.process import parent
from phistar.pipeline.process.root import importing
from phistar.pipeline.process.terminal import note


class Handle(Protocol):
    """A process that was started."""

    def poll(self) -> int | None:
        """Its exit status, below 0 for a signal; None while it runs."""

    def terminate(self) -> None:
        """Ask it to end in order, which leaves a checkpoint."""


class Worker(Protocol):
    """A place where processes run.

    Attributes:
        slots: processes that it can run at a time.
    """

    slots: int

    def close(self) -> None:
        """Leave the place, after its processes have ended."""

    def start(
        self, words: list[str], environment: dict[str, str], folder: Path, log: Path
    ) -> Handle:
        """Start a command.

        Args:
            words: of the command, after `phistar`.
            environment: variables beside those of this process.
            folder: the working directory.
            log: file that gets what the command prints.
        """


class Here:
    """This machine: a process for each core that this one may use."""

    def __init__(self) -> None:
        self.slots = len(os.sched_getaffinity(0))

    def close(self) -> None:
        """Do nothing."""

    def start(
        self, words: list[str], environment: dict[str, str], folder: Path, log: Path
    ) -> Handle:
        """Start a child process, see `Worker`.

        It ends with this process. Until it has, no other is started with its log.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        known = os.environ | importing() | parent.environment()
        with open(log, "ab") as file:
            only(file.fileno(), log.stem)
            process = subprocess.Popen(
                [sys.executable, "-m", "phistar", *words],
                cwd=folder,
                env=known | environment,
                stdin=subprocess.PIPE,  # its end tells the child that we have died
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        return Child(process)


class Child:
    """A child process; a `Handle`."""

    def __init__(self, process: subprocess.Popen):
        self.process = process

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        status = self.process.poll()
        if status is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        return status

    def terminate(self) -> None:
        """Send SIGTERM."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)


def worker_at(address: str | None, root: Path) -> Worker:
    """The place that `--on` names; this machine without it."""
    if address is None:
        return Here()
    from phistar.pipeline.process.on_ray import OnRay  # it imports ray

    return OnRay(address, root)


def only(file: int, name: str) -> None:
    """Lock an open file for the child that inherits it, when no other has it.

    The lock is the child's as long as it lives: one that a killed sweep has left behind
    is waited for.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note(f"waiting for {name}, which a stopped sweep has left running")
        fcntl.flock(file, fcntl.LOCK_EX)
