"""Share of the training time that checkpoints take.

    python bench/checkpoint.py [--repeats 9]

The stage `train` runs with its checkpoints and without, one right after the other, in a
process that has imported keras. fashion_mnist is cut to four intervals of 60 steps, so
it has seven times as many borders as the recipe. The two runs of breast_cancer take
about one second and a few seconds, so there a checkpoint weighs most. The share is also
measured directly, as the time inside `Checkpoints.save`: noise of a shared machine
changes it little.
"""

import argparse
import tempfile
import time
from statistics import median

from overhead import Clock, prepare
from timing import interleaved, interval, machine

from phistar.pipeline.config.load import load
from phistar.pipeline.process import quiet

CASES = (
    ("fashion_mnist", "train.epochs=null", "train.steps=240", "train.eval_every=60"),
    ("digits", "train.epochs=10"),
    ("breast_cancer",),
    ("breast_cancer", "train.steps=40000"),
)


def main():
    """Print the share for each case, by pairs of runs and by the clock."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    quiet.import_keras()
    print(machine())
    for recipe, *overrides in CASES:
        print(" ".join([recipe, *overrides]))
        compare(load(recipe, overrides, ".").sections, given.repeats)


def compare(config, repeats):
    """Print the share of one case."""
    shares, counts = [], []

    def with_checkpoints():
        seconds, saving = training(config, folder)
        shares.append(100 * sum(saving) / seconds)
        counts.append(len(saving))
        return seconds

    def without():
        return training(config, folder, checkpoints=False)[0]

    with tempfile.TemporaryDirectory() as folder:
        prepare(config, folder)
        pairs = interleaved(with_checkpoints, without, repeats)
    low, middle, high, coverage = interval([100 * (a / b - 1) for a, b in pairs])
    print(
        f"  {median(a for a, _ in pairs):.2f} s with {median(counts):g} checkpoints, "
        f"{median(b for _, b in pairs):.2f} s without, {len(pairs)} pairs"
    )
    print(
        f"  {middle:+.1f} % by the pairs, median in [{low:+.1f}, {high:+.1f}] "
        f"({coverage:.0%}); {median(shares):.2f} % by the clock; the bar is 3 %"
    )


def training(config, folder, checkpoints=True):
    """(seconds of the stage `train`, list of the seconds of each checkpoint)."""
    from phistar.components import train
    from phistar.components.training.checkpoints import Checkpoints

    save, saving = Checkpoints.save, []

    def timed(self, step):
        begin, before = time.perf_counter(), self.next
        save(self, step)
        if self.next != before:
            saving.append(time.perf_counter() - begin)

    Checkpoints.save = timed if checkpoints else lambda self, step: None
    try:
        with tempfile.TemporaryDirectory() as out_dir:
            begin = time.perf_counter()
            train.run(
                config["task"],
                f"{folder}/ingest",
                f"{folder}/build",
                out_dir,
                Clock(),
                **config["train"],
            )
            return time.perf_counter() - begin, saving
    finally:
        Checkpoints.save = save


if __name__ == "__main__":
    main()
