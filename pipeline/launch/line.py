"""Line between rank 0 and another rank: JSON messages over TCP, and signs of life.

A process that ends closes its connection, and the other side knows at once. A machine
that is cut off closes nothing: it is known by its silence.
"""

import contextlib
import json
import socket
import threading

BEAT_SECONDS = 5.0  # between two signs of life
SILENT_SECONDS = 45.0  # without any: the other side is lost
LONGEST = 2**20  # bytes of a message


class Lost(Exception):
    """The other side is lost; the text says how."""


class Line:
    """One connection.

    Args:
        connection: connected socket.
    """

    def __init__(self, connection: socket.socket):
        connection.settimeout(SILENT_SECONDS)
        self._socket, self._file = connection, connection.makefile("rb")
        self._sending, self._closed = threading.Lock(), threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, **message: object) -> None:
        """Send a message; one that nobody can receive any more is dropped."""
        data = json.dumps(message).encode() + b"\n"
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(data)

    def receive(self) -> dict:
        """The next message that says something.

        Raises:
            Lost: there will be none.
        """
        while True:
            try:
                text = self._file.readline(LONGEST)
            except TimeoutError:
                raise Lost(f"is silent for {SILENT_SECONDS:.0f} s") from None
            except (OSError, ValueError):
                text = b""
            if not text.endswith(b"\n"):
                raise Lost("has ended")
            with contextlib.suppress(ValueError):  # not of ours
                message = json.loads(text)
                if isinstance(message, dict) and message:
                    return message

    def close(self) -> None:
        """Send no more; the other side still gets what was sent before."""
        self._closed.set()
        with self._sending, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _beat(self) -> None:
        """Send signs of life until the line is closed."""
        while not self._closed.wait(BEAT_SECONDS):
            self.send()
