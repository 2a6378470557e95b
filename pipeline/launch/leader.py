"""Rank 0: it runs the pipeline, and has the other ranks join it in every training.

    rank 0                              rank r
    listens                     <-      connects: who it is, its version of the code
    a nonce in the store        ->      looks for it in its own store
    starts its part of train    ->      starts its part
                                <-      done, or why not
    goes on alone: evaluate, export     waits for the next training, or for the end

If one of them fails or ends, all parts of the training are stopped.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from phistar.components import progress
from phistar.pipeline.launch.line import Line, Lost
from phistar.pipeline.launch.place import Place
from phistar.pipeline.launch.version import version
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.terminal import note
from phistar.pipeline.run.process import in_child

GATHER_SECONDS = 600.0  # for the other ranks to come, once a training is ready
CAUSE_SECONDS = 5.0  # for another rank to tell why the training has failed here
AGAIN = "The same command continues from the last checkpoint."
FOLDERS = ("dataset", "network")  # arguments of train below the root


class Leader:
    """Rank 0 and its lines to the others.

    Args:
        place: of this process.
        root: project root; each rank has its own path to the same folder.
        shares: of each rank, on a machine that they share; empty: each has its own.
        start: starts the other ranks, where they are not started by hand.

    Attributes:
        failures: rank -> Failure, of those that cannot take part any longer.
    """

    def __init__(
        self,
        place: Place,
        root: Path,
        shares: Sequence[dict] = (),
        start: Callable[[Place], list[subprocess.Popen]] = lambda place: [],
    ):
        self.root, self.start = Path(root), start
        self.shares = shares or [{}] * place.count
        self.lines: dict[int, Line] = {}
        self.hosts: dict[int, str] = {}
        self.failures: dict[int, Failure] = {}
        self.done: set[int] = set()
        self.changed = threading.Condition()
        self.child: subprocess.Popen | None = None
        self.stopped = False  # the child, by this process
        self.processes: list[subprocess.Popen] = []
        self.nonce = secrets.token_hex(8)
        self.server = listening(place)
        self.place = place._replace(port=self.server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Leader":
        return self

    def __exit__(self, *raised: Any) -> None:
        """Let the other ranks end as this one does."""
        status, text, error = 0, "", raised[1]
        if error is not None:
            failure = error if isinstance(error, Failure) else Failure.of(error)
            status, text = failure.status, f"rank 0: {failure}"
        with self.changed:
            for line in self.lines.values():
                line.send(end={"status": status, "message": text})
                line.close()
        self.server.close()
        self._mark().unlink(missing_ok=True)
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()

    def require(self, config: Any) -> None:
        """Refuse a training that one process alone can make.

        Raises:
            Failure: its backend is not JAX.
        """
        backend = config.sections["train"]["backend"]
        if backend != "jax":
            raise Failure(
                "several processes train with JAX only. Received: train.backend="
                f"{backend}. Expected train.backend=jax: TensorFlow's `fit` does not "
                "run on several workers.",
                USAGE,
            )

    def train(self, request: dict) -> None:
        """Run one training on all ranks.

        Args:
            request: arguments of `process.in_process`.

        Raises:
            Failure: of the rank that explains it.
        """
        self._gather()
        port = free_port()
        with self.changed:
            self.done.clear()
            moved = self._moved(request)
            for rank, line in self.lines.items():
                ranks, share = self._ranks(rank, port), self.shares[rank]
                line.send(train=moved, ranks=ranks, share=share)
        try:
            in_child(
                request | {"ranks": self._ranks(0, port)},
                request["arguments"]["backend"],
                started=self._started,
                **self.shares[0],
            )
            others = self.place.count - 1
            self._wait(lambda: len(self.done) == others, GATHER_SECONDS)
        except Failure as own:
            raise self._cause(own) from own
        finally:
            with self.changed:
                self.child = None
                for line in self.lines.values():
                    line.send(stop=True)
        if self.failures:
            raise self._first_failure()

    def _ranks(self, rank: int, port: int) -> dict:
        """Arguments of `ranks.join` for a rank."""
        address = f"{self.place.host}:{port}"
        return {"address": address, "rank": rank, "count": self.place.count}

    def _moved(self, request: dict) -> dict:
        """A request whose paths are those below the root."""
        root, given = self.root.resolve(), request["arguments"]
        below = {n: os.path.relpath(given[n], root) for n in FOLDERS if n in given}
        folder = os.path.relpath(request["folder"], root)
        return request | {"arguments": given | below, "folder": folder}

    def _started(self, child: subprocess.Popen) -> None:
        """Keep the child, so that it can be stopped."""
        with self.changed:
            self.child = child
            if self.failures:
                self._stop()

    def _stop(self) -> None:
        """End the training here."""
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.stopped = True

    def _gather(self) -> None:
        """Wait for all ranks.

        Raises:
            Failure: one cannot take part, or does not come.
        """
        wanted = set(range(1, self.place.count))
        if not self.processes:
            self.processes = self.start(self.place)
        progress.doing(f"waiting for {self.place.count} processes")

        def here() -> bool:
            return self.lines.keys() == wanted or any(
                process.poll() is not None for process in self.processes
            )

        self._wait(here, GATHER_SECONDS)
        if self.failures:
            raise self._first_failure()
        if missing := sorted(wanted - self.lines.keys()):
            raise Failure(
                f"not all processes have come. Received: {len(self.lines) + 1} of "
                f"{self.place.count}; rank {', '.join(map(str, missing))} did not "
                f"connect to {self.place.address}. Expected the same command on every "
                "host, with a rank of its own."
            )

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, a rank fails, or the time is over."""
        until = time.monotonic() + seconds
        with self.changed:
            while not (condition() or self.failures) and time.monotonic() < until:
                self.changed.wait(0.2)

    def _cause(self, own: Failure) -> Failure:
        """The failure that explains the end of a training.

        If a rank is killed, JAX fails in the others, with words about connections.
        """
        died = own.expected and "ended with status" in str(own)
        if own.expected and not died:
            return own
        until = time.monotonic() + CAUSE_SECONDS
        while not self._explained() and time.monotonic() < until:
            time.sleep(0.1)
        if self.stopped or self._explained():
            return self._first_failure()
        if died:
            return told(own, 0, self.place.count, socket.gethostname())
        return own

    def _explained(self) -> bool:
        """True if a rank has told why it failed, in words for the user."""
        with self.changed:
            return any(failure.expected for failure in self.failures.values())

    def _first_failure(self) -> Failure:
        """The failure of another rank that explains most."""
        with self.changed:
            found = sorted(self.failures.items(), key=lambda item: not item[1].expected)
        rank, failure = found[0]
        if failure.status == USAGE:
            return failure
        return told(failure, rank, self.place.count, self.hosts.get(rank, ""))

    def _accept(self) -> None:
        """Let ranks come, until the socket is closed."""
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            line = Line(connection)
            threading.Thread(target=self._serve, args=[line], daemon=True).start()

    def _serve(self, line: Line) -> None:
        """Greet one rank, and listen to it until it is lost."""
        rank = None
        try:
            hello = line.receive()
            if text := self._refused(hello):
                line.send(refused=text)
                line.close()
                return
            line.send(store=self._mark().name)
            self._write_mark()
            if not (seen := line.receive()).get("seen"):
                failure = unseen(hello, seen, self.root)
                note(f"warning: {failure}")  # the training may be hours away
                return self._fail(hello["rank"], failure)
            rank = hello["rank"]
            with self.changed:
                self.lines[rank], self.hosts[rank] = line, hello["host"]
                self.failures.pop(rank, None)
                self.changed.notify_all()
            while True:
                message = line.receive()
                if "failed" in message:
                    self._fail(rank, Failure(**message["failed"]))
                elif "done" in message:
                    with self.changed:
                        self.done.add(rank)
                        self.changed.notify_all()
        except (Lost, KeyError, TypeError) as lost:
            if rank is not None:
                self._fail(rank, Failure(f"it {lost}"), gone=line)

    def _refused(self, hello: dict) -> str:
        """The reason not to let a rank in; "" if there is none."""
        rank, count = hello["rank"], hello["count"]
        if count != self.place.count or not 0 < rank < count:
            return (
                f"rank 0 waits for other processes. Received: rank {rank} of {count}. "
                f"Expected a rank from 1 to {self.place.count - 1} of "
                f"{self.place.count}."
            )
        if rank in self.lines:
            return (
                f"two processes have the same rank. Received: rank {rank} from "
                f"{hello['host']} and from {self.hosts[rank]}. Expected each once."
            )
        if hello["version"] != version():
            return (
                "the ranks have different code. Received: "
                f"{hello['version']} on {hello['host']}. Expected {version()}, as on "
                f"{socket.gethostname()}: the same commit and the same packages."
            )
        return ""

    def _fail(self, rank: int, failure: Failure, gone: Line | None = None) -> None:
        """Record that a rank cannot go on, and stop the training here."""
        with self.changed:
            if gone is not None:
                if self.lines.get(rank) is not gone:
                    return
                # outside of a training it may come again
                del self.lines[rank]
                if self.child is None:
                    return
            self.failures.setdefault(rank, failure)
            self._stop()
            self.changed.notify_all()

    def _mark(self) -> Path:
        """The file by which other ranks know this store."""
        return self.root / "mlruns" / f".ranks-{self.nonce}"

    def _write_mark(self) -> None:
        """Put it into the store."""
        self._mark().parent.mkdir(parents=True, exist_ok=True)
        self._mark().touch()


def listening(place: Place) -> socket.socket:
    """A socket at which rank 0 listens.

    Raises:
        Failure: it cannot.
    """
    # a name that others use may lead to a proxy: then every address of this host
    address = "127.0.0.1" if place.local else ""
    try:
        return socket.create_server((address, place.port), backlog=place.count)
    except OSError as error:
        raise Failure(
            f"rank 0 cannot listen at its port. Received: {place.address} "
            f"({error.strerror}). Expected a port that no other program has.",
            USAGE,
        ) from error


def free_port() -> int:
    """A port that no program has."""
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


def told(failure: Failure, rank: int, count: int, host: str) -> Failure:
    """A failure with the rank that it happened to."""
    where = f"rank {rank} of {count}" + (f" on {host}" if host else "")
    text = f"{where}: {str(failure).rstrip('.')}. All ranks have stopped. {AGAIN}"
    return Failure(text, failure.status, failure.details, failure.expected)


def unseen(hello: dict, seen: dict, root: Path) -> Failure:
    """The failure of a rank with another store."""
    return Failure(
        f"rank {hello['rank']} does not see the store of rank 0. Received: "
        f"{seen.get('store')} on {hello['host']}. Expected the folder that is "
        f"{root / 'mlruns'} on {socket.gethostname()}: share it between the hosts, and "
        "give its place there with --root.",
        USAGE,
    )
