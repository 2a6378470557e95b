"""Trainings by several processes, and the processes of a launched command."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil

from phistar.pipeline.launch.place import Place
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.run.process import in_child
from tests.helpers.commands import CODE

RUN_ID = "0" * 32
# XLA with few passes of LLVM: most of JAX's time for a small network
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def free_port():
    """A port of 127.0.0.1 that no program has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def train(arguments, folder, count, started=lambda child: None):
    """Run the stage train in so many processes, without `phistar launch`.

    Args:
        arguments: of the stage, but for its backend.
        folder: Path of its output, which exists.
        count: processes.
        started: called with each of them.

    Returns:
        list of the Failures, at most one of each process.
    """
    failures, address = [], f"127.0.0.1:{free_port()}"
    request = {"stage": "train", "folder": str(folder), "run_id": RUN_ID}
    request["arguments"] = arguments | {"backend": "jax"}

    def part(rank):
        ranks = {"address": address, "rank": rank, "count": count}
        try:
            in_child(
                request | {"ranks": ranks if count > 1 else None},
                "jax",
                started=started,
            )
        except Failure as failure:
            failures.append(failure)

    threads = [threading.Thread(target=part, args=[rank]) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def weights(folder):
    """All weights of a network, as one vector."""
    with np.load(Path(folder) / "weights.npz") as arrays:
        return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])


def on_hosts(words, root, count):
    """Start the same command at every place of `count`, on this machine's loopback.

    Returns:
        list of Popen, rank 0 first.
    """
    root.mkdir(parents=True, exist_ok=True)
    port = free_port()
    return [
        subprocess.Popen(
            [sys.executable, "-m", "phistar", *words, "--root", str(root), "--json"],
            cwd=root,
            env=os.environ
            | {"PYTHONPATH": str(CODE)}
            | Place("127.0.0.1", port, count, rank).variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for rank in range(count)
    ]


def ranks_of(process):
    """The processes that a launched training has: of each rank two."""
    words = ("phistar.pipeline.run.process", "launch")
    found = [psutil.Process(process.pid)]
    found += found[0].children(recursive=True)
    return [each for each in found if any(word in each.cmdline() for word in words)]
