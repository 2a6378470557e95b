"""Around every answer: the headers that say which model it is of, and the access log.

A line of the log is in the Common Log Format, which many programs read. Behind it are
seconds, signature, rows, and the reason of a refusal; "-" where there is none.
"""

import time
from collections.abc import Callable
from urllib.parse import quote

from phistar.pipeline.serving.http.guard import REFUSED
from phistar.pipeline.serving.http.metrics import Answered
from phistar.pipeline.serving.http.refusals import CONTRACT


class Watched:
    """An ASGI application.

    Args:
        app: the one inside.
        about: model, version and run, which are headers of every answer but those to
            strangers.
        write: function of a line of the log; None for no log.
    """

    def __init__(self, app: Callable, about: dict, write: Callable | None):
        self.app, self.write = app, write
        self.headers = [
            (f"phistar-{name}".encode(), quote(value).encode())
            for name, value in about.items()
        ]
        link = f'<{CONTRACT}>; rel="describedby"'.encode()
        self.headers_of_refusals = [*self.headers, (b"link", link)]
        self.second, self.stamp = 0, ""

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, clock, status, size = time.time(), time.monotonic(), 500, 0

        async def watched(message: dict) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                more = self.headers if status < 400 else self.headers_of_refusals
                more = [] if status in REFUSED else more
                message["headers"] = [*message["headers"], *more]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            if self.write:
                seconds = time.monotonic() - clock
                self.write(self.line(scope, status, size, began, seconds))

    def line(
        self, scope: dict, status: int, size: int, began: float, seconds: float
    ) -> str:
        """The line of a request that began at a time and took some seconds."""
        if int(began) != self.second:  # the same one serves for a second
            self.second = int(began)
            self.stamp = time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(began))
        client = (scope.get("client") or "-")[0]
        path = scope.get("raw_path", b"").decode("ascii", "backslashreplace")
        if query := scope.get("query_string"):
            path = f"{path}?{query.decode('ascii', 'backslashreplace')}"
        path = path.replace('"', "%22")
        answered: Answered | None = scope.get("answered")
        signature, rows, reason = "-", "-", "-"
        if answered:
            signature = answered.called.name if answered.called else "-"
            rows, reason = str(answered.rows), answered.reason or "-"
        return (
            f'{client} - - [{self.stamp}] "{scope["method"]} {path} '
            f'HTTP/{scope["http_version"]}" {status} {size} '
            f"{seconds:.4f} {signature} {rows} {reason}"
        )
