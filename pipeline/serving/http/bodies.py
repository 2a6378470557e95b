"""Bodies of requests in memory: the bytes of one, and of all of them together."""

import contextlib
from collections.abc import AsyncIterator, Callable

MAX_BODY = 32 * 2**20  # bytes
MAX_HELD = 8 * MAX_BODY  # bytes of all requests that are read or wait


class TooLarge(Exception):
    """A body of more than MAX_BODY bytes."""


class Full(Exception):
    """Too many bytes are held: the client may try again."""


class Gone(Exception):
    """The client has left before it had sent all."""


class Bodies:
    """The bytes that are held now.

    A client that sends slowly holds what it has sent, and nothing else: others are
    answered meanwhile.
    """

    def __init__(self) -> None:
        self.held = 0

    @contextlib.asynccontextmanager
    async def body(self, receive: Callable) -> AsyncIterator[bytes]:
        """The body of a request, held until the end of the block.

        Raises:
            TooLarge, Full: it was read to its end, and not kept. A client that is cut
                off would not read the answer.
            Gone: there is nobody to answer.
        """
        parts: list[bytes] = []
        size, refused, more = 0, None, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part, more = message.get("body", b""), message.get("more_body", False)
                if refused:
                    continue
                size, self.held = size + len(part), self.held + len(part)
                parts.append(part)
                if size > MAX_BODY or self.held > MAX_HELD:
                    refused = TooLarge if size > MAX_BODY else Full
                    self.held, size, parts = self.held - size, 0, []
            if refused:
                raise refused
            whole = b"".join(parts)
            parts.clear()
            yield whole
        finally:
            self.held -= size
