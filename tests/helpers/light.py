"""A server of `serve`'s own parts, but for the model: it starts in a second.

python -m tests.helpers.light PORT SECONDS    at its end, answers have so many seconds
"""

import contextlib
import json
import socket
import subprocess
import sys
import time

import numpy as np
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from phistar.pipeline.serving.http import guard, listening
from phistar.pipeline.serving.http.invocations import Invocations
from phistar.pipeline.serving.http.metrics import Metrics
from phistar.pipeline.serving.http.watched import Watched
from tests.helpers.commands import CODE, LIMIT
from tests.helpers.serving import free_port

SECONDS = 0.002  # of the model
SLOW = 1000.0  # a request of this number takes as many seconds
LARGE = 16 * 2**20  # bytes
# the beginnings of requests
HEAD = b"POST /invocations HTTP/1.1\r\nhost: 127.0.0.1\r\n"
HALF = HEAD + b"content-type: application/json\r\ncontent-length: 900\r\n\r\n"
CHUNKED = HEAD + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
NUMBER = {"dtype": "float32", "shape": [None], "form": "number", "meaning": "a number"}
CONTRACT = {
    "reads": "rows",
    "max_rows": 1024,
    "knobs": {},
    "ranges": {},
    "inputs": {"seen": {}, "test": {}, "reading": None},
    "signatures": {
        "serving_default": {"inputs": {"x": NUMBER}, "outputs": {"y": NUMBER}}
    },
}
ABOUT = {"model": "light", "version": "1", "run": "0" * 32}


class Light:
    """The model: y = 2 x."""

    def call(self, signature, inputs):
        """Wait, and answer."""
        time.sleep(SLOW if inputs["x"].max(initial=0) == SLOW else SECONDS)
        return {"y": 2 * inputs["x"]}


async def ping(request):
    """Answer at once."""
    return Response("\n")


async def large(request):
    """Answer more than a client's machine holds for it."""
    return Response(bytes(LARGE))


def application(door):
    """The application, with two routes."""
    invocations = Invocations(Light(), CONTRACT, Metrics(ABOUT, CONTRACT))
    routes = [
        Route("/invocations", invocations, methods=["POST"]),
        Route("/ping", ping),
        Route("/contract", ping),
        Route("/large", large),
    ]
    return Watched(guard.Guard(Starlette(routes=routes), door), ABOUT, None)


def request(x=1.0, close=False):
    """The bytes of a request."""
    body = json.dumps({"inputs": {"x": [float(np.float32(x))]}}).encode()
    head = HEAD + b"connection: close\r\n" * close
    kind = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head + kind % len(body) + body


@contextlib.contextmanager
def opened(port, number, data=b""):
    """Connections that send something and then nothing.  -> list of socket"""
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(number):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.settimeout(LIMIT)
            one.sendall(data)
            made.append(one)
        yield made


class Process:
    """The server in a process of its own.

    Args:
        seconds: that its last answers have.
    """

    def __init__(self, seconds=listening.ANSWER_SECONDS):
        self.port = free_port()
        words = "-m", "tests.helpers.light", str(self.port), str(seconds)
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=CODE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()

    def end(self, number):
        """Send it a signal.  -> its status, seconds until its end, its stderr."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, time.monotonic() - began, errors


def main():
    """Listen, and say so."""
    port, listening.ANSWER_SECONDS = int(sys.argv[1]), float(sys.argv[2])
    listening.raise_limit()
    with listening.listen("127.0.0.1", port) as place:
        print("ready", flush=True)
        listening.server(application(guard.door("127.0.0.1"))).run(sockets=[place])


if __name__ == "__main__":
    main()
