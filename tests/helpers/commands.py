"""The command line as a user runs it, and the runs that MLflow shows afterwards."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from phistar.pipeline.cli.main import main
from phistar.pipeline.record import marks
from phistar.pipeline.run import execution
from phistar.pipeline.tracking import follower, target
from phistar.pipeline.tracking.follower import Follower
from tests.helpers.figures import undrawn
from tests.helpers.verified import verified_here

CODE = Path(__file__).resolve().parents[2]
SHORT = ("train.steps=80", "train.eval_every=10")
LIMIT = 240  # s: a command that hangs fails its test


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def answer(self):
        """The JSON object in the last line of stdout."""
        return json.loads(self.stdout.splitlines()[-1])

    @property
    def digests(self):
        """Stage -> digest of its artifact."""
        return {name: s["digest"] for name, s in self.answer["stages"].items()}

    @property
    def statuses(self):
        """Stage -> "ran" or "cached"."""
        return {name: s["status"] for name, s in self.answer["stages"].items()}


def start(*words, root, code=CODE):
    """Start a command in a new process, with --root and --json; `end` waits for it."""
    root.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "phistar", *words, "--root", str(root), "--json"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(code)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a signal sent to its group stays there
    )


def end(process):
    """Wait for the end of a command.  -> Done."""
    try:
        stdout, stderr = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Done(process.returncode, stdout, stderr)


def phistar(*words, root, code=CODE):
    """Run a command in a new process.  -> Done."""
    return end(start(*words, root=root, code=code))


class Mute(Follower):
    """A follower that sends nothing, as if MLflow were down: `phistar ui` would."""

    def start(self):
        """Start a child that reads its stdin to the end."""
        self.process = subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        return self

    def finish(self, timeout=None):
        """Take away the marks by which the next command would send the runs."""
        for mark in marks.folder(self.root).glob(f"*{marks.SUFFIX}"):
            mark.unlink()
        return super().finish(timeout)


@contextlib.contextmanager
def quickly(mlflow=False, alone=False, drawn=False):
    """Let a run in this process do without its other processes, and without figures.

    Args:
        mlflow, alone, drawn: what is not left out, see `here`.
    """
    with contextlib.ExitStack() as stack:
        if not mlflow:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(execution, "Follower", Mute)
            patch.setattr(follower, "catch_up", lambda root: None)
        if not alone:
            stack.enter_context(verified_here(asked=False))
        if not drawn:
            stack.enter_context(undrawn())
        yield


def here(*words, root, json=True, mlflow=False, alone=False, drawn=False):
    """Run a command in this process, which has TensorFlow in memory.

    A new Python takes seconds to start, so that none is started but by --isolate.

    Args:
        *words: of the command.
        root: project root.
        json: with --json.
        mlflow: send the run to MLflow while it works, as a user's run does.
        alone: check an export in a new process, as a user's run does; else not at all.
        drawn: with figures, as a user's run has.

    Returns:
        Done.
    """
    words = [*map(str, words), "--root", str(root), *["--json"] * json]
    out, err, handler = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    try:
        with (
            quickly(mlflow, alone, drawn),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = main(words)
    except SystemExit as error:
        status = error.code
    finally:
        signal.signal(signal.SIGTERM, handler)
    return Done(status, out.getvalue(), err.getvalue())


def plan(root, *words, code=None):
    """Stage -> its row of `phistar plan`; by another source tree in a new process."""
    words = ("plan", "breast_cancer", *SHORT, *words)
    done = phistar(*words, root=root, code=code) if code else here(*words, root=root)
    assert done.status == 0, done.stderr
    return {row["stage"]: row for row in done.answer["stages"]}


def to_run(rows):
    """Names of the stages that are not cached."""
    return [name for name, row in rows.items() if row["status"] == "run"]


def copy_store(source, root, *stages):
    """Make a project of some stages' artifacts and MLflow's empty tables.  -> root."""
    for stage in stages:
        path = Path("mlruns", "stages", stage)
        shutil.copytree(source / path, root / path)
    (root / "mlruns").mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "empty.db", root / "mlruns" / "mlflow.db")
    return root


def copy_code(to):
    """Copy the source tree, to be changed.  -> its folder."""
    for name in ("phistar", "pipeline", "components", "conf"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CODE / name, to / name, ignore=ignore)
    shutil.copy(CODE / "setup.py", to)
    return to


def edit(path, old, new):
    """Replace a text that occurs once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{text.count(old)} times in {path}: {old!r}"
    path.write_text(text.replace(old, new))


def artifact(root, stage):
    """The folder of a stage's only artifact."""
    (path,) = (root / "mlruns" / "stages" / stage).glob("[!.]*")
    return path


def leftovers(root):
    """Temporary and half-made paths below mlruns."""
    mlruns = root / "mlruns"
    return [*mlruns.glob("stages/*/.*.tmp-*"), *mlruns.glob(".preflight-*")]


def mlflow_runs(root):
    """Runs in MLflow: our run id -> status, name, params, tags, curves, files."""
    client, found, ours = target.Target(root).client, {}, {}
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments)
    for run in runs:
        ours[run.info.run_id] = run.data.tags["phistar.run_id"]
    for run in runs:
        run_id, tags = run.info.run_id, dict(run.data.tags)
        if "mlflow.parentRunId" in tags:
            tags["mlflow.parentRunId"] = ours[tags["mlflow.parentRunId"]]
        found[ours[run_id]] = {
            "name": run.info.run_name,
            "status": run.info.status,
            "params": run.data.params,
            "tags": tags,
            "metrics": {
                name: [
                    (m.step, m.timestamp, m.value)
                    for m in client.get_metric_history(run_id, name)
                ]
                for name in run.data.metrics
            },
            "files": sorted(_files(client, run_id)),
            "data": [i.dataset.digest for i in run.inputs.dataset_inputs],
        }
    return found


def _files(client, run_id, folder=None):
    for file in client.list_artifacts(run_id, folder):
        if file.is_dir:
            yield from _files(client, run_id, file.path)
        else:
            yield file.path


def until(condition, seconds=LIMIT):
    """Wait for the work of another process.  -> the condition's value."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{condition} was never true")
