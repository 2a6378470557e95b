"""One connection, with limits: a client may be slow, silent, or never stop to send.

uvicorn waits for a request without an end, and takes heads of any size. A proxy in
front of a server usually has these limits, and on one machine there is none.

    a request's head    HEAD_SECONDS, and MAX_HEAD bytes; guard.py counts them again
    its body            BODY_SECONDS; bodies.py has its bytes
    the answer          WRITE_SECONDS, if the client does not read it
    nothing             uvicorn's own five seconds
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from phistar.pipeline.serving.http.guard import MAX_HEAD

MOST = 2048  # connections; one more takes the place of the one that waits longest
HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
WRITE_SECONDS = 60.0
LAST_SECONDS = 2.0  # for a further request on a connection that is to be closed
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """A connection.

    Attributes:
        since: when it began to wait for a request, on the loop's clock.
        bare: bytes since the last part of a body.
        in_head: True until the head of a request is complete.
        ending: True once the server is to end: the next answer is the last.
    """

    def __init__(self, *given: Any, **named: Any):
        super().__init__(*given, **named)
        self.since, self.bare, self.in_head, self.ending = 0.0, 0, True, False
        self.timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """True while it has no request to answer."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; make room for it where there are too many."""
        super().connection_made(transport)
        self.since = self.loop.time()
        self._limit(HEAD_SECONDS)
        if len(self.connections) > MOST:
            idle = [c for c in self.connections if isinstance(c, Connection) and c.idle]
            min(idle, key=lambda one: one.since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the limit with the connection."""
        self._limit(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        self.bare += len(data)
        if self.idle and self.timer is None:
            self._limit(HEAD_SECONDS)
        super().data_received(data)
        if self.bare > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        super().on_message_begin()
        self.in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; what comes behind a body is left out."""
        if self.in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, and to read the body."""
        self.in_head, self.bare = False, 0
        super().on_headers_complete()
        self._limit(BODY_SECONDS)
        if self.ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self.bare = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the answer, without a limit: the model takes its time.

        One that was refused by its head has its answer already.
        """
        self._limit(HEAD_SECONDS if self.idle else None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request; also for the end of a body that was not read."""
        super().on_response_complete()
        self.since = self.loop.time()
        if self.idle and self.timer is None:
            self._limit(HEAD_SECONDS)

    def pause_writing(self) -> None:
        """Wait for the client to read its answer."""
        super().pause_writing()
        self._limit(WRITE_SECONDS)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._limit(HEAD_SECONDS if self.idle else None)
        super().resume_writing()

    def shutdown(self) -> None:
        """Answer what has come, and what comes now; then close.

        A client that has this connection open may be sending a request, unread yet.
        Closed now, it would never have an answer.
        """
        self.ending = True
        if not self.idle:
            self.cycle.keep_alive = False
        self.loop.call_later(LAST_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close, unless a request is being answered: its answer closes."""
        if self.idle:
            self.transport.close()

    def _limit(self, seconds: float | None) -> None:
        """Cut the connection after some time; None: never."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = seconds and self.loop.call_later(seconds, self.transport.abort)
