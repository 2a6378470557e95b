"""A program: a SavedModel answers its golden batch with tensorflow alone.

Where its contract names libraries of operations, with those too; none of them is ours.
It is called under another path than the one it was written to, and moved back. Then,
if asked to, the program writes MLflow's model of it, and calls that one.

It reads one line of JSON from stdin: "saved_model" and "mlflow_model", folders, the
second or none, and "source", the folder to import phistar from. It writes a line of
JSON to stdout after each half: {"log_prob": nats, "foreign_modules": [...]} and
{"mlflow": nats}.
"""

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

# by its path: this folder is not in sys.path, so that nothing else of it is imported
REQUEST = runpy.run_path(str(Path(__file__).with_name("request.py")))
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",  # as on a server without a GPU
}
UNUSED = ("jax", "keras")
# for MLflow: nothing is sent, and no file of the current folder is copied
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def alone(saved_model):
    """Call the SavedModel with its golden batch, under another path.

    `export` has called it under its own path (parity.py).

    Args:
        saved_model: its path.

    Returns:
        dict: log_prob, the largest |number here - number at evaluation|, nats, infinite
        if a decision differs; foreign_modules, those of this project.
    """
    contract = json.loads((Path(saved_model) / "contract.json").read_text("utf-8"))
    for library in contract["op_libraries"]:
        importlib.import_module(library)
    batch = REQUEST["golden"](Path(saved_model) / contract["golden"])
    moved = Path(saved_model).with_name(Path(saved_model).name + ".moved")
    os.rename(saved_model, moved)  # nobody else reads it yet
    try:
        difference = call(str(moved), batch)
    finally:
        os.rename(moved, saved_model)
    return {
        "log_prob": float(difference),
        "foreign_modules": sorted({"phistar"} & set(sys.modules)),
    }


def with_mlflow(saved_model, mlflow_model, source):
    """Write MLflow's model of a SavedModel, and call it.

    Args:
        saved_model: its path.
        mlflow_model: path of the model to write.
        source: the folder to import phistar from.

    Returns:
        float, nats.
    """
    os.environ |= QUIET
    # only now: the SavedModel has answered without this project
    sys.path.append(source)
    from phistar.components.serving.mlflow_model import write

    return write(Path(saved_model), Path(mlflow_model))


def call(folder, batch):
    """Call the SavedModel of a folder with its golden batch.

    Args:
        folder: its path.
        batch: golden requests and answers, see request.py.

    Returns:
        float, the largest difference; NaN if a number is NaN.
    """
    import tensorflow as tf

    ask = runpy.run_path(str(Path(__file__).with_name("ask.py")))
    loaded = ask["load"](folder)  # keeps the variables

    def answer(signature, request):
        tensors = {name: tf.constant(values) for name, values in request.items()}
        found = loaded.signatures[signature](**tensors)
        return {name: tensor.numpy() for name, tensor in found.items()}

    return REQUEST["farthest"](batch, answer)


if __name__ == "__main__":
    os.environ |= ENVIRONMENT
    # TensorFlow imports them, which takes seconds; the SavedModel does without
    sys.modules |= dict.fromkeys(UNUSED)
    import tensorflow  # noqa: F401  while nobody waits for an answer yet

    for name in UNUSED:
        del sys.modules[name]
    folders = json.load(sys.stdin)
    print(json.dumps(alone(folders["saved_model"])), flush=True)
    if folders["mlflow_model"]:
        print(json.dumps({"mlflow": with_mlflow(**folders)}))
