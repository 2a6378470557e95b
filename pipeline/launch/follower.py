"""A rank other than 0: it connects to rank 0, and does its part of each training."""

import os
import queue
import socket
import subprocess
import threading
import time
from pathlib import Path

from phistar.pipeline.launch.leader import AGAIN, FOLDERS
from phistar.pipeline.launch.line import Line, Lost
from phistar.pipeline.launch.place import Place
from phistar.pipeline.launch.version import version
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.run.process import in_child

REACH_SECONDS = 20.0  # to reach rank 0, which may start later
SEE_SECONDS = 20.0  # to see a file that rank 0 has just written: NFS keeps old lists


class Follower:
    """One rank and its line to rank 0.

    Args:
        place: of this process.
        root: project root, here.
    """

    def __init__(self, place: Place, root: Path):
        self.place, self.root = place, Path(root).resolve()
        self.line = reach(place)
        self.messages: queue.Queue[dict] = queue.Queue()
        self.child: subprocess.Popen | None = None
        self.wanted, self.changing = False, threading.Lock()  # a training, and its lock

    def follow(self) -> None:
        """Take part in each training, until rank 0 ends.

        Raises:
            Failure: rank 0 has failed, or is lost; or this rank cannot take part.
        """
        place = self.place
        who = {"host": socket.gethostname(), "pid": os.getpid()}
        self.line.send(rank=place.rank, count=place.count, version=version(), **who)
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            message = self.messages.get()
            if "refused" in message:
                raise Failure(message["refused"], USAGE)
            if "store" in message:
                self._look(message["store"])
            elif "train" in message:
                self._train(message["train"], message["ranks"], message["share"])
            elif "end" in message:
                end = message["end"]
                if end["status"]:
                    raise Failure(end["message"], end["status"])
                return
            elif "lost" in message:
                raise Failure(
                    f"rank 0 of {place.count} at {place.address} {message['lost']}, so "
                    f"rank {place.rank} has stopped. {AGAIN}"
                )

    def _listen(self) -> None:
        """Put messages into the queue; stop the training when it is to stop."""
        try:
            while True:
                message = self.line.receive()
                if "train" in message:
                    self.wanted = True
                elif "stop" in message or "end" in message:
                    self._stop()
                self.messages.put(message)
        except Lost as lost:
            self._stop()
            self.messages.put({"lost": str(lost)})

    def _look(self, name: str) -> None:
        """Look for a file of rank 0 in the store here, and tell.

        Raises:
            Failure: it is not there.
        """
        store = self.root / "mlruns"
        until = time.monotonic() + SEE_SECONDS
        while not (seen := (store / name).exists()) and time.monotonic() < until:
            time.sleep(0.2)
        self.line.send(seen=seen, store=str(store))
        if not seen:
            raise Failure(
                f"rank {self.place.rank} does not see the store of rank 0. Received: "
                f"{store}. Expected the folder that rank 0 writes to: share it between "
                "the hosts, and give its place here with --root.",
                USAGE,
            )

    def _train(self, request: dict, ranks: dict, share: dict) -> None:
        """Do this rank's part of a training."""
        given = request["arguments"]
        here = {n: str(self.root / given[n]) for n in FOLDERS if n in given}
        request |= {"arguments": given | here, "ranks": ranks}
        request["folder"] = str(self.root / request["folder"])
        try:
            in_child(request, given["backend"], started=self._started, **share)
        except Failure as failure:
            self.line.send(failed=failure.to_json())
        finally:
            self.child = None

    def _started(self, child: subprocess.Popen) -> None:
        """Keep the child, so that it can be stopped; or stop it at once."""
        with self.changing:
            self.child = child
            if not self.wanted:
                child.kill()

    def _stop(self) -> None:
        """End the training here."""
        with self.changing:
            self.wanted = False
            if self.child is not None:
                self.child.kill()


def reach(place: Place) -> Line:
    """A line to rank 0.

    Raises:
        Failure: nobody answers there.
    """
    until, reason = time.monotonic() + REACH_SECONDS, "no answer"
    while (left := until - time.monotonic()) > 0:
        try:
            address = place.host, place.port
            return Line(socket.create_connection(address, timeout=min(left, 5)))
        except OSError as error:
            reason = error.strerror or str(error)
        time.sleep(min(0.5, max(0, until - time.monotonic())))
    raise Failure(
        f"rank {place.rank} of {place.count} does not reach rank 0. Received: "
        f"{reason.lower()} at {place.address} for {REACH_SECONDS:.0f} s. Expected rank "
        "0 to run the same command there, and no firewall between."
    )
