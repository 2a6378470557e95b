"""The server: it listens, and at a signal it ends, with nothing lost and in time.

    signal      no connection begins any more; those that have begun are taken
    then        each request that came is answered, and its connection closed
    after 7 s   what is left is cut: a half-sent request, an answer that takes too long

A second signal ends it at once.
"""

import asyncio
import contextlib
import ctypes
import os
import resource
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from phistar.pipeline.process.terminal import note
from phistar.pipeline.serving.http import connection

BACKLOG = 2048  # connections that wait until one of them is taken
BEGIN_SECONDS = 0.2  # for a connection that is about to begin, by a long way
ANSWER_SECONDS = 7.0  # for the answers
END_SECONDS = 8.5  # for all of it, whatever hangs: ten, on a machine that is busy
POLL_SECONDS = 0.02
FILES = 2 * connection.MOST  # open ones
SO_ATTACH_FILTER = 26  # of Linux; Python has no name for it


class Server(uvicorn.Server):
    """A server of one application."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in order at the first signal; at a second one end the process."""
        if self.should_exit:
            os._exit(128 + sig)
        # a thread, since the loop itself may hang
        last = threading.Timer(END_SECONDS, os._exit, [128 + sig])
        last.daemon = True
        last.start()
        super().handle_exit(sig, frame)

    def protocol(self) -> connection.Connection:
        """The reader of a new connection."""
        given = self.config, self.server_state, self.lifespan.state
        return connection.Connection(*given)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and answer what has come."""
        for listening in sockets or []:
            refuse_new(listening)
        state, loop = self.server_state, asyncio.get_running_loop()
        await asyncio.sleep(BEGIN_SECONDS)
        # the loop takes one connection a turn, and a turn of a busy server is long
        taken = [one for listening in sockets or [] for one in untaken(listening)]
        for listening in [*self.servers, *(sockets or [])]:
            listening.close()
        # before the others have their answers, and begin again
        for one in list(state.connections):
            one.shutdown()
        begun = [loop.connect_accepted_socket(self.protocol, one) for one in taken]
        for made in await asyncio.gather(*begun, return_exceptions=True):
            if not isinstance(made, BaseException):  # a client may have left
                made[1].shutdown()
        until = loop.time() + ANSWER_SECONDS
        while (state.connections or state.tasks) and loop.time() < until:
            await asyncio.sleep(POLL_SECONDS)
        if state.tasks:
            note(f"cut, since they do not end: {len(state.tasks)} requests")
        for one in list(state.connections):
            one.transport.abort()
        await asyncio.sleep(POLL_SECONDS)  # what waited for those ends
        await self.lifespan.shutdown()
        if state.tasks and self._captured_signals:
            # a thread that still computes would be waited for
            os._exit(128 + self._captured_signals[0])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens: a client that connects at once is taken later."""
    return socket.create_server((host, port), backlog=BACKLOG)


def server(app: Callable) -> Server:
    """The server of an ASGI application; see uvicorn's `run`."""
    config = uvicorn.Config(
        app,
        http=connection.Connection,
        ws="none",
        log_level="warning",
        lifespan="on",
    )
    return Server(config)


def raise_limit() -> None:
    """Let the process have as many open files as its connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def untaken(listening: socket.socket) -> Iterator[socket.socket]:
    """The connections at a socket that have begun, and that nobody has taken."""
    listening.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            yield listening.accept()[0]


def refuse_new(listening: socket.socket) -> None:
    """Let no connection begin at a socket; those that have begun go on.

    A socket that is closed resets the connections that nobody has taken yet, and their
    clients may have sent a request by then. So Linux is told to drop the first packet
    of a connection: its client tries again, and finds the socket closed. Where that
    cannot be told, as in some containers, a connection of these few microseconds is
    reset.
    """
    # packet of TCP: its byte 13 has the flags, 2 is SYN; keep 0 bytes of it, or all
    program = ((0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 2**18))
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code)
    filled = struct.pack("HL", len(program), ctypes.addressof(held))
    with contextlib.suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filled)
