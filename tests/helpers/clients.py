"""Clients that ask a server again and again, and count what becomes of each request."""

import asyncio
import dataclasses


@dataclasses.dataclass
class Counts:
    """Requests of all clients.

    Attributes:
        sent: over a connection that was there.
        answered: with status 200; busy: with 503.
        lost: sent, and not answered whole.
        away: connections that the server did not take.
        waiting: requests that wait for their answer now.
        others: first answer with another status.
    """

    sent: int = 0
    answered: int = 0
    busy: int = 0
    lost: int = 0
    away: int = 0
    waiting: int = 0
    others: bytes = b""


async def ask(port, request, counts, stop, once, pause=0.0):
    """Send a request, read its answer, and again, until `stop` is set.

    Args:
        port: of the server.
        request: bytes.
        counts: Counts.
        stop: asyncio.Event.
        once: True for a connection for each request, else one for all.
        pause: seconds between two requests.
    """
    reader = writer = None
    while not stop.is_set():
        if writer is None or reader.at_eof():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                counts.away += 1
                await asyncio.sleep(0.05)
                continue
        counts.sent, counts.waiting = counts.sent + 1, counts.waiting + 1
        try:
            writer.write(request)
            await writer.drain()
            status, whole, close = await answer(reader)
        except (OSError, EOFError):
            counts.lost += 1
            status, whole, close = 0, b"", True
        counts.waiting -= 1
        counts.answered += status == 200
        counts.busy += status == 503
        if status not in (0, 200, 503):
            counts.others = counts.others or whole
        if once or close:
            writer.close()
            reader = writer = None
        await asyncio.sleep(pause)
    if writer:
        writer.close()


async def answer(reader):
    """Status, content, and whether the server closes.

    Raises:
        EOFError: the answer is not whole.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    content = await reader.readexactly(length)
    return int(head.split()[1]), content, b"connection: close" in head


@dataclasses.dataclass
class Crowd:
    """Some clients, half of which open a connection for each request.

    Args:
        port: of the server.
        requests: (bytes that keep the connection, bytes that do not).
        number: of clients.
        pause: seconds between two requests of one.
    """

    port: int
    requests: tuple
    number: int
    pause: float = 0.0
    counts: Counts = dataclasses.field(default_factory=Counts)

    async def __aenter__(self):
        self.stop = asyncio.Event()
        given = self.counts, self.stop
        self.tasks = [
            asyncio.create_task(
                ask(self.port, self.requests[i % 2], *given, bool(i % 2), self.pause)
            )
            for i in range(self.number)
        ]
        return self

    async def __aexit__(self, *raised):
        self.stop.set()
        await asyncio.gather(*self.tasks)
