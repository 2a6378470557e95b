"""One pipeline execution: its record, its MLflow run, its end."""

import contextlib
import os
import platform
import subprocess
import uuid
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from pipeline.record.journal import Record, alive, read_all
from pipeline.tracking.follower import Follower

PACKAGES = ("phistar", "tensorflow", "keras", "mlflow", "numpy")


@contextlib.contextmanager
def execution(
    root, config, command, complete=True, parent=None, follower=None, seeds=None
):
    """A record that is open in the block and says how the block ended.

    MLflow is fed meanwhile, and has been fed, or given up on, afterwards.

    An execution of the same config and commit that stopped before the last stage,
    or was killed, is gone on with: it stays one run. Not so a parent and its
    children, which begin anew, with what is in the store.

    Args:
        root: project root.
        config: Config.
        command: list of str, what the user typed.
        complete: whether the block goes to the last stage.
        parent: run_id of the execution that this one belongs to.
        follower: the parent's Follower; default: one of its own.
        seeds: number of executions that this one is the parent of.

    Yields:
        (Record, Follower).
    """
    params, tags, record = flat(config), versions(), None
    if seeds:
        tags["seeds"] = str(seeds)
    elif not parent:
        record = unfinished(root, config.name, params, tags)
    if record is None:
        record = Record(root, uuid.uuid4().hex)
        record.append(
            "start",
            experiment=config.name,
            name=name(config, command, parent),
            command=" ".join(command),
            parent=parent,
            params=params,
            tags=tags,
        )
    else:
        record.append("resume", command=" ".join(command))
    if parent:
        follower.add(record.run_id)
    else:
        follower = Follower(root, record.run_id).start()
    status = "FAILED"
    try:
        yield record, follower
        status = "FINISHED" if complete else "SCHEDULED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        record.append("end", status=status)
        if not parent:
            follower.finish()


def name(config, command, parent):
    """What MLflow lists a run as: the recipe and the overrides, or a child's seed."""
    if parent:
        return f"seed {config.sections['train']['seed']}"
    overrides = [
        word
        for before, word in pairwise(command)
        if "=" in word and word[0] != "-" and before != "--root"
    ]
    return " ".join([config.name, *overrides])


def unfinished(root, experiment, params, tags):
    """The newest execution of this config and code that can be gone on with.

    Returns:
        Record, or None.
    """
    for record, entries in reversed(read_all(root)):
        start, last = entries[0], entries[-1]
        same = (
            start["experiment"] == experiment
            and start["params"] == params
            and start["tags"] == tags
            and not start.get("parent")
        )
        if not same:
            continue
        if last["kind"] == "end":
            stopped = last["status"] in ("SCHEDULED", "KILLED")
        else:
            stopped = not alive(entries)
        # only the newest: an older one has been overtaken
        return record if stopped else None
    return None


def flat(config):
    """The resolved config as MLflow parameters: {"train.steps": 600}; None left out."""
    return {
        f"{section}.{key}": value
        for section, values in config.sections.items()
        for key, value in values.items()
        if value is not None
    }


def versions():
    """Which code this is.  -> dict of tags."""
    source = Path(__file__).resolve().parents[2]
    tags = {f"version.{name}": version(name) for name in PACKAGES}
    tags["version.python"] = platform.python_version()
    tags["num_cpus"] = str(len(os.sched_getaffinity(0)))

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", source, *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    # a wheel has no repository; neither has a machine without git
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if Path(git("rev-parse", "--show-toplevel")) == source:
            tags["git_commit"] = git("rev-parse", "HEAD")
            tags["git_dirty"] = str(bool(git("status", "--porcelain"))).lower()
    return tags
