"""Line between rank 0 and another rank: JSON messages over TCP, and signs of life.

A process that ends closes its connection, and the other side knows at once. A machine
that is cut off closes nothing: it is known by its silence. Only silence that this side
has waited for counts, so both sides may be stopped for a while, and go on.
"""

import contextlib
import json
import socket
import threading

BEAT_SECONDS = 5.0  # between two signs of life
SILENT_BEATS = 9  # of these without any: the other side is lost
LONGEST = 2**20  # bytes of a message


class Lost(Exception):
    """The other side is lost; the text says how."""


class Line:
    """One connection.

    Args:
        connection: connected socket.
    """

    def __init__(self, connection: socket.socket):
        connection.settimeout(BEAT_SECONDS)
        self._socket, self._held = connection, b""
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
                text = self._line()
            except Lost:
                self._closed.set()
                self._socket.close()
                raise
            with contextlib.suppress(ValueError):  # not of ours
                message = json.loads(text)
                if isinstance(message, dict) and message:
                    return message

    def _line(self) -> bytes:
        """The next line."""
        silent = 0
        while b"\n" not in self._held:
            try:
                data = self._socket.recv(2**16)
            except TimeoutError:
                silent += 1
                if silent == SILENT_BEATS:
                    raise Lost(f"is silent for {silent * BEAT_SECONDS:.0f} s") from None
                continue
            except OSError:
                data = b""
            if not data or len(self._held) > LONGEST:
                raise Lost("has ended")
            self._held, silent = self._held + data, 0
        text, _, self._held = self._held.partition(b"\n")
        return text

    def close(self) -> None:
        """Send no more; the other side still gets what was sent before."""
        self._closed.set()
        with self._sending, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _beat(self) -> None:
        """Send signs of life until the line is closed."""
        while not self._closed.wait(BEAT_SECONDS):
            self.send()
