"""The name, parameters and tags of a run: they are made here, for record and MLflow.

name      recipe and overrides, or `seed N` for a run under a parent
params    the resolved config: {"train.steps": 600}
tags      version.*, num_cpus, git_commit, git_dirty, seeds          of the run
          key.<stage>, cached_from.<stage>                           of each stage
"""

import contextlib
import os
import platform
import subprocess
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.store.keys import flat

if TYPE_CHECKING:  # its import would take longer than some commands
    from pipeline.config.load import Config

PACKAGES = ("phistar", "tensorflow", "keras", "mlflow", "numpy")


def run_entry(
    config: "Config",
    command: list[str],
    parent: str | None = None,
    seeds: int | None = None,
) -> dict:
    """The fields of the entry that starts a record.

    Args:
        config: the resolved config.
        command: the words that the user typed.
        parent: run_id of the execution that this one belongs to.
        seeds: number of executions that this one is the parent of.
    """
    return {
        "experiment": config.name,
        "name": run_name(config, command, parent),
        "command": " ".join(command),
        "parent": parent,
        "params": params(config),
        "tags": version_tags() | ({"seeds": str(seeds)} if seeds else {}),
    }


def stage_tags(stage: str, key: str, cached_from: str) -> dict[str, str]:
    """The tags of a stage: its key, and another run that made it ("" if none did)."""
    made_by = {f"cached_from.{stage}": cached_from} if cached_from else {}
    return {f"key.{stage}": key} | made_by


def run_name(config: "Config", command: list[str], parent: str | None) -> str:
    """Name in MLflow's list: the recipe and the overrides, or a child's seed."""
    if parent:
        return f"seed {config.sections['train']['seed']}"
    overrides = [
        word
        for before, word in pairwise(command)
        if "=" in word and word[0] != "-" and before != "--root"
    ]
    return " ".join([config.name, *overrides])


def params(config: "Config") -> dict:
    """The resolved config as MLflow parameters; None is left out."""
    return {k: v for k, v in flat(config.sections).items() if v is not None}


def version_tags() -> dict[str, str]:
    """Versions of the code and of its libraries, and the number of CPUs."""
    source = Path(__file__).resolve().parents[2]
    tags = {f"version.{name}": version(name) for name in PACKAGES}
    tags["version.python"] = platform.python_version()
    tags["num_cpus"] = str(len(os.sched_getaffinity(0)))

    def git(*arguments: str) -> str:
        command, hidden = ["git", "-C", source, *arguments], subprocess.DEVNULL
        return subprocess.check_output(command, text=True, stderr=hidden).strip()

    # a wheel has no repository, and a machine may have no git
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if Path(git("rev-parse", "--show-toplevel")) == source:
            tags["git_commit"] = git("rev-parse", "HEAD")
            tags["git_dirty"] = str(bool(git("status", "--porcelain"))).lower()
    return tags
