"""The ASGI application: its routes, and what is around all of them.

    POST /invocations     rows -> rows of the answer; body.py and upload.py read them
    GET  /                a page with a form; /docs: how to ask; /card: the model card
    GET  /contract        contract.json; /openapi.json the same as OpenAPI
    GET  /metrics         counts, as Prometheus reads them
    GET  /ping, /health   200: the server is up, the golden batch was right
    GET  /version         MLflow's version

Each answer names the model, its version and its run in headers; errors are JSON.
guard.py refuses what does not come from the server's own users.
"""

import contextlib
import json
import math
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from phistar.pipeline.serving.http import metrics, openapi, pages
from phistar.pipeline.serving.http.examples import examples
from phistar.pipeline.serving.http.guard import Door, Guard
from phistar.pipeline.serving.http.invocations import Invocations
from phistar.pipeline.serving.http.refusals import CONTRACT, JSON, Refusal
from phistar.pipeline.serving.http.watched import Watched

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

HTML = "text/html; charset=utf-8"
CARD = Path("assets.extra", "card.html")


def application(
    model: "Model",
    folder: Path,
    contract: dict,
    about: dict,
    curl: str,
    ready: Callable,
    log: Callable | None,
    door: Door,
) -> Watched:
    """The application.

    Args:
        model: of the served version.
        folder: of its SavedModel.
        contract: its contract.
        about: model, version and run.
        curl: a line that asks it.
        ready: called when it starts.
        log: function of a line of the access log; None for no log.
        door: who may ask.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        ready()
        yield

    counted = metrics.Metrics(about, contract)
    known = about, contract, examples(folder, contract, model)
    document = openapi.document(*known)

    async def measured(request: Request) -> Response:
        return Response(counted.text(), media_type=metrics.CONTENT_TYPE)

    async def refused(request: Request, error: HTTPException) -> Response:
        paths = ", ".join(route.path for route in app.routes)
        received = f"{request.method} {request.url.path}"
        message = f"{error.detail}. Received: {received}. Expected: {paths}."
        refusal = Refusal(
            error.status_code, message, "route", None, received, f"one of: {paths}"
        )
        content, status = refusal.content(), error.status_code
        return Response(content, status, error.headers, media_type=JSON)

    async def failed(request: Request, error: Exception) -> Response:
        content = Refusal(500, "the server failed", "error").content()
        return Response(content, 500, media_type=JSON)

    app = Starlette(
        routes=[
            Route("/", fixed(pages.index(*known, curl), HTML, pages.POLICY)),
            Route("/docs", fixed(pages.docs(*known), HTML, pages.POLICY)),
            Route("/card", fixed((folder / CARD).read_text("utf-8"), HTML)),
            Route(CONTRACT, fixed(json.dumps(finite(contract), indent=2), JSON)),
            Route("/openapi.json", fixed(json.dumps(document), JSON)),
            Route("/metrics", measured),
            Route(
                "/invocations", Invocations(model, contract, counted), methods=["POST"]
            ),
            Route("/ping", fixed("\n", JSON)),
            Route("/health", fixed("\n", JSON)),
            Route("/version", fixed(version("mlflow"), JSON)),
        ],
        exception_handlers={HTTPException: refused, Exception: failed},
        lifespan=lifespan,
    )
    return Watched(Guard(app, door), about, log)


def finite(value: object) -> object:
    """Plain data with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fixed(content: str, media_type: str, policy: str | None = None) -> Callable:
    """The endpoint of what stays the same while the server runs.

    Args:
        content: of the answer.
        media_type: of it.
        policy: what a browser may load for it.
    """
    headers = {"content-security-policy": policy} if policy else None

    async def endpoint(request: Request) -> Response:
        return Response(content, headers=headers, media_type=media_type)

    return endpoint
