"""`phistar serve NAME`: the champion behind MLflow's own server, on 127.0.0.1.

MLflow's server leaves out what it does not know, takes bodies of any size, and spends
milliseconds on a DataFrame. Here an unknown parameter or column is the caller's
mistake, and a body has a limit. JSON is read by body.py, what is no JSON by MLflow.
"""

import asyncio
import base64
import json
import os
import shlex
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pipeline import body, publish, quiet
from pipeline.contract import read_contract
from pipeline.registry import example, registered
from pipeline.where import require_free

MAX_BODY = 32 * 2**20  # bytes
AT_ONCE = 2  # requests: Python takes turns, and TensorFlow uses all cores for each
LONGEST_LINE = 2000  # characters of a request that is typed, not read from a file


def serve(name, root, port):
    """Serve the champion of a name until a signal ends it.

    Args:
        name: of a recipe that was promoted.
        root: project root.
        port: of 127.0.0.1.

    Raises:
        ValueError: nothing was promoted; the port is taken.
    """
    publish.require_promoted(name, root)
    folder = publish.champion(name, root)
    require_free(port)
    os.environ |= quiet.environment()
    with quiet.startup():
        import uvicorn
        from mlflow.pyfunc import scoring_server

        model = load(folder, root)
        app = scoring_server.init(model)
    address = f"http://127.0.0.1:{port}"
    app.add_middleware(Guard, answer=model.answer)
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, log_level="warning", lifespan="off")
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
    """A version that was promoted, as MLflow loads it.  Path -> Strict."""
    import mlflow

    from pipeline.tracking import Target

    target, name = Target(root), folder.parent.name
    mlflow.set_tracking_uri(target.uri)
    # not by the alias, which is moved a moment before the version appears
    found = registered(target.client, name, publish.read_origin(folder)["export"])
    return Strict(mlflow.pyfunc.load_model(f"models:/{name}/{found.version}"))


def curl(folder, address, out):
    """A line that asks for the first row of the golden batch.

    Args:
        folder: Path of the SavedModel.
        address: of the server.
        out: Path of a file for a request that is too long to be typed.
    """
    row = example(read_contract(folder), folder).iloc[:1]

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


class Strict:
    """An MLflow model that refuses what MLflow would leave out.

    Args:
        model: mlflow.pyfunc.PyFuncModel.
    """

    def __init__(self, model):
        self.model, self.metadata = model, model.metadata

    def predict(self, data, params=None):
        """As `PyFuncModel.predict`."""
        from mlflow import MlflowException

        known = {
            "parameter": [p.name for p in self.metadata.get_params_schema().params],
            "input": self.metadata.get_input_schema().input_names(),
        }
        for what, given in (("parameter", params or {}), ("input", data)):
            if unknown := [str(name) for name in given if name not in known[what]]:
                raise MlflowException.invalid_parameter_value(
                    f"no such {what}. Received: {', '.join(unknown)}. "
                    f"Expected: {', '.join(known[what])}."
                )
        most = self.model.unwrap_python_model().contract["max_rows"]
        if len(data) > most:
            raise MlflowException.invalid_parameter_value(
                f"too many rows for one request. Received: {len(data)}. "
                f"Expected: at most {most}."
            )
        return self.model.predict(data, params=params)

    def answer(self, content):
        """A request in JSON.

        Args:
            content: bytes.

        Returns:
            (status, bytes): as MLflow's server answers.
        """
        served = self.model.unwrap_python_model()
        try:
            asked, inputs = body.read(content, served.contract)
            answer = served.model.ask(asked, inputs)
        except ValueError as error:
            return 400, refusal(str(error))
        except Exception:  # the next request is answered
            traceback.print_exc()
            return 500, refusal("the model failed", "INTERNAL_ERROR")
        every = zip(*map(plain, answer.values()), strict=True)
        rows = [dict(zip(answer, row, strict=True)) for row in every]
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
    """An ASGI application that answers JSON itself; bodies have a limit.

    Args:
        app: MLflow's server, for all else.
        answer: bytes -> (status, bytes), one request.
    """

    def __init__(self, app, answer):
        self.app, self.answer = app, answer
        self.threads = ThreadPoolExecutor(AT_ONCE)

    async def __call__(self, scope, receive, send):
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
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
        content = b"".join(parts)
        if scope["path"] == "/invocations" and is_json(dict(scope["headers"])):
            loop = asyncio.get_running_loop()
            answered = await loop.run_in_executor(self.threads, self.answer, content)
            return await respond(send, *answered)
        read = False

        async def again():
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": content, "more_body": False}

        await self.app(scope, again, send)


def is_json(headers):
    """Whether a request says that it is JSON, or nothing.  dict of bytes -> bool."""
    kind = headers.get(b"content-type", b"application/json").decode("latin-1").lower()
    return kind.replace(" ", "") in (
        "application/json",
        "application/json;charset=utf-8",
    )


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
