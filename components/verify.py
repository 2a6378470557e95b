"""A program of its own: a SavedModel answers its golden batch with tensorflow alone.

Reads {"saved_model": folder, "golden": path} from stdin, writes
{"difference": nats, "foreign_modules": [...]} to stdout.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf


def main(saved_model, golden):
    """Largest |ln P here - ln P at evaluation| over `log_prob` and `predict`."""
    signatures = tf.saved_model.load(saved_model).signatures
    with np.load(golden, allow_pickle=False) as arrays:
        arrays = dict(arrays)
    inputs = {
        name.removeprefix("input/"): tf.constant(values)
        for name, values in arrays.items()
        if name.startswith("input/")
    }
    label = tf.constant(arrays["label"])
    log_prob = signatures["log_prob"](label=label, **inputs)["log_prob"].numpy()
    log_probs = signatures["predict"](**inputs)["log_probs"].numpy()
    difference = max(
        np.abs(log_prob - arrays["log_prob"]).max(),
        np.abs(log_probs - arrays["log_probs"]).max(),
    )
    return {
        "difference": float(difference),
        "foreign_modules": sorted({"components", "pipeline"} & set(sys.modules)),
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.load(sys.stdin))))
