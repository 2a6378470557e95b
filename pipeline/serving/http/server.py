"""`phistar serve NAME`: the champion behind MLflow's own server, on 127.0.0.1.

MLflow's server leaves out what it does not know, takes bodies of any size, and spends
milliseconds on a DataFrame. Here an unknown parameter or column is the caller's
mistake, a body has a limit, and is JSON, which body.py reads: MLflow's own reading of
CSV and Parquet is bounded by nothing.
"""

import asyncio
import base64
import json
import os
import shlex
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.process import quiet
from pipeline.serving import publish
from pipeline.serving.http import body
from pipeline.store import champions
from pipeline.store.contract import read_contract
from pipeline.tracking import golden
from pipeline.tracking.address import require_free
from pipeline.tracking.models import version_of

MAX_BODY = 32 * 2**20  # bytes
AT_ONCE = 2  # requests: Python takes turns, and TensorFlow uses all cores for each
WAITING = 64  # connections; a body of 32 MiB of each is in memory, more get 503
JSON = "application/json"
LONGEST_LINE = 2000  # characters of a request that is typed, not read from a file


def serve(name, root, port):
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
    with quiet.startup():
        import uvicorn
        from mlflow.pyfunc import scoring_server

        model = load(folder, root)
        app = scoring_server.init(model)
        difference = golden.away(model, folder)
    golden.require(difference)
    address = f"http://127.0.0.1:{port}"
    served = model.unwrap_python_model()
    app.add_middleware(Guard, answer=partial(answer, served))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            "127.0.0.1",
            port,
            log_level="warning",
            lifespan="off",
            limit_concurrency=WAITING,
        )
    )
    startup = server.startup

    async def started(sockets=None):
        await startup(sockets)
        print(f"{name} {folder.name} answers at {address}/invocations", flush=True)
        out = Path(root, "mlruns", "serving", name, "request.json")
        print(curl(folder, address, out), flush=True)

    server.startup = started
    server.run()


def load(folder, root):
    """A version that was promoted, as MLflow loads it.  Path -> PyFuncModel."""
    import mlflow

    from pipeline.tracking.target import Target

    target, name = Target(root), folder.parent.name
    key = champions.read_origin(folder)["export"]
    # not by the alias, which is moved a moment before the version appears
    found = version_of(target.client, name, key)
    if found is None:  # MLflow's database was lost
        found = publish.model(publish.synced(root), name, key)
    mlflow.set_tracking_uri(target.uri)
    return mlflow.pyfunc.load_model(f"models:/{name}/{found.version}")


def curl(folder, address, out):
    """A line that asks for the first row of the golden batch.

    Args:
        folder: Path of the SavedModel.
        address: of the server.
        out: Path of a file for a request that is too long to be typed.
    """
    row = golden.example(read_contract(folder), folder).iloc[:1]

    def shown(value):
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        return None if value != value else value

    rows = [[shown(value) for value in values] for values in row.values.tolist()]
    request = json.dumps({"dataframe_split": {"columns": list(row), "data": rows}})
    if len(request) > LONGEST_LINE:
        Path(out).write_text(request, "utf-8")
        request = f"@{out}"
    return (
        f"curl -s {address}/invocations -H 'content-type: application/json' "
        f"-d {shlex.quote(request)}"
    )


def answer(served, content):
    """A request in JSON.

    Args:
        served: of pipeline/tracking/model_code.py.
        content: bytes.

    Returns:
        (status, bytes): as MLflow's server answers.
    """
    try:
        asked, inputs = body.read(content, served.contract)
        found = served.model.call(asked.name, inputs)
    except ValueError as error:
        return 400, refusal(str(error))
    except Exception:  # the next request is answered
        traceback.print_exc()
        return 500, refusal("the model failed", "INTERNAL_ERROR")
    every = zip(*map(plain, found.values()), strict=True)
    rows = [dict(zip(found, row, strict=True)) for row in every]
    return 200, json.dumps({"predictions": rows}, allow_nan=False).encode()


def plain(values):
    """One output.  array [N, ...] -> list of N: text, numbers, null for none."""
    if values.dtype == object:
        texts = np.empty(values.size, object)
        texts[:] = [value.decode("utf-8", "replace") for value in values.flat]
        values = texts.reshape(values.shape)
    elif values.dtype.kind == "f" and not np.isfinite(values).all():
        values = np.where(np.isfinite(values), values.astype(object), None)
    return values.tolist()


class Guard:
    """An ASGI application that answers /invocations itself.

    Args:
        app: MLflow's server, for all else.
        answer: bytes -> (status, bytes), one request.
    """

    def __init__(self, app, answer):
        self.app, self.answer = app, answer
        self.threads = ThreadPoolExecutor(AT_ONCE)

    async def __call__(self, scope, receive, send):
        """One request."""
        asks = scope["type"] == "http" and scope["method"] == "POST"
        if not asks or scope["path"] != "/invocations":
            return await self.app(scope, receive, send)
        parts, size, more = [], 0, True
        while more:  # to its end: a client that is cut off does not read the answer
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
                f"a body of another type. Received: {body.SHOWN.repr(kind)}. Expected: "
                f"{JSON}. `phistar predict` reads files of CSV."
            )
            return await respond(send, 415, refusal(text))
        loop = asyncio.get_running_loop()
        answered = await loop.run_in_executor(
            self.threads, self.answer, b"".join(parts)
        )
        await respond(send, *answered)


def is_json(kind):
    """Whether a content type is JSON in UTF-8.  str -> bool."""
    return kind.lower().replace(" ", "") in (JSON, f"{JSON};charset=utf-8")


async def respond(send, status, content):
    """Send an answer: status, and bytes of JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        *[(b"connection", b"close")] * (status == 413),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def refusal(text, code="BAD_REQUEST"):
    """What is answered to a request that is not, in MLflow's form.  -> bytes."""
    return json.dumps({"error_code": code, "message": text}).encode()
