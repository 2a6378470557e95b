"""What 1,024 hosts and 10^12 tokens would ask of each part, from simulations here.

    .venv/bin/python bench/scale_sim.py

Each part runs as it is, on as much as this machine holds. The rest is multiplication,
by a factor that is printed. Times are of one process.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from overhead import Clock
from timing import machine

from phistar.components.data.batches.passes import PackedPlan, Share
from phistar.components.hashing import file_sha256
from phistar.pipeline.launch.leader import Leader
from phistar.pipeline.launch.line import BEAT_SECONDS
from phistar.pipeline.launch.place import Place
from phistar.pipeline.launch.version import version
from phistar.pipeline.record.journal import Journal, read

HOSTS, TOKENS = 1024, 10**12
CONTEXT, STEP_TOKENS = 1024, 2**22  # of a window, of a step
STEPS = TOKENS // STEP_TOKENS
EVERY = 1000  # steps between two evaluations
WEIGHTS = 10**10
GB = 1e9

# The other ranks, without their training: they come, look, and say that they live.
OTHERS = """
import json, selectors, socket, sys, time
port, count, version = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
chosen = selectors.DefaultSelector()
for rank in range(1, count):
    line = socket.create_connection(("127.0.0.1", port))
    hello = {"rank": rank, "count": count, "host": "here", "pid": 1, "version": version}
    line.sendall(json.dumps(hello).encode() + b"\\n")
    chosen.register(line, selectors.EVENT_READ, False)
beat = time.monotonic()
while True:
    for key, _ in chosen.select(0.2):
        if not (data := key.fileobj.recv(4096)):
            sys.exit()
        if b"store" in data:
            key.fileobj.sendall(b'{"seen": true}\\n')
    if time.monotonic() - beat > 5:
        beat = time.monotonic()
        for key in list(chosen.get_map().values()):
            key.fileobj.sendall(b"{}\\n")
"""


def main():
    """Print a line for each part."""
    print(f"{machine()}; {HOSTS:,} hosts, {TOKENS:.0e} tokens, {STEPS:,} steps")
    with tempfile.TemporaryDirectory() as folder:
        for part in (ranks, plans, journals, mlflow, hashes, checkpoints, tokens):
            print(f"\n{part.__doc__.splitlines()[0]}")
            for line in part(Path(folder)):
                print(f"  {line}")


def ranks(folder):
    """Lines between rank 0 and the others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 4 * HOSTS) if hard > 0 else 4 * HOSTS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with Leader(Place("127.0.0.1", 0, HOSTS, 0), folder) as leader:
        begun = time.perf_counter()
        words = [str(leader.place.port), str(HOSTS), version()]
        others = subprocess.Popen([sys.executable, "-c", OTHERS, *words])
        try:
            leader._gather()
            gathered = time.perf_counter() - begun
            cpu, begun = time.process_time(), time.perf_counter()
            time.sleep(4 * BEAT_SECONDS)
            share = (time.process_time() - cpu) / (time.perf_counter() - begun)
            alive = len(leader.gate.lines)
        finally:
            others.kill()
            others.wait()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    yield (
        f"{alive + 1:,} of {HOSTS:,} gathered in {gathered:.1f} s, on loopback; then "
        f"rank 0 spends {share:.1%} of a core on signs of life, in {memory:.0f} MiB"
    )


def plans(folder):
    """Plan of the batches: every host has the order of a whole pass."""
    windows = 10**6
    texts = np.full(windows, CONTEXT, "int64")
    plan = PackedPlan(np.cumsum([0, *texts]), CONTEXT, STEP_TOKENS // CONTEXT, 0)
    begun = time.perf_counter()
    orders = plan.pass_of(0)
    ordered = time.perf_counter() - begun
    begun = time.perf_counter()
    for step in range(20):
        Share(plan, step, HOSTS).batch(step)
    step = (time.perf_counter() - begun) / 20
    size = sum(order.nbytes for order in orders) + plan.offsets.nbytes
    factor = TOKENS / CONTEXT / windows
    yield (
        f"{windows:,} windows: {size / 2**20:.0f} MiB, {ordered:.2f} s a pass; "
        f"x {factor:,.0f}: {factor * size / GB:.0f} GB and {factor * ordered:,.0f} s, "
        "on every host"
    )
    yield (
        f"its rows of a step of {STEP_TOKENS:,} tokens: {1e3 * step:.2f} ms, on each"
    )


def journals(folder):
    """Journal of the training."""
    points = STEPS // EVERY
    log = Journal(folder / "journal.jsonl")
    values = {"train_loss": 2.345678, "valid_nll": 2.123456, "learning_rate": 1e-3}
    begun = time.perf_counter()
    with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
        for point in range(points):
            log.metrics(values, point * EVERY)
    wrote = time.perf_counter() - begun
    begun = time.perf_counter()
    read(folder / "journal.jsonl")
    took = time.perf_counter() - begun
    size = (folder / "journal.jsonl").stat().st_size
    yield (
        f"{points} evaluations: {size / 1e3:.0f} kB, {1e3 * wrote:.0f} ms to write, "
        f"{1e3 * took:.1f} ms to read; rank 0 alone has one"
    )


def mlflow(folder):
    """MLflow: points of the curves, in SQLite."""
    from phistar.pipeline.tracking.target import Target

    client = Target(folder).client
    from mlflow.entities import Metric

    experiment = client.create_experiment("scale")
    run = client.create_run(experiment).info.run_id
    points, names = STEPS // EVERY, ("train/loss", "valid/nll", "learning_rate")
    begun = time.perf_counter()
    for point in range(points):
        each = [Metric(name, 1.0 / (1 + point), point, point) for name in names]
        client.log_batch(run, metrics=each)
    took = time.perf_counter() - begun
    size = (folder / "mlruns" / "mlflow.db").stat().st_size
    yield (
        f"{points} points of {len(names)} curves: {took:.1f} s, the database "
        f"{size / 1e6:.1f} MB; one run, whatever the hosts"
    )


def hashes(folder):
    """Store: SHA-256 of what ingest has written, by the stage and by each run."""
    size = 2**28
    (folder / "tokens").write_bytes(os.urandom(size))
    begun = time.perf_counter()
    file_sha256(folder / "tokens")
    speed = size / (time.perf_counter() - begun)
    yield (
        f"{speed / 1e6:.0f} MB/s; tokens of 2 bytes are {2 * TOKENS / GB:,.0f} GB: "
        f"{2 * TOKENS / speed / 3600:.1f} hours on one core"
    )


def checkpoints(folder):
    """Checkpoints: weights and two moments of AdamW, in float32."""
    size = 2**27
    array = np.ones(size // 4, "float32")
    begun = time.perf_counter()
    with open(folder / "variables.npz", "wb") as file:
        np.savez(file, array)
        file.flush()
        os.fsync(file.fileno())
    wrote = size / (time.perf_counter() - begun)
    total = 12 * WEIGHTS
    yield (
        f"{wrote / 1e6:.0f} MB/s to this disk; {WEIGHTS:.0e} weights are "
        f"{total / GB:.0f} GB: {total / wrote / 60:.0f} minutes, and all hosts wait"
    )
    yield (
        f"a restart: {HOSTS:,} hosts read {HOSTS * total / 1e12:.0f} TB from the store"
    )


def tokens(folder):
    """Ingest: the stage itself, on texts whose tokens are their bytes."""
    from phistar.pipeline.process import quiet

    quiet.import_keras()
    from phistar.components import ingest

    (folder / "texts").mkdir()
    (folder / "ingest").mkdir()
    rng, size = np.random.default_rng(0), 0
    words = np.array(["the", "same", "command", "goes", "on", "where", "it", "stopped"])
    for number in range(200):
        text = " ".join(rng.choice(words, 20_000))
        size += (folder / "texts" / f"{number}.txt").write_text(text)
    task = {"name": "language", "tokenizer": "bytes"}
    keys = {"source": "text", "path": str(folder / "texts")}
    begun = time.perf_counter()
    ingest.run(task, str(folder / "ingest"), Clock(), **keys)
    speed = size / (time.perf_counter() - begun)
    hours = TOKENS / speed / 3600
    yield (
        f"{size / 1e6:.0f} MB at {speed / 1e6:.1f} MB/s; 1e12 bytes: {hours:,.0f} "
        f"hours by one process, {60 * hours / HOSTS:.1f} minutes by one on each host"
    )


if __name__ == "__main__":
    main()
