"""Start of `phistar launch`: processes on this machine, or a place among hosts."""

import os
import subprocess
import sys
from pathlib import Path

from phistar.pipeline.launch.follower import Follower
from phistar.pipeline.launch.leader import Leader
from phistar.pipeline.launch.place import GROUPS, Place, place_of
from phistar.pipeline.process import quiet
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.root import importing


def join(processes: int | None, typed: list[str], root: Path) -> Leader | None:
    """Take the place of this process.

    Args:
        processes: the option -n.
        typed: the words of the command, `phistar` first.
        root: project root.

    Returns:
        The leader of the others if this is rank 0. If it is another rank: None, once
        rank 0 has ended.

    Raises:
        Failure: there is no such place, or, of another rank, what rank 0 failed of.
    """
    place = place_of(os.environ)
    if place is None:
        return here(processes, typed, root)
    if processes not in (None, place.count):
        raise Failure(
            f"-n and the variables disagree. Received: -n {processes}, and "
            f"{place.count} processes by the environment. Leave -n out.",
            USAGE,
        )
    if not place.rank:
        return Leader(place, root)
    Follower(place, root).follow()
    return None


def here(processes: int | None, typed: list[str], root: Path) -> Leader:
    """The leader of processes on this machine, which start with the training.

    Raises:
        Failure: no number of processes, or too many.
    """
    names = ", ".join(GROUPS[0])
    if processes is None:
        raise Failure(
            "`phistar launch` needs a number of processes. Received: none. Expected -n "
            f"2 for two on this machine; on several hosts {names}, or the variables of "
            "JAX or of SLURM, for each process.",
            USAGE,
        )
    shares = divided(processes, sorted(os.sched_getaffinity(0)), visible_gpus())

    def start(place: Place) -> list[subprocess.Popen]:
        return [
            start_rank(place._replace(rank=rank), typed, root)
            for rank in range(1, processes)
        ]

    return Leader(Place("127.0.0.1", 0, processes, 0), root, shares, start)


def divided(count: int, cores: list[int], gpus: list[str]) -> list[dict]:
    """Cores and GPUs of each process on one machine.

    Args:
        count: processes.
        cores: numbers of those there are.
        gpus: names of those there are.

    Returns:
        list of {"cores", "gpus"}, as `process.in_child` takes them.

    Raises:
        Failure: there are not enough for each to have its own.
    """
    least = min(len(cores), len(gpus) or len(cores))
    if count > least:
        what = "GPUs" if 0 < len(gpus) == least else "cores"
        raise Failure(
            f"more processes than {what} of this machine. Received: -n {count}, and "
            f"{least} {what}. Expected -n {least} at most. To use more machines, leave "
            "-n out and run the command on each host, with "
            f"{', '.join(GROUPS[0])} set.",
            USAGE,
        )
    return [
        {
            "cores": cores[rank::count],
            "gpus": ",".join(gpus[rank::count]) if gpus else None,
        }
        for rank in range(count)
    ]


def visible_gpus() -> list[str]:
    """Names of this machine's GPUs, as CUDA_VISIBLE_DEVICES gives them."""
    if not quiet.has_driver():
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name and name != "-1"]
    return [str(i) for i, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def start_rank(place: Place, typed: list[str], root: Path) -> subprocess.Popen:
    """Start another rank on this machine: the same command, at its own place."""
    words = [sys.executable, "-m", "phistar", *typed[1:], "--root", str(root)]
    return subprocess.Popen(
        words,
        env=os.environ | place.variables() | importing(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # rank 0 tells it all
        stderr=subprocess.DEVNULL,
    )
