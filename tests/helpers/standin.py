"""A stand-in for TensorFlow Serving, which no package ships: its REST protocol.

    python tests/helpers/standin.py NAME FOLDER [NAME FOLDER ...] PORT

It watches each FOLDER for versions, loads the highest one beside the old one, warms it
up, then swaps, as the real server does by default; it knows predict and status. It is
for tests and for bench/serving.py: how it conforms to the real server was read in that
server's documentation, not tried.
"""

import asyncio
import base64
import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.modules["jax"] = None  # TensorFlow would import it, for seconds

import numpy as np  # noqa: E402, after TensorFlow's settings
import tensorflow as tf  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402

POLL = 0.1  # seconds


class Versions:
    """The version that is available.

    Args:
        folder: Path that holds numbered SavedModels.
    """

    def __init__(self, folder):
        self.folder, self.number, self.model, self.errors = folder, None, None, []

    def poll(self):
        """Load what is newer; what does not load is left alone."""
        found = [int(p.name) for p in self.folder.iterdir() if p.name.isdigit()]
        newest = max(found, default=None)
        if newest is None or newest == self.number:
            return
        try:
            model = load(self.folder / str(newest))
        except Exception as error:  # the old one goes on
            self.errors.append(f"{newest}: {error}")
        else:
            self.number, self.model = newest, model

    def watch(self):
        """Poll for ever."""
        while True:
            self.poll()
            time.sleep(POLL)


def load(folder):
    """A version, warmed up."""
    contract = json.loads((folder / "contract.json").read_text("utf-8"))
    for library in contract["op_libraries"]:
        importlib.import_module(library)
    model = tf.saved_model.load(str(folder))
    warmup = folder / "assets.extra" / "tf_serving_warmup_requests"
    for record in tf.data.TFRecordDataset(str(warmup)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        tensors = {
            k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()
        }
        model.signatures[request.model_spec.signature_name](**tensors)
    return model


def decoded(value):
    """JSON -> what tf.constant takes."""
    if isinstance(value, dict):
        if set(value) != {"b64"}:
            raise ValueError("an object that is not {'b64': ...}")
        return base64.b64decode(value["b64"], validate=True)
    return [decoded(v) for v in value] if isinstance(value, list) else value


def encoded(values):
    """An output -> JSON."""
    if values.dtype != object:
        return values.tolist()
    text = np.vectorize(lambda v: v.decode("utf-8"), otypes=[object])
    return text(values).tolist() if values.size else values.tolist()


def predict(model, body):
    """One request.  dict -> dict.

    Raises:
        ValueError, TypeError: what is wrong with it.
    """
    name = body.get("signature_name", "serving_default")
    if name not in model.signatures:
        raise ValueError(f'Serving signature name: "{name}" not found')
    specs = model.signatures[name].structured_input_signature[1]
    by_row = "instances" in body
    if by_row == ("inputs" in body):
        raise ValueError("Expected exactly one of: instances, inputs")
    if by_row:
        rows = body["instances"]
        if len(specs) == 1 and not (rows and set(rows[0]) == set(specs)):
            rows = [{next(iter(specs)): row} for row in rows]
        given = {key: [row[key] for row in rows] for key in rows[0]}
    else:
        given = body["inputs"]
        given = given if isinstance(given, dict) else {next(iter(specs)): given}
    if set(given) != set(specs):
        raise ValueError(f"Received inputs {sorted(given)}. Expected {sorted(specs)}")
    tensors = {k: tf.constant(decoded(v), specs[k].dtype) for k, v in given.items()}
    answer = {
        k: encoded(v.numpy()) for k, v in model.signatures[name](**tensors).items()
    }
    if by_row:
        size = len(next(iter(answer.values())))
        rows = [{k: v[i] for k, v in answer.items()} for i in range(size)]
        return {"predictions": [r[next(iter(r))] if len(r) == 1 else r for r in rows]}
    return {"outputs": next(iter(answer.values())) if len(answer) == 1 else answer}


def add_model(app, name, versions):
    """Add the REST API of one model to the FastAPI `app`."""

    @app.get(f"/v1/models/{name}")
    def status():
        state = "AVAILABLE" if versions.number else "START"
        return {
            "model_version_status": [
                {"version": str(versions.number), "state": state, "status": {}}
            ]
        }

    @app.post(f"/v1/models/{name}:predict")
    async def answer(request: Request):
        body = await request.body()
        model = versions.model
        if model is None:
            return JSONResponse({"error": "no version is available"}, 503)
        try:
            return await asyncio.to_thread(lambda: predict(model, json.loads(body)))
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            return JSONResponse({"error": str(error)}, 400)


def main():
    """Serve until the process ends."""
    import uvicorn

    *models, port = sys.argv[1:]
    app = FastAPI()
    for name, folder in zip(models[::2], models[1::2], strict=True):
        versions = Versions(Path(folder))
        versions.poll()
        threading.Thread(target=versions.watch, daemon=True).start()
        add_model(app, name, versions)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
