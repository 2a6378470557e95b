"""A program of its own: a SavedModel answers its golden batch with tensorflow alone.

Where its contract names libraries of operations, with those too; none of them is ours.

Reads {"saved_model": folder} from stdin, writes
{"difference": nats, "foreign_modules": [...]} to stdout.
"""

import importlib
import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf


def main(saved_model):
    """Largest |number here - number at evaluation| over the golden batch."""
    contract = json.loads((Path(saved_model) / "contract.json").read_text("utf-8"))
    for library in contract["op_libraries"]:
        importlib.import_module(library)
    signatures = tf.saved_model.load(saved_model).signatures
    requests, expected = {}, {}
    with np.load(Path(saved_model) / contract["golden"], allow_pickle=False) as arrays:
        for key, values in arrays.items():
            signature, side, name = key.split("/")
            half = requests if side == "in" else expected
            half.setdefault(signature, {})[name] = values
    difference = 0.0
    for signature, request in requests.items():
        tensors = {name: tf.constant(values) for name, values in request.items()}
        answer = signatures[signature](**tensors)
        for name, values in expected[signature].items():
            apart = np.abs(answer[name].numpy() - values).max()
            difference = max(difference, apart) if apart == apart else apart
    return {
        "difference": float(difference),
        "foreign_modules": sorted({"components", "pipeline"} & set(sys.modules)),
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.load(sys.stdin))))
