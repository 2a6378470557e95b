"""The forecast of `phistar plan --hosts`, beside what 1, 2 and 4 local processes take.

    .venv/bin/python bench/scale.py [--repeats 3] [--seconds 6]

Each process has one core, as it would have a host. Four on two cores take turns, so the
forecast of their step is doubled. First the link (JAX's sums over loopback) and the
speed of one process are measured; then the processes train together. Median of all.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median

from overhead import prepare
from timing import machine

from phistar.pipeline.config.load import load
from phistar.pipeline.launch.forecast import Speed, forecast
from phistar.pipeline.launch.leader import free_port
from phistar.pipeline.process import quiet
from phistar.pipeline.run.preflight import times
from phistar.pipeline.run.process import in_child
from phistar.pipeline.run.speed import FEWEST, MOST, PART

COUNTS = (1, 2, 4)
CASES = (  # one whose work is large beside its link, one the other way round
    ("digits", "train.batch_size=64"),
    ("breast_cancer", "build.network=mlp", "build.mlp_dim=2048"),
)
# seconds of a sum of `arrays` of `size` numbers, with JAX, on two processes
LINK = """
import json, sys, time
address, rank, arrays, *sizes = sys.argv[1:]
from phistar.components.training.ranks import join
join(address, int(rank), 2)
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
mesh = Mesh(np.array(jax.devices()), ("ranks",))
split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("ranks",), ()))
add = jax.jit(lambda xs: [x.sum(0) for x in xs], out_shardings=whole)
times = []
for size in map(int, sizes):
    mine = np.ones((1, size), "float32")
    make = jax.make_array_from_process_local_data
    given = [make(split, mine) for _ in range(int(arrays))]
    jax.block_until_ready(add(given))
    taken = []
    for _ in range(30):
        begun = time.perf_counter()
        jax.block_until_ready(add(given))
        taken.append(time.perf_counter() - begun)
    times.append(float(np.median(taken)))
print(json.dumps(times))
"""


def main():
    """Print a table of forecasts and measured steps for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    print(machine())
    quiet.import_keras()
    for recipe, *changes in CASES:
        config = load(recipe, ["train.backend=jax", *changes], ".").sections
        with tempfile.TemporaryDirectory() as folder:
            prepare(config, folder)
            print(f"\n{' '.join([recipe, *changes])}")
            compare(config, Path(folder), given.repeats, given.seconds)


def compare(config, folder, repeats, seconds):
    """Print the forecast and the measured step of each number of processes."""
    cores = sorted(os.sched_getaffinity(0))
    shapes = json.loads((folder / "build" / "network.json").read_text())["shapes"]
    sizes = [math.prod(shape) for shape in shapes]
    latency, bandwidth = link(len(sizes), sum(sizes), cores)
    print(
        f"  link: {1e6 * latency:.0f} us a message, {bandwidth / 1e9:.2f} Gbit/s; "
        f"gradients {4e-6 * sum(sizes):.2f} MB in {len(sizes)} arrays"
    )
    rows = config["train"]["batch_size"]
    train = Trainer(config, folder, cores)
    first, _ = train(1, rows, FEWEST)
    # the same moments for all of them: the load of a machine changes
    kinds = [(1, rows // PART), *((count, rows) for count in COUNTS)]
    found = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for count, size in kinds:
            steps = min(max(round(seconds / first), FEWEST), MOST)
            found[count, size].append(train(count, size, steps)[0])
    step = {kind: median(values) for kind, values in found.items()}
    whole, part = step[1, rows], step[1, rows // PART]
    varying = min(max(0.0, (whole - part) / (1 - 1 / PART)), whole)
    speed = Speed(whole - varying, varying, rows, 4 * sum(sizes), len(sizes), 1, 0, 0.0)
    print("  processes  forecast ms  measured ms  measured / forecast")
    for count in COUNTS:
        turns = -(-count // len(cores))
        said = turns * forecast(speed, count, bandwidth, latency).step
        took = step[count, rows]
        print(
            f"  {count:<10} {1e3 * said:<12.3g} {1e3 * took:<12.3g} {took / said:.2f}"
        )


class Trainer:
    """Short trainings of one network.

    Args:
        config: dict of sections.
        folder: Path, with `ingest` and `build`.
        cores: numbers of those there are; each process has one.
    """

    def __init__(self, config, folder, cores):
        self.config, self.folder, self.cores, self.made = config, folder, cores, 0

    def __call__(self, count, size, steps):
        """Train with `count` processes.  -> (s of a step, s of an evaluation)."""
        self.made += 1
        place = self.folder / str(self.made)
        place.mkdir()
        half = max(steps // 2, 1)
        length = {"batch_size": size, "steps": 2 * half, "eval_every": half}
        arguments = self.config["train"] | length | {"epochs": None}
        arguments |= {"task": self.config["task"]}
        for word, stage in (("dataset", "ingest"), ("network", "build")):
            arguments[word] = str(self.folder / stage)
        address = f"127.0.0.1:{free_port()}"
        request = {"stage": "train", "arguments": arguments, "folder": str(place)}
        request["run_id"] = "0" * 32

        def part(rank):
            ranks = {"address": address, "rank": rank, "count": count}
            core = self.cores[rank % len(self.cores)]
            own = request | ({"ranks": ranks} if count > 1 else {})
            in_child(own, "jax", cores=[core])

        with quiet.startup():  # the children's progress
            together([lambda rank=rank: part(rank) for rank in range(count)])
        return times(place)


def link(arrays, size, cores):
    """(s of a message, bits a second) of JAX's sums between two processes."""
    address, answers = f"127.0.0.1:{free_port()}", {}

    def part(rank):
        words = [address, str(rank), str(arrays), "1", str(max(1, size // arrays))]
        core = cores[rank % len(cores)]
        answers[rank] = subprocess.run(
            [sys.executable, "-c", LINK, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        ).stdout

    together([lambda rank=rank: part(rank) for rank in range(2)])
    small, large = json.loads(answers[0].splitlines()[-1])
    # of two processes: two messages of each array, and its bytes once
    return small / (2 * arrays), 32 * size / max(large - small, 1e-9)


def together(functions):
    """Call functions at the same time, and raise what the first of them raises."""
    raised = []

    def call(function):
        try:
            function()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=call, args=[f]) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


if __name__ == "__main__":
    main()
