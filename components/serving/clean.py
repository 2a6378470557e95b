"""A Python without this project, in which a SavedModel answers its golden batch.

It runs verify.py beside this file, and ignores the PYTHON... variables. Importing
tensorflow takes seconds, so it may be started early, while a short training runs.
"""

import inspect
import json
import subprocess
import sys

from phistar import SOURCE
from phistar.components import progress
from phistar.components.errors import RejectedModel
from phistar.components.serving import verify
from phistar.components.serving.request import TOLERANCE

_ready = []


def start():
    """Start a process for a later `take`, if none waits; it ends when this one does."""
    if not _ready:
        _ready.append(_process())


def take():
    """The process that `start` began, or a new one.  -> subprocess.Popen."""
    return _ready.pop() if _ready else _process()


def stop():
    """End the process that nobody took: a notebook goes on after a run has failed."""
    while _ready:
        with _ready.pop() as process:
            process.kill()


def ask(process, saved_model, mlflow_model=None):
    """Check the golden batch of a SavedModel.

    Args:
        process: of `take`; it ends.
        saved_model: its folder.
        mlflow_model: folder for MLflow's model of it, which is written and then
            checked too; None without one.

    Returns:
        dict: log_prob, and mlflow where it was written: the largest |difference| of a
        log-probability, nats.

    Raises:
        RejectedModel: if one is larger than 1e-4, or the process fails.
    """
    progress.doing("calling the saved model in a process of its own")
    other = mlflow_model and str(mlflow_model)
    folders = {"saved_model": str(saved_model), "mlflow_model": other}
    folders["source"] = str(SOURCE)
    answer, errors = process.communicate(json.dumps(folders))
    found = {}
    for line in answer.splitlines():
        found |= json.loads(line)
    if "log_prob" not in found:
        raise RejectedModel(f"the SavedModel does not answer alone:\n{errors[-2000:]}")
    if foreign := found.pop("foreign_modules"):
        raise RejectedModel(
            "the SavedModel needs modules of this project. "
            f"Received: {foreign}. Expected none."
        )
    require_close(found["log_prob"], "the SavedModel")
    if mlflow_model and process.returncode:
        raise RejectedModel(f"MLflow's model does not answer:\n{errors[-2000:]}")
    if mlflow_model:
        require_close(found["mlflow"], "MLflow's model")
    return found


def require_close(difference, what):
    """Refuse a model whose golden batch is more than 1e-4 nats away.

    Args:
        difference: float, between an answer and the evaluation, nats.
        what: name of the model.

    Raises:
        RejectedModel: it is.
    """
    if not difference <= TOLERANCE:  # NaN is refused too
        raise RejectedModel(
            f"{what} does not answer as the evaluated network did. Received: a "
            f"difference of {difference:.3g} nats. Expected {TOLERANCE} nats at most."
        )


def _process():
    return subprocess.Popen(
        # -B: MLflow's model is a folder of code, and bytecode is not part of it
        [sys.executable, "-I", "-B", inspect.getsourcefile(verify)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
