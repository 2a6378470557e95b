"""`phistar ingest` killed while its workers read a large table, and typed again."""

import json
import os
import signal
import time

import pytest

from tests.helpers.commands import end, phistar, start

ROWS = 1_000_000


def table(path):
    """Write a table that is read in several parts."""
    end = "a word and a label".ljust(60, "x")
    rows = (f"{n % 997}.25,{n % 13} {end},{'ny'[n % 2]}\n" for n in range(10_000))
    lines = "".join(rows)
    with open(path, "w") as file:
        file.write("number,word,label\n")
        for _ in range(ROWS // 10_000):
            file.write(lines)


def manifest(root):
    """The manifest of the only result of ingest."""
    (path,) = root.glob("mlruns/stages/ingest/*/manifest.json")
    return json.loads(path.read_text())


@pytest.mark.slow
def test_a_killed_ingest_goes_on_where_it_was(tmp_path):
    (tmp_path / "a").mkdir()
    path = tmp_path / "t.csv"
    table(path)
    recipe = tmp_path / "big.yaml"
    recipe.write_text(
        "task: {name: binary, positive: y}\n"
        f"ingest: {{source: table, path: {path}, label: label}}\n"
        "build: {network: linear}\ntrain: {loss: logistic, steps: 1}\n"
    )
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    process = start("ingest", str(recipe), "ingest.workers=2", root=broken)
    stages = broken / "mlruns" / "stages" / "ingest"
    while not list(stages.glob(".*.tmp-*/checkpoints/rows/00*.json")):
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)
    assert not list(stages.glob("*/manifest.json"))
    again = phistar("ingest", str(recipe), root=broken)
    assert again.status == 0 and "goes on: " in again.stderr
    alone = phistar("ingest", str(recipe), "ingest.workers=1", root=whole)
    assert alone.status == 0 and "goes on: " not in alone.stderr
    assert manifest(broken)["digest"] == manifest(whole)["digest"]
    assert manifest(broken)["key"] == manifest(whole)["key"]
    assert not list(stages.glob(".*.tmp-*"))
