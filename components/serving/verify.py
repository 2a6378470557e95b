"""A program of its own: a SavedModel answers its golden batch with tensorflow alone.

Where its contract names libraries of operations, with those too; none of them is ours.

It is asked where it is and moved to another path (and back). Reads {"saved_model":
folder} from stdin, writes {"difference": nats, "foreign_modules": [...]} to stdout.
"""

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

import numpy as np

# by its path: this folder is not in sys.path, so that nothing else of it is imported
REQUEST = runpy.run_path(str(Path(__file__).with_name("request.py")))
golden, apart = REQUEST["golden"], REQUEST["apart"]
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",  # as on a server without a GPU
}


def main(saved_model):
    """Largest |number here - number at evaluation| over the golden batch.

    A decision that is another one is infinitely far away.
    """
    contract = json.loads((Path(saved_model) / "contract.json").read_text("utf-8"))
    for library in contract["op_libraries"]:
        importlib.import_module(library)
    requests, expected = golden(Path(saved_model) / contract["golden"])
    difference = ask(saved_model, requests, expected)
    moved = Path(saved_model).with_name(Path(saved_model).name + ".moved")
    os.rename(saved_model, moved)  # nobody else reads it yet
    try:
        difference = np.maximum(difference, ask(str(moved), requests, expected))
    finally:
        os.rename(moved, saved_model)
    return {
        "difference": float(difference),
        "foreign_modules": sorted({"components", "pipeline"} & set(sys.modules)),
    }


def ask(folder, requests, expected):
    """Ask the SavedModel of a folder.

    Args:
        folder: its path.
        requests, expected: signature -> name -> array.

    Returns:
        float, the largest difference; NaN if a number is none.
    """
    import tensorflow as tf

    signatures = tf.saved_model.load(folder).signatures
    differences = []
    for signature, request in requests.items():
        tensors = {name: tf.constant(values) for name, values in request.items()}
        answer = signatures[signature](**tensors)
        for name, values in expected[signature].items():
            differences.append(apart(answer[name].numpy(), values))
    return np.max(differences)  # of NaN and another number: NaN


if __name__ == "__main__":
    os.environ |= ENVIRONMENT
    import tensorflow  # noqa: F401  while nobody waits for an answer yet

    print(json.dumps(main(**json.load(sys.stdin))))
