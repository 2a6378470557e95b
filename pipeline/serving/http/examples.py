"""A request of each signature and its answer: the first row of the golden batch."""

import json
import math
from pathlib import Path

import numpy as np

from phistar.components.serving.request import DEFAULT

GOLDEN = Path("assets.extra", "golden")  # in the form of TensorFlow Serving's REST API


def examples(folder: Path, contract: dict) -> dict[str, dict]:
    """The requests and answers that the export wrote.

    Args:
        folder: of the SavedModel.
        contract: its contract.

    Returns:
        signature -> {"request": a body of /invocations, "answer": its answer}.
    """
    return {
        name: {
            "request": request(folder, name, list(contract["knobs"])),
            "answer": answer(folder, name, list(signature["outputs"])),
        }
        for name, signature in contract["signatures"].items()
    }


def request(folder: Path, name: str, knobs: list[str]) -> dict:
    """The body with the first row of a golden request."""
    inputs = read(folder, f"{name}.request.json")["inputs"]
    first = {key: plain(values[0]) for key, values in inputs.items()}
    params = {key: first.pop(key) for key in list(first) if key in knobs}
    if name != DEFAULT:
        params = {"signature": name, **params}
    body = {"inputs": {key: [value] for key, value in first.items()}}
    return body | ({"params": params} if params else {})


def answer(folder: Path, name: str, outputs: list[str]) -> dict:
    """The first row of a golden answer."""
    given = read(folder, f"{name}.answer.json")["outputs"]
    if not isinstance(given, dict):  # that API does not name a single one
        given = dict.fromkeys(outputs, given)
    return {"predictions": [{key: given[key][0] for key in outputs}]}


def read(folder: Path, file: str) -> dict:
    """A file of JSON."""
    return json.loads((folder / GOLDEN / file).read_text("utf-8"))


def plain(value: object) -> object:
    """A value as `/invocations` takes it: base64 is text, a missing number null."""
    if isinstance(value, dict):
        return value["b64"]
    if not isinstance(value, float):
        return value
    # 0.1 for float32's 0.1, which is the same input
    return None if math.isnan(value) else float(str(np.float32(value)))
