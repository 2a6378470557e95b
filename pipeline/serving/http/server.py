"""`phistar serve NAME`: the champion over HTTP, on 127.0.0.1, with Starlette.

    POST /invocations     rows in JSON -> rows of the answer; body.py reads a request
    GET  /ping, /health   200: the server is up, the golden batch was right
    GET  /version         MLflow's version

The routes are those of MLflow's server, so that its clients find what they expect. An
unknown parameter or column is the caller's mistake, and a body has a limit. The
SavedModel is the promoted folder itself: no database is needed.
"""

import asyncio
import base64
import contextlib
import json
import os
import shlex
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from phistar.components.serving import clean
from phistar.components.serving.request import (
    SHOWN,
    farthest,
    golden,
    golden_rows,
    plain,
    signature,
)
from phistar.pipeline.process import quiet
from phistar.pipeline.process.terminal import working
from phistar.pipeline.serving.http import body
from phistar.pipeline.store import champions
from phistar.pipeline.store.contract import read_contract
from phistar.pipeline.tracking.address import require_free

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

MAX_BODY = 32 * 2**20  # bytes
AT_ONCE = 2  # requests: Python takes turns, and TensorFlow uses all cores for each
WAITING = 64  # connections; a body of 32 MiB of each is in memory, more get 503
BACKLOG = 2048  # connections that wait until one of them is taken
JSON = "application/json"
LONGEST_LINE = 2000  # characters of a request that is typed, not read from a file


def serve(name: str, root: Path, port: int) -> None:
    """Serve the champion of a name until a signal ends it.

    Args:
        name: of a recipe that was promoted.
        root: project root.
        port: of 127.0.0.1.

    Raises:
        ValueError: nothing was promoted; the port is taken.
        RejectedModel: the model does not answer as it was evaluated.
    """
    champions.require_promoted(name, root)
    folder = champions.champion(name, root)
    require_free(port)
    os.environ |= quiet.environment()
    contract = read_contract(folder)
    with working(f"serve {name}", "starting TensorFlow"):
        quiet.load_library()
        with quiet.startup():
            import uvicorn

            model = load(folder, contract)
    address = f"http://127.0.0.1:{port}"
    example = Path(root, "mlruns", "serving", name, "request.json")
    ready = (
        f"{name} {folder.name} answers at {address}/invocations\n"
        f"{curl(folder, contract, address, example)}"
    )
    # A client that reads the lines connects at once. The socket must listen by then:
    # uvicorn opens its own only after the start event that prints them.
    with socket.create_server(("127.0.0.1", port), backlog=BACKLOG) as listening:
        config = uvicorn.Config(
            application(partial(answer, model, contract), ready),
            log_level="warning",
            lifespan="on",
            limit_concurrency=WAITING,
        )
        uvicorn.Server(config).run(sockets=[listening])


def load(folder: Path, contract: dict) -> "Model":
    """The SavedModel of a version, once it has answered its golden batch.

    Raises:
        RejectedModel: it does not answer as it was evaluated.
    """
    from phistar.components.serving.ask import Model

    model = Model(folder, contract["op_libraries"])
    difference = farthest(golden(folder / contract["golden"]), model.call)
    clean.require_close(difference, "the SavedModel")
    return model


def application(answer: Callable, ready: str) -> Starlette:
    """The ASGI application.

    Args:
        answer: function of bytes -> (status, bytes), one request.
        ready: lines that are printed when it starts.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        print(ready, flush=True)
        yield

    def text(content: str) -> Callable:
        async def endpoint(request: Request) -> Response:
            return Response(content, media_type=JSON)

        return endpoint

    async def refused(request: Request, error: HTTPException) -> Response:
        paths = ", ".join(route.path for route in app.routes)
        message = (
            f"{error.detail}. Received: {request.method} {request.url.path}. "
            f"Expected: {paths}."
        )
        content = refusal(message, "ENDPOINT_NOT_FOUND")
        return Response(content, error.status_code, error.headers, media_type=JSON)

    app = Starlette(
        routes=[
            Route("/invocations", Invocations(answer), methods=["POST"]),
            Route("/ping", text("\n")),
            Route("/health", text("\n")),
            Route("/version", text(version("mlflow"))),
        ],
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )
    return app


def curl(folder: Path, contract: dict, address: str, out: Path) -> str:
    """A line that requests the first row of the golden batch.

    Args:
        folder: of the SavedModel.
        contract: its contract.
        address: of the server.
        out: file for a request that is too long to be typed.
    """
    rows, x = golden_rows(folder / contract["golden"], 1), signature(contract).x

    def shown(name: str) -> Any:
        if x[name]["form"] == "image":
            return base64.b64encode(rows[name][0]).decode()
        return plain(rows[name])[0]

    data = [[shown(name) for name in x]]
    request = json.dumps({"dataframe_split": {"columns": list(x), "data": data}})
    if len(request) > LONGEST_LINE:
        Path(out).write_text(request, "utf-8")
        request = f"@{out}"
    return (
        f"curl -s {address}/invocations -H 'content-type: application/json' "
        f"-d {shlex.quote(request)}"
    )


def answer(model: "Model", contract: dict, content: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request in JSON.

    Args:
        model: the champion's.
        contract: of its SavedModel.
        content: of the request.
    """
    try:
        asked, inputs = body.read(content, contract)
        found = model.call(asked.name, inputs)
    except ValueError as error:
        return 400, refusal(str(error))
    except Exception:  # the next request is answered
        traceback.print_exc()
        return 500, refusal("the model failed", "INTERNAL_ERROR")
    rows = asked.answer(found, cut=False, shortest=False)
    return 200, json.dumps({"predictions": rows}, allow_nan=False).encode()


class Invocations:
    """The ASGI endpoint of requests.

    Args:
        answer: function of bytes -> (status, bytes), one request.
    """

    def __init__(self, answer: Callable):
        self.answer = answer
        self.threads = ThreadPoolExecutor(AT_ONCE)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Read one request and send its answer."""
        parts, size, more = [], 0, True
        # a client that is cut off does not read the answer: read to the end
        while more:
            message = await receive()
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            parts = [*parts, part] if size <= MAX_BODY else []
        if size > MAX_BODY:
            text = f"a body of more than {MAX_BODY} bytes. Send fewer rows at a time."
            return await respond(send, 413, refusal(text))
        kind = dict(scope["headers"]).get(b"content-type", JSON.encode())
        if not is_json(kind := kind.decode("latin-1")):
            text = (
                f"a body of another type. Received: {SHOWN.repr(kind)}. Expected: "
                f"{JSON}. `phistar predict` reads files of CSV."
            )
            return await respond(send, 415, refusal(text))
        loop = asyncio.get_running_loop()
        answered = await loop.run_in_executor(
            self.threads, self.answer, b"".join(parts)
        )
        await respond(send, *answered)


def is_json(kind: str) -> bool:
    """True if a content type is JSON in UTF-8."""
    return kind.lower().replace(" ", "") in (JSON, f"{JSON};charset=utf-8")


async def respond(send: Callable, status: int, content: bytes) -> None:
    """Send an answer in JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        *[(b"connection", b"close")] * (status == 413),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def refusal(text: str, code: str = "BAD_REQUEST") -> bytes:
    """An error in the form of MLflow's server."""
    return json.dumps({"error_code": code, "message": text}).encode()
