"""The check of an export in this process: a new Python takes seconds to start."""

import json
import sys
from contextlib import contextmanager

import pytest

from phistar.components.serving import clean, mlflow_model, verify


class Here:
    """verify.py in this process, in place of a new one.

    Args:
        asked: False writes MLflow's model, and asks neither model.
    """

    returncode = 0

    def __init__(self, asked=True):
        self.asked = asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def communicate(self, request):
        """Answer as the new process does.  JSON -> (lines of JSON, stderr)."""
        folders = json.loads(request)
        with pytest.MonkeyPatch.context() as patch:
            if not self.asked:
                patch.setattr(verify, "call", lambda saved_model, batch: 0.0)
                patch.setattr(mlflow_model, "away", lambda *_: 0.0)
            found = verify.alone(folders["saved_model"]) | {"foreign_modules": []}
            lines = [json.dumps(found)]
            if folders["mlflow_model"]:
                difference = verify.with_mlflow(**folders)
                lines.append(json.dumps({"mlflow": difference}))
        return "\n".join(lines), ""


@contextmanager
def verified_here(asked=True):
    """Let `export` and `promote` start no process; a real one is in `phistar run`.

    Args:
        asked: False leaves the golden batch to it too: to load a model takes a second.
    """
    with pytest.MonkeyPatch.context() as patch:
        # as there: MLflow's model is a folder of code, and bytecode is not part of it
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setattr(clean, "start", lambda: None)
        patch.setattr(clean, "take", lambda: Here(asked))
        yield
