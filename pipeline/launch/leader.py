"""Rank 0: it runs the pipeline, and has the other ranks join it in every training.

    rank 0                              rank r
    opens its gate              <-      comes in (gate.py)
    ingest, build                       waits
    starts its part of train    ->      starts its part
                                <-      or why it has failed
    evaluate, export                    waits for the next training, or for the end

If one of them fails or ends, all parts of the training are stopped.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from phistar.components import progress
from phistar.pipeline.launch.gate import Gate
from phistar.pipeline.launch.place import Place
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.run.process import in_child

GATHER_SECONDS = 600.0  # for the other ranks to come, once a training is ready
LATE_SECONDS = 20.0  # for them to come at the end, where there was nothing to train
CAUSE_SECONDS = 5.0  # for another rank to tell why the training has failed here
AGAIN = "The same command continues from the last checkpoint."
FOLDERS = ("dataset", "network")  # arguments of train below the root


class Leader:
    """Rank 0.

    Args:
        place: of this process.
        root: project root; each rank has its own path to the same folder.
        shares: of each rank, on a machine that they share; empty: each has its own.
        start: starts the other ranks; None: they are started on their hosts.
    """

    def __init__(
        self,
        place: Place,
        root: Path,
        shares: Sequence[dict] = (),
        start: Callable[[Place], list[subprocess.Popen]] | None = None,
    ):
        self.root, self.start = Path(root).resolve(), start
        self.shares = shares or [{}] * place.count
        self.training = False
        self.child: subprocess.Popen | None = None  # its part here
        self.stopped = False  # it was, by this process
        self.processes: list[subprocess.Popen] = []
        self.gate = Gate(place, self.root, self._stop)
        self.place = self.gate.place

    def __enter__(self) -> "Leader":
        return self

    def __exit__(self, *raised: Any) -> None:
        """Let the other ranks end as this one does."""
        status, text, error = 0, "", raised[1]
        if error is not None:
            failure = error if isinstance(error, Failure) else Failure.of(error)
            status, text = failure.status, f"rank 0: {failure}"
        elif self.start is None:  # a rank that finds nobody would be an error
            self.gate.wait(self._complete, LATE_SECONDS)
        self.gate.close(status, text)
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
        gate, port, ended = self.gate, free_port(), False
        with gate.changed:
            self._require_all()
            self.training, moved = True, self._moved(request)
            for rank, line in gate.lines.items():
                ranks, share = self._ranks(rank, port), self.shares[rank]
                line.send(train=moved, ranks=ranks, share=share)
        try:
            in_child(
                request | {"ranks": self._ranks(0, port)},
                request["arguments"]["backend"],
                started=self._started,
                **self.shares[0],
            )
            ended = True  # of all ranks: JAX lets none end before the others
        except Failure as own:
            raise self._cause(own) from own
        finally:
            with gate.changed:
                self.training, self.child = False, None
                for line in () if ended else gate.lines.values():
                    line.send(stop=True)

    def _ranks(self, rank: int, port: int) -> dict:
        """Arguments of `ranks.join` for a rank."""
        address = f"{self.place.host}:{port}"
        return {"address": address, "rank": rank, "count": self.place.count}

    def _moved(self, request: dict) -> dict:
        """A request whose paths are those below the root."""
        given = request["arguments"]
        below = {n: os.path.relpath(given[n], self.root) for n in FOLDERS if n in given}
        folder = os.path.relpath(request["folder"], self.root)
        return request | {"arguments": given | below, "folder": folder}

    def _started(self, child: subprocess.Popen) -> None:
        """Keep the child, so that it can be stopped."""
        with self.gate.changed:
            self.child = child
            if self.gate.failures:
                self._stop()

    def _stop(self) -> bool:
        """End the training here; the gate calls it.  -> True if there is one."""
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.stopped = True
        return self.training

    def _gather(self) -> None:
        """Wait for all ranks.

        Raises:
            Failure: one cannot take part, or does not come.
        """
        if self.start is not None and not self.processes:
            self.processes = self.start(self.place)
        progress.doing(f"waiting for {self.place.count} processes")

        def settled() -> bool:
            ended = any(process.poll() is not None for process in self.processes)
            return self._complete() or ended

        self.gate.wait(settled, GATHER_SECONDS)
        self._require_all()

    def _complete(self) -> bool:
        """True if all ranks are here."""
        return len(self.gate.lines) == self.place.count - 1

    def _require_all(self) -> None:
        """Refuse to begin without all ranks.

        Raises:
            Failure: one cannot take part, or is not here.
        """
        if self.gate.failures:
            raise self._first_failure()
        here = {0, *self.gate.lines}
        if missing := sorted(set(range(self.place.count)) - here):
            raise Failure(
                f"not all processes have come. Received: {len(here)} of "
                f"{self.place.count}; rank {', '.join(map(str, missing))} did not "
                f"connect to {self.place.address}. Expected the same command on every "
                "host, with a rank of its own."
            )

    def _cause(self, own: Failure) -> Failure:
        """The failure that explains the end of a training.

        If a rank is killed, JAX fails in the others, with words about connections.
        """
        died = own.expected and "ended with status" in str(own)
        if own.expected and not died:
            return own
        until = time.monotonic() + CAUSE_SECONDS
        while not self.gate.explained() and time.monotonic() < until:
            time.sleep(0.1)
        if self.gate.failures and (self.stopped or self.gate.explained()):
            return self._first_failure()
        return self._told(own, 0, socket.gethostname()) if died else own

    def _first_failure(self) -> Failure:
        """The failure of another rank that explains most."""
        with self.gate.changed:
            found = sorted(self.gate.failures.items(), key=lambda f: not f[1].expected)
        rank, failure = found[0]
        if failure.status == USAGE:
            return failure
        return self._told(failure, rank, self.gate.hosts[rank])

    def _told(self, failure: Failure, rank: int, host: str) -> Failure:
        """A failure with the rank that it happened to."""
        text = (
            f"rank {rank} of {self.place.count} on {host}: {str(failure).rstrip('.')}. "
            f"All ranks have stopped. {AGAIN}"
        )
        return Failure(text, failure.status, failure.details, failure.expected)


def free_port() -> int:
    """A port that no program has."""
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]
