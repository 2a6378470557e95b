"""A request of each signature, the first row of the golden batch, and its answer."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phistar.components.serving.request import DEFAULT, Signature, signature
from phistar.pipeline.serving.http.body import asked
from phistar.pipeline.serving.http.dates import dated, written

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

GOLDEN = Path("assets.extra", "golden")  # in the form of TensorFlow Serving's REST API


def examples(folder: Path, contract: dict, model: "Model") -> dict[str, dict]:
    """The requests that the export wrote, a row of each, with the model's answers.

    Args:
        folder: of the SavedModel.
        contract: its contract.
        model: it, loaded.

    Returns:
        signature -> {"request": a body of /invocations, "answer": its answer}.
    """
    found = {}
    for name in contract["signatures"]:
        body = request(folder, signature(contract, name), contract)
        called, inputs = asked(body["inputs"], dict(body.get("params", {})), contract)
        rows = called.answer(model.call(name, inputs), cut=False, shortest=False)
        found[name] = {"request": body, "answer": {"predictions": rows}}
    return found


def request(folder: Path, called: Signature, contract: dict) -> dict:
    """The body with the first row of a golden request, columns by their own names."""
    file = folder / GOLDEN / f"{called.name}.request.json"
    inputs = json.loads(file.read_text("utf-8"))["inputs"]
    first = {key: plain(values[0]) for key, values in inputs.items()}
    params = {key: first.pop(key) for key in list(first) if key in contract["knobs"]}
    if called.name != DEFAULT:
        params = {"signature": called.name, **params}
    first |= {
        key: written(first[key], form) for key, form in dated(called, contract).items()
    }
    body = {"inputs": {called.shown[key]: [value] for key, value in first.items()}}
    return body | ({"params": params} if params else {})


def plain(value: object) -> object:
    """A value as `/invocations` takes it: base64 is text, a missing number null."""
    if isinstance(value, dict):
        return value["b64"]
    if not isinstance(value, float):
        return value
    if math.isnan(value):
        return None
    # 0.1 for float32's 0.1, which is the same input; a float64 as it is
    single = np.float32(value)
    return float(str(single)) if single == value else value
