"""MLflow's model of an export: what it takes, and that it answers as evaluated."""

import numpy as np
import pandas as pd

from pipeline.tracking import target
from pipeline.tracking.model_code import column
from tests.helpers.commands import SHORT, copy_code, edit, mlflow_runs, phistar


def test_a_text_that_is_missing_is_an_empty_one():
    rows = pd.Series(["ja", None, np.nan, b"nein"], dtype=object)
    assert column(rows, "string").tolist() == [b"ja", b"", b"", b"nein"]
    read = pd.DataFrame({"x": ["ja", None]})["x"]
    assert column(read, "string").tolist() == [b"ja", b""]


def test_a_model_that_answers_otherwise_is_not_registered_and_its_run_has_failed(
    tmp_path,
):
    code, root = copy_code(tmp_path / "code"), tmp_path / "root"
    edit(code / "pipeline" / "served.py", "    return values.tolist()", ROUNDED)
    done = phistar("run", "breast_cancer", *SHORT, root=root, code=code)
    assert done.status == 3 and "MLflow's model" in done.answer["error"], done.stderr
    (run,) = mlflow_runs(root).values()
    assert run["status"] == "FAILED"
    assert target.Target(root).client.search_registered_models() == []
    done = phistar("promote", "breast_cancer", root=root, code=code)
    assert done.status != 0 and not list(root.glob("mlruns/serving/*/[0-9]*"))


ROUNDED = """\
    return (values.round(2) if values.dtype.kind == "f" else values).tolist()"""
