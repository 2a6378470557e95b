"""The check of an export in this process: a new Python takes seconds to start."""

import json
import sys
from contextlib import contextmanager

import pytest

from phistar.components.serving import clean, verify


class Here:
    """verify.py in this process, in place of a new one."""

    returncode = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def communicate(self, request):
        """Answer as the new process does.  JSON -> (lines of JSON, stderr)."""
        folders = json.loads(request)
        found = verify.alone(folders["saved_model"]) | {"foreign_modules": []}
        lines = [json.dumps(found)]
        if folders["mlflow_model"]:
            difference = verify.with_mlflow(**folders)
            lines.append(json.dumps({"mlflow": difference}))
        return "\n".join(lines), ""


@contextmanager
def verified_here():
    """Let `export` and `promote` start no process; a real one is in `phistar run`."""
    with pytest.MonkeyPatch.context() as patch:
        # as there: MLflow's model is a folder of code, and bytecode is not part of it
        patch.setattr(sys, "dont_write_bytecode", True)
        patch.setattr(clean, "start", lambda: None)
        patch.setattr(clean, "take", Here)
        yield
