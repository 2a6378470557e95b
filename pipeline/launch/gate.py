"""Gate of rank 0: other ranks come in, if they belong to it, and tell how they fare.

    rank r -> who it is, its version of the code       <- or: refused, and why
           <- the name of a mark in the store
           -> seen, or the store in which it is not
           -> failed in a training, and why

A rank that is lost while nothing is trained may come again.
"""

import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from phistar.pipeline.launch.line import Line, Lost
from phistar.pipeline.launch.place import Place
from phistar.pipeline.launch.version import version
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.terminal import note


class Gate:
    """The ranks that have come, each with its line.

    Args:
        place: of rank 0; port 0 is any free one.
        root: project root.
        failing: called when a rank fails or is lost; True if something is trained,
            which this has stopped.

    Attributes:
        place: with the port.
        lines: rank -> Line, of those that are here.
        hosts: rank -> name of its host.
        failures: rank -> Failure, of those that cannot take part.
        changed: the lock of all these; it is told of changes.
    """

    def __init__(self, place: Place, root: Path, failing: Callable[[], bool]):
        self.root, self.failing = root, failing
        self.lines: dict[int, Line] = {}
        self.hosts: dict[int, str] = {}
        self.failures: dict[int, Failure] = {}
        self.changed = threading.Condition()
        self.mark = root / "mlruns" / f".ranks-{secrets.token_hex(8)}"
        self.server = listening(place)
        self.place = place._replace(port=self.server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self, status: int, message: str) -> None:
        """Tell all ranks that rank 0 ends, and let no more come."""
        with self.changed:
            for line in self.lines.values():
                line.send(end={"status": status, "message": message})
                line.close()
        self.server.close()
        self.mark.unlink(missing_ok=True)

    def wait(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until a condition holds, a rank fails, or the time is over."""
        until = time.monotonic() + seconds
        with self.changed:
            while not (condition() or self.failures) and time.monotonic() < until:
                self.changed.wait(0.2)

    def explained(self) -> bool:
        """True if a rank has told why it failed, in words for the user."""
        with self.changed:
            return any(failure.expected for failure in self.failures.values())

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
            rank = self._greet(line)
            while True:  # also to the end of one that was refused
                message = line.receive()
                if rank is not None and "failed" in message:
                    self._fail(rank, Failure(**message["failed"]))
        except (Lost, KeyError, TypeError) as lost:
            if rank is not None:
                self._lose(rank, line, Failure(f"it {lost}"))

    def _greet(self, line: Line) -> int | None:
        """Let a rank in.  -> its number; None if it cannot take part."""
        hello = line.receive()
        rank, host = hello["rank"], hello["host"]
        if text := self._refused(rank, host, hello["count"], hello["version"]):
            line.send(refused=text)
            line.close()
            return None
        self.mark.parent.mkdir(parents=True, exist_ok=True)
        self.mark.touch()
        line.send(store=self.mark.name)
        answer = line.receive()
        if not answer["seen"]:
            failure = self._unseen(rank, host, answer["store"])
            note(f"warning: {failure}")  # the training may be hours away
            with self.changed:
                self.failures[rank] = failure
                self.changed.notify_all()
            return None
        with self.changed:
            self.lines[rank], self.hosts[rank] = line, host
            self.failures.pop(rank, None)
            self.changed.notify_all()
        return rank

    def _refused(self, rank: int, host: str, count: int, other: str) -> str:
        """The reason not to let a rank in; "" if there is none."""
        if count != self.place.count or not 0 < rank < count:
            return (
                f"rank 0 waits for other processes. Received: rank {rank} of {count}. "
                f"Expected a rank from 1 to {self.place.count - 1} of "
                f"{self.place.count}."
            )
        if rank in self.lines:
            return (
                f"two processes have the same rank. Received: rank {rank} from {host} "
                f"and from {self.hosts[rank]}. Expected each once."
            )
        if other != version():
            return (
                f"the ranks have different code. Received: {other} on {host}. Expected "
                f"{version()}, as on {socket.gethostname()}: the same commit and the "
                "same packages."
            )
        return ""

    def _unseen(self, rank: int, host: str, store: str) -> Failure:
        """The failure of a rank with another store."""
        return Failure(
            f"rank {rank} does not see the store of rank 0. Received: {store} on "
            f"{host}. Expected the folder that is {self.root / 'mlruns'} on "
            f"{socket.gethostname()}: share it between the hosts, and give its place "
            "there with --root.",
            USAGE,
        )

    def _fail(self, rank: int, failure: Failure) -> None:
        """Record that a rank has failed in a training."""
        with self.changed:
            if self.failing():
                self.failures.setdefault(rank, failure)
            self.changed.notify_all()

    def _lose(self, rank: int, line: Line, failure: Failure) -> None:
        """Record that a rank is no longer here."""
        with self.changed:
            if self.lines.get(rank) is line:
                del self.lines[rank]
                self._fail(rank, failure)


def listening(place: Place) -> socket.socket:
    """A socket at which rank 0 listens.

    Raises:
        Failure: it cannot.
    """
    # the name by which others reach this host may be that of a proxy
    address = "127.0.0.1" if place.local else ""
    try:
        return socket.create_server((address, place.port), backlog=place.count)
    except OSError as error:
        raise Failure(
            f"rank 0 cannot listen at its port. Received: {place.address} "
            f"({error.strerror}). Expected a port that no other program has.",
            USAGE,
        ) from error
