"""A look whether MLflow's server answers, in bounded time, before work that needs it.

A server may be down, or take a connection and say nothing, or a byte now and then. A
library waits for the next byte only, so a thread of its own bounds the whole question.
mlflow is not imported.
"""

import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from phistar.pipeline.process.credentials import public
from phistar.pipeline.process.terminal import note
from phistar.pipeline.tracking.address import LOCAL, public_name, tracking_uri

SECONDS = 10.0  # for an answer, connection included
DATABASES = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}  # and their usual ports
ADVICE = (
    "Expected a server that answers: start it, correct MLFLOW_TRACKING_URI, or unset "
    "that for a database of the project's own."
)


def fault(uri: str, seconds: float = SECONDS) -> str:
    """The reason why a server does not answer, in words; "" if it does.

    Args:
        uri: MLflow's address of its store.
        seconds: for the answer.
    """
    answer = [f"no answer in {seconds:.0f} s"]
    asking = threading.Thread(target=_ask, args=(uri, seconds, answer), daemon=True)
    asking.start()
    asking.join(seconds)
    return answer[0]


def require(root: Path) -> None:
    """Refuse work that needs MLflow's server while that does not answer.

    Raises:
        ConnectionError: it does not.
    """
    if public_name(root) != LOCAL and (why := fault(tracking_uri(root))):
        raise ConnectionError(
            f"MLflow does not answer. Received: {public_name(root)}: {why}. {ADVICE}"
        )


def watch(root: Path) -> None:
    """Tell the user of a run at once if MLflow's server does not answer.

    The run itself goes on: its follower asks again until the end.
    """
    if public_name(root) != LOCAL:
        threading.Thread(target=_tell, args=(root,), daemon=True).start()


def _tell(root: Path) -> None:
    """Write a line about a server that does not answer; in a thread."""
    if why := fault(tracking_uri(root)):
        note(
            f"warning: MLflow does not answer. Received: {public_name(root)}: {why}. "
            "The run goes on; MLflow gets it when the server is back."
        )


def _ask(uri: str, seconds: float, answer: list[str]) -> None:
    """Ask a server, and put what is wrong into `answer`; in a thread."""
    try:
        parts = urlsplit(uri)
        port = parts.port or DATABASES.get(parts.scheme.partition("+")[0])
        if parts.scheme in ("http", "https"):
            answer[0] = _asked(f"{public(uri).rstrip('/')}/health", seconds)
            return
        if parts.hostname and port:
            socket.create_connection((parts.hostname, port), seconds).close()
        answer[0] = ""
    except ValueError:  # its own text would show a part of the address
        answer[0] = "it is no address; a sign like / in a password is written as %2F"
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        answer[0] = getattr(reason, "strerror", None) or type(reason).__name__


def _asked(page: str, seconds: float) -> str:
    """The fault of a page's server, in words; "" without one.

    Neither user nor password are sent, so the certificate may be any: MLflow's own
    client looks at it.

    Args:
        page: its address.
        seconds: for each part of the answer.
    """
    trusting = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(page, timeout=seconds, context=trusting) as reply:
            reply.read()
    except urllib.error.HTTPError as error:
        # a server that wants to know who asks is there
        return f"{error.code} {error.reason}" if error.code >= 500 else ""
    return ""
