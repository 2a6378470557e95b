"""Peak memory of ingest, train and evaluate at 1, 4 and 16 times the rows.

    python bench/memory.py [--rows 10000] [--figure docs/memory.png]

Each stage runs in a process of its own, whose memory is sampled 50 times a second.
Resident memory is all in RAM, pages of memory-mapped files included; the system takes
those back when it needs them. Anonymous memory is the part without them. The data are
random images of 64x64x3, generated piece by piece, and a CSV file of 20 columns with 5
rows for each image.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from overhead import Clock
from timing import machine

from phistar.pipeline.cli.printing import table
from phistar.pipeline.process import quiet

TIMES = (1, 4, 16)
STAGES = ("ingest", "build", "train", "evaluate")
SHAPE = (64, 64, 3)
PIECE_ROWS = 512  # images generated at a time
COLUMNS = 20
ROWS_PER_IMAGE = 5
STEPS = 100
TASK = {"name": "multiclass"}


def main():
    """Print peak memory by stage and rows, and plot it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000, help="images at 1x")
    parser.add_argument("--figure", type=Path, help="PNG file to write")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(*given.child)
    peaks = {
        (kind, stage, times): peak
        for kind in ("images", "csv")
        for times in TIMES
        for stage, peak in measure(kind, times * given.rows).items()
    }
    lines = [["MiB", "", *(f"{times}x" for times in TIMES)]]
    for kind, stage in dict.fromkeys(key[:2] for key in peaks):
        for i, name in enumerate(("resident", "anonymous")):
            found = [f"{peaks[kind, stage, t][i] / 2**20:.0f}" for t in TIMES]
            lines.append([f"{kind} {stage}", name, *found])
    print(machine())
    print(
        f"peak memory; 1x is {given.rows} images, {given.rows * np.prod(SHAPE) >> 20} "
        f"MiB of pixels, or {given.rows * ROWS_PER_IMAGE} rows of CSV"
    )
    print("\n".join(table(lines)))
    if given.figure:
        plot(peaks, given.figure)


def measure(kind, rows):
    """Peak memory of each stage.  -> dict of stage -> (resident, anonymous), bytes."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "csv":
            write_csv(Path(folder) / "t.csv", rows * ROWS_PER_IMAGE)
        peaks = {stage: watched(kind, str(rows), stage, folder) for stage in STAGES}
    del peaks["build"]  # it reads no rows
    return peaks


def watched(*arguments):
    """Run a stage in a child.  -> [peak resident, peak anonymous], bytes."""
    process = subprocess.Popen([sys.executable, __file__, "--child", *arguments])
    peak = [0, 0]
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            for i, name in enumerate(("VmRSS:", "RssAnon:")):
                if line.startswith(name):
                    peak[i] = max(peak[i], int(line.split()[1]) * 1024)
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"the stage failed: {arguments}")
    return peak


def child(kind, rows, stage, folder):
    """Run one stage, as the runner would."""
    quiet.import_keras()
    from phistar.components import build, evaluate, ingest, train

    if kind == "images":
        source = images(int(rows))
        ingest.source_function = lambda _: lambda: source
        options = {"source": "made"}
        network = {"network": "vgg_small", "num_blocks": 3, "width": 4}
    else:
        options = {"source": "table", "path": f"{folder}/t.csv", "label": "y"}
        network = {"network": "mlp"}
    steps = {"steps": STEPS, "eval_every": STEPS, "batch_size": 128}
    run, given = {
        "ingest": (ingest.run, options),
        "build": (build.run, network),
        "train": (train.run, steps | {"loss": "cross_entropy", "learning_rate": 1e-3}),
        "evaluate": (evaluate.run, {}),
    }[stage]
    reads = {
        "dataset": "ingest",
        "network": "train" if stage == "evaluate" else "build",
    }
    used = {"ingest": 0, "build": 1}.get(stage, 2)
    given |= {word: f"{folder}/{reads[word]}" for word in list(reads)[:used]}
    out_dir = Path(folder) / stage
    out_dir.mkdir()
    run(TASK, out_dir=str(out_dir), log=Clock(), **given)


def images(rows):
    """A Source of random images, generated again in each pass."""
    from phistar.components.data.sources.base import Chunks, Rows, Source

    def pieces():
        rng = np.random.default_rng(0)
        for start in range(0, rows, PIECE_ROWS):
            shape = (min(PIECE_ROWS, rows - start), *SHAPE)
            labels = rng.integers(0, 10, shape[0]).astype("str")
            yield Rows(rng.integers(0, 256, shape, "uint8"), labels)

    return Source("made", "images", {}, lambda: {"all": Chunks(pieces)})


def write_csv(path, rows):
    """Write random numbers, and a label that depends on the first a little."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join([*(f"x{i}" for i in range(COLUMNS)), "y"]) + "\n")
        for start in range(0, rows, 1000):
            block = rng.normal(size=(min(1000, rows - start), COLUMNS))
            labels = np.where(block[:, 0] > rng.normal(size=len(block)), "yes", "no")
            for values, label in zip(block.tolist(), labels, strict=True):
                file.write(",".join(f"{x:.6g}" for x in values) + f",{label}\n")


def plot(peaks, path):
    """Plot peak memory over rows, a line for each stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    for axes, (i, name) in zip(
        figure.subplots(1, 2, sharey=True),
        enumerate(("resident", "anonymous")),
        strict=True,
    ):
        for kind, stage in dict.fromkeys(key[:2] for key in peaks):
            values = [peaks[kind, stage, t][i] / 2**20 for t in TIMES]
            axes.plot(TIMES, values, marker="o", label=f"{kind}, {stage}")
        axes.set_xscale("log", base=2)
        axes.set(title=f"peak {name} memory", xlabel="times the rows", xticks=TIMES)
        axes.set_xticklabels([f"{t}x" for t in TIMES])
        axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    figure.supylabel("MiB")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
