"""A cached repeat of `run`: small work is small."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.commands import CODE, SHORT

PROBE = """
import sys
from phistar.pipeline.cli.main import main
status = main(sys.argv[1:])
print(status, sorted({"keras", "tensorflow", "mlflow", "numpy"} & set(sys.modules)))
"""


@pytest.mark.heavy
def test_nothing_large_is_imported_and_no_run_is_added(trained, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(trained[0], root)
    before = sorted((root / "mlruns" / "runs").glob("*.jsonl"))
    words = ["run", "breast_cancer", *SHORT, "--root", root, "--json"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    *_, answer, last = done.stdout.splitlines()
    assert last == "0 []", done.stderr
    stages = json.loads(answer)["stages"].values()
    assert {stage["status"] for stage in stages} == {"cached"}
    assert json.loads(answer)["run_id"] == trained[1].answer["run_id"]
    assert sorted((root / "mlruns" / "runs").glob("*.jsonl")) == before
