"""Passwords and tokens, kept out of all that is printed or stored.

They come by the environment: in the address of MLflow's store, in MLflow's variables,
in the address of a proxy. `redacted` takes them out of a text, `public` out of an
address.
"""

import os
import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
VALUES = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
HIDDEN = "***"
SHORTEST = 8  # letters of a word that is hidden wherever it stands
# The password may hold signs that should be quoted, such as / and #: SQLAlchemy takes
# them. Of a page, `:5000/` is a port, and an @ behind it belongs to the path.
STORE = re.compile(r"([\w+.-]+://)(?:[^:/@]*()(?::([^@]*))?@)?")
PAGE = re.compile(r"([\w+.-]+://)(?:([^:/@]*)(?::(?!\d+/)([^@]*))?@)?")
ANY = re.compile(r"(\w://)[^\s/@:'\"]*:[^\s/@'\"]*@")  # in a text: any address with one
PLACE = ("host", "port", "unix_socket", "database", "dbname")  # in a query: no secrets


def public(address: str) -> str:
    """An address without user, password and fragment, and with a place alone as query.

    Args:
        address: of a server or a database.
    """
    head, _, rest = parted(address)[0].partition("?")
    kept = [f"{k}={v}" for k, v in parse_qsl(rest.partition("#")[0]) if k in PLACE]
    return "?".join([head.partition("#")[0], *["&".join(kept)] * bool(kept)])


def parted(address: str) -> tuple[str, str]:
    """An address without its user and password; and the password.

    A page may have a token alone, in place of both.
    """
    found = (PAGE if address.startswith("http") else STORE).match(address)
    if found is None:
        return address, ""
    return found[1] + address[found.end() :], found[3] or found[2] or ""


def redacted(text: str) -> str:
    """A text without the passwords and tokens of this process's environment."""
    named = tuple(os.environ.get(name, "") for name in ADDRESSES)
    valued = tuple(os.environ.get(name, "") for name in VALUES)
    for secret, instead in hidden(named, valued):
        text = text.replace(secret, instead)
    return ANY.sub(rf"\1{HIDDEN}@", text) if "://" in text else text


@lru_cache(maxsize=8)
def hidden(
    addresses: tuple[str, ...], values: tuple[str, ...]
) -> list[tuple[str, str]]:
    """Pairs of what to replace in a text, and by what; the longest first.

    Args:
        addresses: that may hold secrets.
        values: that are secrets.
    """
    found = {value: HIDDEN for value in values if value}
    for address in filter(None, addresses):
        if (shown := public(address)) != address:
            found[address] = found[address.rstrip("/")] = shown
        rest, password = parted(address)
        pairs = [pair.partition("=") for pair in re.split("[?&#]", rest)[1:]]
        words = [password, *(value for name, _, value in pairs if name not in PLACE)]
        for word in [*words, *map(unquote, words)]:
            if len(word) >= SHORTEST and word not in shown:  # else no secret
                found[word] = HIDDEN
    return sorted(found.items(), key=lambda pair: -len(pair[0]))
