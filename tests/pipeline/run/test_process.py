"""A stage is the same in this process and in a child; the child ends with us."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from phistar.pipeline.process.errors import Failure
from phistar.pipeline.run import process
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.store.manifest import digest, hashed
from tests.helpers.commands import CODE, artifact, until

RUN_ID = "0" * 32


def train_arguments(root, **words):
    """The arguments that the runner gives to train."""
    manifest = json.loads((artifact(root, "train") / "manifest.json").read_text())
    given = {
        key.partition(".")[2]: value
        for key, value in manifest["parts"]["arguments"].items()
        if key.startswith("train.")
    }
    return {
        "task": {"name": "binary", "positive": "malignant"},
        "dataset": str(artifact(root, "ingest")),
        "network": str(artifact(root, "build")),
        **given,
        **words,
    }


def test_every_stage_has_a_function_that_runs_in_its_file():
    for name in NAMES:
        function = process.stage_function(name)
        assert function.__module__ == f"phistar.components.{name}"
    with pytest.raises(ValueError, match="'fly'"):
        process.stage_function("fly")


def test_child_writes_what_this_process_writes(trained, tmp_path):
    arguments, digests = train_arguments(trained[0]), []
    for isolate in (False, True):
        folder = tmp_path / str(isolate)
        folder.mkdir()
        process.call("train", arguments, folder, RUN_ID, isolate)
        digests.append(digest(hashed(folder)))
        journal = (folder / "journal.jsonl").read_text().splitlines()
        assert [json.loads(line)["kind"] for line in journal].count("metrics") == 8
    assert digests[0] == digests[1] == trained[1].digests["train"]


@pytest.mark.parametrize("isolate", [False, True])
def test_failure_is_the_same_in_a_child(trained, tmp_path, isolate):
    arguments = train_arguments(trained[0], eval_every=7)
    with pytest.raises(Failure) as caught:
        process.call("train", arguments, tmp_path, RUN_ID, isolate)
    assert caught.value.status == 2 and caught.value.expected
    assert "train.eval_every=7" in str(caught.value)
    assert "train.py" in caught.value.details


def test_child_that_is_killed_is_a_failure(trained, tmp_path, monkeypatch):
    begin = subprocess.Popen

    def killed(*arguments, **words):
        child = begin(*arguments, **words)
        child.kill()
        child.wait()
        return child

    monkeypatch.setattr(subprocess, "Popen", killed)
    with pytest.raises(Failure, match="train ended with status -9"):
        process.call("train", train_arguments(trained[0]), tmp_path, RUN_ID, True)


def test_child_ends_when_its_parent_is_killed(trained, tmp_path):
    arguments = train_arguments(trained[0], steps=200_000, eval_every=1000)
    code = "import json, sys; from phistar.pipeline.run.process import call; "
    code += "call('train', json.loads(sys.argv[1]), sys.argv[2], '0' * 32, True)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(arguments), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        stderr=subprocess.DEVNULL,
    )
    try:
        until((tmp_path / "journal.jsonl").is_file)  # it trains
        children = psutil.Process(parent.pid).children(recursive=True)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert children
    gone, alive = psutil.wait_procs(children, timeout=120)
    for child in alive:
        child.kill()
    assert not alive
