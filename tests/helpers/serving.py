"""`phistar serve` in a new process, and requests to it."""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

from tests.helpers.commands import start


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
    """

    def __init__(self, root, name):
        self.root, self.name = root, name
        self.address = f"http://127.0.0.1:{(port := free_port())}"
        self.process = start("serve", name, "--port", str(port), root=root)
        self.folder = Path(root, "mlruns", "serving", name, "1")
        self.contract = json.loads((self.folder / "contract.json").read_text())
        self.said = []

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
        request = urllib.request.Request(
            f"{self.address}/invocations", data, {"content-type": content_type}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
