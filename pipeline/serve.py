"""`phistar serve NAME`: the champion behind MLflow's own server, on 127.0.0.1.

MLflow's server leaves out what it does not know, and takes bodies of any size. Here an
unknown parameter or column is the caller's mistake, and a body has a limit.
"""

import base64
import json
import os
import shlex
from pathlib import Path

from pipeline import publish, quiet
from pipeline.contract import read_contract
from pipeline.registry import CHAMPION, example
from pipeline.where import require_free

MAX_BODY = 32 * 2**20  # bytes
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

        app = scoring_server.init(load(name, root))
    address = f"http://127.0.0.1:{port}"
    app.add_middleware(Guard)
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


def load(name, root):
    """The champion as MLflow loads it.  -> Strict."""
    import mlflow

    from pipeline.tracking import Target

    target = Target(root)
    mlflow.set_tracking_uri(target.uri)
    return Strict(mlflow.pyfunc.load_model(f"models:/{name}@{CHAMPION}"))


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
        return self.model.predict(data, params=params)


class Guard:
    """An ASGI application whose requests have a limit, and are JSON by default.

    Args:
        app: the application inside.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        if b"content-type" not in headers:
            added = (b"content-type", b"application/json")
            scope = scope | {"headers": [*scope["headers"], added]}
        parts, size, more = [], 0, True
        while more:  # to its end: a client that is cut off does not read the answer
            message = await receive()
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            parts = [*parts, part] if size <= MAX_BODY else []
        if size > MAX_BODY:
            return await refuse(send)
        read = False

        async def again():
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}

        await self.app(scope, again, send)


async def refuse(send):
    """Status 413."""
    text = f"a body of more than {MAX_BODY} bytes. Send fewer rows at a time."
    content = json.dumps({"error_code": "BAD_REQUEST", "message": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})
