"""The child process that sends a run to MLflow while it continues.

The runner has a `Follower`; the child runs `follow`. Between them are the record and
the journals on disk, and the child's stdin. The end of stdin means that the runner is
done, or dead; the record tells which. So no failure of MLflow reaches the run, and the
import of mlflow costs the run no time.

What the child could not send, the next command does: `catch_up` starts a process that
nobody waits for.
"""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from phistar.pipeline.process.output import last_word
from phistar.pipeline.process.root import importing
from phistar.pipeline.process.terminal import note
from phistar.pipeline.record import journal, marks
from phistar.pipeline.record.sent import RESTS, behind, only_sender
from phistar.pipeline.tracking import reach
from phistar.pipeline.tracking.address import LOCAL, address, public_name, ui_command
from phistar.pipeline.tracking.outbox import Refused
from phistar.pipeline.tracking.sender import Sending

POLL_SECONDS = 0.2
SAMPLE_SECONDS = 1.0
PATIENCE_SECONDS = 20.0  # of silence, from a server
LOCAL_SECONDS = 300.0  # of silence, from a database here: the machine is busy
TOTAL_SECONDS = 900.0  # in all, once the run has ended
IMPORT_SECONDS = 30.0  # of mlflow, at most, on a busy machine
RETRY_SECONDS = 60.0  # between two commands that ask a server of which nothing came
LONGEST_WAIT_SECONDS = 4.0


class Follower:
    """A child process that sends a run to MLflow.

        follower = Follower(root, run_id)
        follower.start()    # at once; the record may come later
        ...
        record.append("end", status="FINISHED")
        follower.finish()

    Args:
        root: project root.
        run_id: of a record below it.
        patience: seconds without an answer after which the child gives up, once the run
            has ended. A database here gets LOCAL_SECONDS.
    """

    def __init__(self, root: Path, run_id: str, patience: float = PATIENCE_SECONDS):
        self.root = Path(root).resolve()
        self.run_id = run_id
        self.patience = patience
        self.process = None

    def start(self) -> "Follower":
        """Start the child, once."""
        if self.process is not None:
            return self
        reach.watch(self.root)
        options = ["--patience", str(self.patience), self.run_id]
        self.process = _child("follow", self.root, options, stdin=subprocess.PIPE)
        return self

    def add(self, run_id: str) -> None:
        """Send another record too: one child serves a parent and its children."""
        with suppress(OSError):  # the child has ended: the next command sends the rest
            self.process.stdin.write(run_id.encode() + b"\n")
            self.process.stdin.flush()

    def finish(self, timeout: float | None = None) -> bool:
        """Wait until MLflow has everything.

        Args:
            timeout: seconds; default: the child's patience, and time to start.

        Returns:
            False when it does not: the child has reported it on stderr, or still tries.
        """
        with suppress(OSError):
            self.process.stdin.close()
        try:
            limit = self.patience + IMPORT_SECONDS if timeout is None else timeout
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            note("MLflow gets the rest of this run in the background.")
            return False
        if code < 0:
            note(f"The MLflow follower was killed. {later(self.root)}")
        return code == 0

    def abandon(self) -> None:
        """End the child: there is no record to send."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def address(self, run_id: str | None = None) -> str:
        """The web page of the run, or of another one that was added."""
        return address(self.root, run_id or self.run_id)


class Elsewhere(Follower):
    """Follower of a run that another process sends: it starts none of its own."""

    def start(self) -> "Follower":
        """Start nothing."""
        return self

    def finish(self, timeout: float | None = None) -> bool:
        """Wait for nothing."""
        return True


def send_pages(root: Path, run_ids: list[str]) -> None:
    """Send new files beside the records of ended runs, such as compare.html."""
    for record in (journal.Record(root, run_id) for run_id in run_ids):
        if record.path.exists():
            marks.mark(record.path)
    catch_up(root)


def catch_up(root: Path) -> None:
    """Send what MLflow lacks of runs that have ended, or whose process has died.

    A child process does it, and nobody waits for it. A server that did not answer is
    asked again after a minute.
    """
    if not behind(root):
        return
    asked = Path(root) / "mlruns" / "runs" / RESTS
    with suppress(OSError):
        age = time.time() - asked.stat().st_mtime
        if public_name(root) != LOCAL and 0 <= age < RETRY_SECONDS:
            return
    _child("rest", root, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _child(
    command: str, root: Path, options: Sequence[str] = (), **streams: int
) -> subprocess.Popen:
    """A child process that sends, see ui.py."""
    return subprocess.Popen(
        [sys.executable, "-m", "phistar.pipeline.tracking.ui", command]
        + ["--root", str(root), *options],
        env=os.environ | importing(),
        stdout=subprocess.DEVNULL,
        # Ctrl-C goes to the whole terminal group: the child must outlive it
        start_new_session=True,
        **streams,
    )


def follow(
    root: Path,
    run_id: str,
    connect: Callable,
    monitors: Callable,
    patience: float = PATIENCE_SECONDS,
) -> int:
    """Send what is new until stdin has ended and everything is sent; the child.

    Args:
        root: project root.
        run_id: the first record; more come by stdin, one a line.
        connect: gives a `Target`; may fail, and is called again then.
        monitors: gives a function that measures the machine, {metric: value}.
        patience: seconds without progress after which it ends, once stdin has ended.

    Returns:
        Exit status: 0 when all is sent.
    """
    news = queue.SimpleQueue()  # run ids, then None
    limit = Limit(patience, later(root), public_name(root) == LOCAL)
    threading.Thread(target=_listen, args=(news, limit), daemon=True).start()
    run_ids, target = [run_id], None
    sendings, sent = {}, {}  # those under way with their locks, and the complete ones
    sampler = Sampler(root, run_ids, monitors)
    over, failures, wait = False, 0, 0.0
    with ExitStack() as locks:
        while True:
            with suppress(queue.Empty):
                new = news.get(timeout=wait)
                if new is None:
                    over = True
                    sampler.stop()
                else:
                    run_ids.append(new)
            try:
                begun = any(
                    journal.Record(root, name).path.exists() for name in run_ids
                )
                if begun:  # else the run may yet be thrown away
                    target = target or connect()
                for name in run_ids if begun else ():
                    if name in sent and sent[name].complete:
                        continue  # a sweep has many; it may go on with some later
                    if name in sent:
                        del sent[name]  # it goes on
                    if name not in sendings:
                        lock = locks.enter_context(ExitStack())
                        if not lock.enter_context(only_sender(root, name)):
                            lock.close()
                            raise ConnectionError(f"another process sends {name}")
                        sendings[name] = Sending(root, name, target), lock
                    sending, lock = sendings[name]
                    before = sending.state
                    sending.step(orphan=over)
                    if sending.state is not before:
                        limit.progress()
                    if sending.complete:
                        lock.close()  # no file stays open
                        sent[name], _ = sendings.pop(name)
                failures, limit.failing = 0, False
            except Refused as error:
                last_word(f"{error}\n{later(root)}")
                return 1
            except Exception as error:  # of any kind: the run continues
                limit.problem = " ".join(str(error).split())[:200]
                failures, limit.failing = failures + 1, True
            if over and not failures and all(map(_sent, sendings.values())):
                return 0
            sampler.begin()  # not before: mlflow cannot be imported by two threads
            wait = pause(failures)


def later(root: Path) -> str:
    """Advice where a run could not be sent whole."""
    command = ui_command(root)
    return (
        "MLflow does not have all of this run yet; the next command sends the rest, or "
        f"`{command}` does."
    )


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    doubled = min(failures, 16)  # 2**1024 is not a float
    return min(POLL_SECONDS * 2**doubled, LONGEST_WAIT_SECONDS)


def _sent(under_way: tuple[Sending, ExitStack]) -> bool:
    return not under_way[0].record.entries()


def _listen(news: queue.SimpleQueue, limit: "Limit") -> None:
    """Pass on the lines of stdin; after the last one the time is limited.

    In a thread: the other one may be in a call that hangs.
    """
    for line in sys.stdin:
        news.put(line.strip())
    news.put(None)
    limit.run()


class Limit:
    """The end of this process when nothing gets through any more.

    A server may take a connection and send a byte now and then, for ever. The position
    is on disk already, so the process may end in any call.

    Args:
        patience: seconds without progress.
        advice: for the user.
        local: True for a database here. While it does not fail it gets more time: the
            machine is busy.

    Attributes:
        problem: the last one, in words.
        failing: True while what was tried last has failed.
    """

    def __init__(self, patience: float, advice: str, local: bool = False):
        self.patience, self.advice, self.local = patience, advice, local
        self.stderr = os.dup(2)  # 2 itself may be held back when the time is over
        self.problem, self.failing = "it did not answer", False
        self.last = time.monotonic()

    def progress(self) -> None:
        """Begin the silence anew."""
        self.last = time.monotonic()

    def silence(self) -> float:
        """Seconds without progress that are borne now."""
        if self.local and not self.failing:
            return max(self.patience, LOCAL_SECONDS)
        return self.patience

    def run(self) -> None:
        """Wait until the time is over, then end the process."""
        self.progress()
        end = self.last + TOTAL_SECONDS
        while time.monotonic() < min(self.last + self.silence(), end):
            time.sleep(POLL_SECONDS)
        try:
            last_word(f"MLflow: {self.problem}. {self.advice}", self.stderr)
        finally:
            os._exit(1)


class Sampler(threading.Thread):
    """A thread that writes the machine's state into `runs/<run_id>.system.jsonl`."""

    def __init__(self, root: Path, run_ids: list[str], monitors: Callable):
        super().__init__(daemon=True)
        self.records = lambda: [journal.Record(root, name) for name in run_ids]
        self.monitors = monitors
        self.stopped = threading.Event()

    def begin(self) -> None:
        """Start, once."""
        if self.ident is None and not self.stopped.is_set():
            self.start()

    def stop(self) -> None:
        """Stop, and wait for the last line."""
        self.stopped.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        """Measure until `stop`; in the thread."""
        measure = self.monitors()
        steps = {}
        while not self.stopped.is_set():
            for record in self.records():
                with suppress(OSError):  # a disk that is full may have room again
                    self._sample(record, steps, measure)
            self.stopped.wait(SAMPLE_SECONDS)

    @staticmethod
    def _sample(
        record: journal.Record, steps: dict[Path, int], measure: Callable
    ) -> None:
        """Write a line for a record that has begun and not ended."""
        entries = record.entries()
        if not entries or entries[-1]["kind"] == "end":
            return
        path = record.path.with_suffix(".system.jsonl")
        if path not in steps:
            steps[path] = len(journal.read(path)[0])
        journal.append(path, "metrics", step=steps[path], values=measure())
        steps[path] += 1
