"""The name, parameters and tags of a run: they are made here, for record and MLflow.

name      the network, and the differences: "mlp · lr 0.01 · seed 2"

params    the keys that the run reads: {"train.steps": 600}

tags      version.*, env.*, num_cpus, git_commit, git_dirty, seeds   of the run
          key.<stage>, cached_from.<stage>                           of each stage
"""

import contextlib
import os
import platform
import subprocess
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phistar import SOURCE
from phistar.pipeline.config.idle import idle
from phistar.pipeline.config.recipes import headline
from phistar.pipeline.store.keys import flat

if TYPE_CHECKING:  # its import would take longer than some commands
    from phistar.pipeline.config.load import Config

PACKAGES = ("phistar", "tensorflow", "keras", "mlflow", "numpy")
# variables of the user by which the same code computes otherwise, in its last digits
COMPUTING = (
    *("TF_ENABLE_ONEDNN_OPTS", "TF_DETERMINISTIC_OPS", "TF_XLA_FLAGS", "XLA_FLAGS"),
    *("NVIDIA_TF32_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION", "JAX_ENABLE_X64"),
    *("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)
SEEDS = ("ingest.seed", "build.seed", "train.seed")
BETWEEN = " · "
LONGEST = 100  # letters of a name
NETWORK = "build.network"  # every name begins with it
# keys whose value needs no word before it
PLAIN = (
    *("task.name", "task.tokenizer", "ingest.source"),
    *("train.loss", "train.optimizer", "train.backend", "train.precision"),
)
WORDS = {
    "train.learning_rate": "lr",
    "train.batch_size": "batch",
    "train.batch_tokens": "tokens",
    "train.seed": "seed",
    "build.seed": "weights seed",
    "ingest.seed": "split seed",
}


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
        "name": run_name(config, parent, seeds),
        "command": " ".join(command),
        "parent": parent,
        "question": headline(config.path) if config.path else "",
        "params": params(config),
        "config": config.to_yaml(),
        "tags": version_tags() | ({"seeds": str(seeds)} if seeds else {}),
    }


def stage_tags(stage: str, key: str, cached_from: str) -> dict[str, str]:
    """The tags of a stage: its key, and another run that made it ("" if none did)."""
    made_by = {f"cached_from.{stage}": cached_from} if cached_from else {}
    return {f"key.{stage}": key} | made_by


def run_name(config: "Config", parent: str | None, seeds: int | None = None) -> str:
    """Name in MLflow's list: the network and the differences; or a child's seed."""
    if parent:
        return f"seed {config.sections['train']['seed']}"
    changed = {k: v for k, v in config.changed.items() if k != NETWORK}
    if len({changed.get(key) for key in SEEDS}) == 1:  # one word for three
        changed = {k: v for k, v in changed.items() if k not in SEEDS[:2]}
    words = [special(key, value) for key, value in changed.items() if value is not None]
    words += [f"{seeds} seeds"] if seeds else []
    name = BETWEEN.join([config.sections["build"]["network"], *words])
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def special(key: str, value: Any) -> str:
    """A key with its value in few words: "lr 0.01", "no flip", "hinge"."""
    word = WORDS.get(key, key.partition(".")[2].replace("_", " "))
    if isinstance(value, bool):
        return word if value else f"no {word}"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(value, str) and "/" in value:
        value = Path(value).name
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return shown if key in PLAIN else f"{word} {shown}"


def unused(name: str, taken: Collection[str]) -> str:
    """A name that no other run has: "mlp", else "mlp · again 2"."""
    count, free = 1, name
    while free in taken:
        count += 1
        free = f"{name}{BETWEEN}again {count}"
    return free


def params(config: "Config") -> dict:
    """The keys of the resolved config that have a value and a meaning."""
    left_out = idle(config.sections)
    return {
        key: value
        for key, value in flat(config.sections).items()
        if value is not None and key not in left_out
    }


def version_tags() -> dict[str, str]:
    """Versions of the code and of its libraries, and the number of CPUs."""
    tags = {f"version.{name}": version(name) for name in PACKAGES}
    tags["version.python"] = platform.python_version()
    given = {name: os.environ.get(name) for name in COMPUTING}
    tags |= {f"env.{name}": value for name, value in given.items() if value}
    tags["num_cpus"] = str(len(os.sched_getaffinity(0)))

    def git(*arguments: str) -> str:
        command, hidden = ["git", "-C", SOURCE, *arguments], subprocess.DEVNULL
        return subprocess.check_output(command, text=True, stderr=hidden).strip()

    # a wheel has no repository, and a machine may have no git
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if Path(git("rev-parse", "--show-toplevel")) == SOURCE:
            tags["git_commit"] = git("rev-parse", "HEAD")
            tags["git_dirty"] = str(bool(git("status", "--porcelain"))).lower()
    return tags
