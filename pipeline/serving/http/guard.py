"""The guard before every answer: who may ask, and from which page.

A page of another site may send requests to 127.0.0.1 from the browser of whoever reads
it. Such a request tells where it comes from in Origin. A site may also give its own
name the address 127.0.0.1, and its page then reads the answers: Host has that name.
"""

import base64
import binascii
import ipaddress
import os
import secrets
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from phistar.components.serving.request import SHOWN
from phistar.pipeline.serving.http.metrics import Answered
from phistar.pipeline.serving.http.refusals import Refusal, respond

VARIABLE = "PHISTAR_SERVE_TOKEN"
SHORTEST = 16  # characters of a token
OPEN = ("/ping", "/health")  # without a token: they tell nothing, and probes have none
HERE = ("127.0.0.1", "localhost", "[::1]")  # names of this machine, for itself
MAX_HEAD = 64 * 2**10  # bytes of the path and the fields of a request
REFUSED = (401, 403)  # answers to strangers, who learn nothing of the model


def is_here(host: str) -> bool:
    """True if only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Door(NamedTuple):
    """The rule for who may ask.

    Args:
        hosts: names that Host may have; None for any. Elsewhere than on this machine
            the server's names are not known to it, and it has a token.
        token: that requests must have; None for none.
        shown: the token as it is printed; None for none.
        users: who may ask, in words.
    """

    hosts: frozenset[str] | None
    token: str | None = None
    shown: str | None = None
    users: str = "every user of this machine can, and nobody else"


def door(host: str) -> Door:
    """The door of a server.

    The token is that of the environment, else a new one, or none where only this
    machine can reach the server.

    Args:
        host: address to listen at.

    Raises:
        ValueError: the token of the environment can be guessed, or cannot be sent.
    """
    hosts = frozenset((*HERE, host)) if is_here(host) else None
    given, word = os.environ.get(VARIABLE), f"${VARIABLE}"
    if given is None:
        if hosts:
            return Door(hosts)
        given = word = secrets.token_urlsafe(32)
    if len(given) < SHORTEST or not given.isascii() or not given.isprintable():
        raise ValueError(
            f"{VARIABLE} is no token. Received: {len(given)} characters. Expected at "
            f"least {SHORTEST} printable ASCII characters, like those of: "
            'python3 -c "import secrets; print(secrets.token_urlsafe())"'
        )
    users = f"who has the token can; a browser takes it as the password: {word}"
    return Door(hosts, given, word, users)


class Guard:
    """An ASGI application that refuses what does not come from its own users.

    Args:
        app: the one inside.
        door: who may ask.
    """

    def __init__(self, app: Callable, door: Door):
        self.app, self.known, self.token = app, door.hosts, door.token

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http" and (refusal := self.refusal(scope)):
            content = refusal.content()
            scope["answered"] = Answered(refusal.status, content, refusal.reason)
            return await respond(send, refusal.status, content)
        await self.app(scope, receive, send)

    def refusal(self, scope: dict) -> Refusal | None:
        """The reason to refuse a request, by its head alone; None to answer it."""
        fields: dict[bytes, list[bytes]] = {}
        size = len(scope["raw_path"]) + len(scope["query_string"])
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            fields.setdefault(name, []).append(value)
        if size > MAX_HEAD:
            text = f"a head of {size} bytes. Expected: at most {MAX_HEAD}."
            return Refusal(431, text, "head")
        said = [value.decode("latin-1") for value in fields.get(b"host", [])]
        host = said[0].lower() if len(said) == 1 else ""
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        if not name or self.known is not None and name not in self.known:
            expected = ", ".join(sorted(self.known or ["the server's name, once"]))
            return stranger(403, "host", ", ".join(said), expected)
        for value in fields.get(b"origin", []):
            origin = value.decode("latin-1")
            if place(origin) != host:
                return stranger(403, "origin", origin, f"none, or http://{host}")
        asked = scope["path"] in OPEN or self.token is None
        if not asked and not self.has_token(fields.get(b"authorization", [])):
            expected = "authorization: Bearer TOKEN, as `phistar serve` has printed it"
            received = "another" if b"authorization" in fields else "none"
            return stranger(401, "authorization", received, expected)
        return None

    def has_token(self, given: list[bytes]) -> bool:
        """True if a request has the token: as Bearer, or as the password of Basic."""
        for value in given:
            kind, _, text = value.partition(b" ")
            text = text.strip()
            if kind.lower() == b"basic":  # what a browser asks its user for
                try:
                    text = base64.b64decode(text, validate=True).partition(b":")[2]
                except binascii.Error:
                    continue
            elif kind.lower() != b"bearer":
                continue
            if secrets.compare_digest(text, (self.token or "").encode()):
                return True
        return False


def place(origin: str) -> str:
    """Host and port of an Origin; "" of a page that has none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def stranger(status: int, name: str, received: str, expected: str) -> Refusal:
    """The refusal of a request that does not come from the server's own users."""
    received = SHOWN.repr(received)
    text = f"{name} is not allowed. Received: {received}. Expected: {expected}."
    return Refusal(status, text, name, name, received, expected)
