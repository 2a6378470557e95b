"""Errors as JSON: what is wrong, the input's name, what was received and expected."""

import json
from collections.abc import Callable
from typing import NamedTuple

from phistar.components.serving.request import Signature, Wrong

CONTRACT = "/contract"
JSON = "application/json"
CHALLENGE = b'Bearer, Basic realm="phistar"'  # a browser asks for the second


class Refusal(NamedTuple):
    """An answer that is an error.

    Args:
        status: of HTTP.
        message: the whole error, in words.
        reason: one word, by which refusals are counted.
        name: of the input or parameter; None if the mistake is in none of them.
        received, expected: None where the message has all.
    """

    status: int
    message: str
    reason: str
    name: str | None = None
    received: str | None = None
    expected: str | None = None

    def content(self) -> bytes:
        """The body, in the form of MLflow's server and with more keys."""
        code = {404: "ENDPOINT_NOT_FOUND", 405: "ENDPOINT_NOT_FOUND"}.get(self.status)
        code = code or ("INTERNAL_ERROR" if self.status == 500 else "BAD_REQUEST")
        return json.dumps(
            {
                "error_code": code,
                "message": self.message,
                "input": self.name,
                "received": self.received,
                "expected": self.expected,
                "contract": CONTRACT,
            }
        ).encode()


def of(error: ValueError, called: Signature | None = None) -> Refusal:
    """The refusal of a request's mistake.

    Args:
        error: Wrong, or the text of the SavedModel's own assertion, whose rule ends
            where "Received:" begins.
        called: the signature, if the request came so far.
    """
    text = str(error)
    if isinstance(error, Wrong):
        given = error.name, error.received, error.expected
        return Refusal(400, text, error.reason, *given)
    names = {name: name for name in called.knobs} | called.shown if called else {}
    text = called.in_words(text) if called else text
    rule, _, received = text.partition(". Received:")
    first = str(error).split(maxsplit=1)[0].rstrip(":") if rule else ""
    name = names.get(first)
    if not received:
        return Refusal(400, text, "values", name)
    return Refusal(400, text, "values", name, received.strip(), rule)


async def respond(send: Callable, status: int, content: bytes) -> None:
    """Send an answer in JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        *[(b"connection", b"close")] * (status == 413),
        *[(b"retry-after", b"1")] * (status == 503),
        *[(b"www-authenticate", CHALLENGE)] * (status == 401),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
