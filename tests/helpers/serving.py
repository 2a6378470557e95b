"""`phistar serve` in a new process, or its application in this one; requests to it."""

import contextlib
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

from phistar.pipeline.serving.http import guard, listening, server
from tests.helpers.commands import start, until


def free_port():
    """Number of a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`phistar serve NAME`, version 1; it is ready when it has printed its address.

    Args:
        root: project root.
        name: of the model.
        words: more of the command.
    """

    def __init__(self, root, name, *words):
        self.root, self.name, self.port = root, name, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        words = ("serve", name, "--port", str(self.port), *words)
        self.process = start(*words, root=root)
        self.folder = Path(root, "mlruns", "serving", name, "1")
        self.contract = json.loads((self.folder / "contract.json").read_text())
        self.said, self.token = [], None

    def ready(self):
        """Wait until it answers requests."""
        self.said = [self.process.stdout.readline() for _ in range(2)]
        assert self.said[0], self.process.communicate()

    def end(self, number=signal.SIGTERM):
        """Send it a signal, and wait.  -> its stderr."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.communicate()[1]

    def peak(self):
        """Peak of its resident memory, bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])

    def post(self, body, content_type="application/json"):
        """Status and answer of /invocations."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": content_type}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.address}/invocations", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class Here:
    """A served version in this process: a server on loopback in a thread.

    Attributes:
        address: of the server.
        contract: of the version.
        lines: of its access log.
    """

    def __init__(self, root, name):
        self.name = name
        self.folder = Path(root, "mlruns", "serving", name, "1")
        self.contract = json.loads((self.folder / "contract.json").read_text())
        self.lines, self.said = [], []
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        self.app = server.make(
            *(name, self.folder, self.address, self.said.append, self.lines.append),
            guard.door("127.0.0.1"),
        )
        self.port = port

    def get(self, path, body=None, kind=None):
        """Status, headers and content of an answer."""
        headers = {"content-type": kind} if kind else {}
        asked = urllib.request.Request(f"{self.address}{path}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def post(self, body, kind="application/json"):
        """Status and answer of /invocations."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, _, content = self.get("/invocations", data, kind)
        return status, json.loads(content)

    @contextlib.contextmanager
    def running(self):
        """Answer requests until the end of the block."""
        with answering(self.app, self.port):
            until(lambda: self.said)
            yield self


@contextlib.contextmanager
def answering(app, port):
    """A server in a thread, until the end of the block."""
    server = listening.server(app)
    with listening.listen("127.0.0.1", port) as place:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            until(lambda: server.started)
            yield server
        finally:
            server.should_exit = True
            thread.join()
