"""A training step on tiny data, inside `fit`, beside a hand-written loop.

    python bench/tiny.py [--repeats 9]

The time between evaluations is divided by the steps. The recipe is `breast_cancer`:
about 400 rows of 30 numbers, batch 32, a linear network. The loop is a tf.function over
the same planned batches, with gradient, momentum and decay written out.
"""

import argparse
import tempfile
import time

from overhead import Clock, prepare
from timing import interleaved, interval, machine

from phistar.pipeline.config.load import load
from phistar.pipeline.process import quiet


class StepClock(Clock):
    """A clock of the time from an evaluation's end to the last step before the next."""

    def __init__(self):
        super().__init__()
        self.total, self.steps, self.last_step = 0.0, 0, 0

    def progress(self, step, total, values):
        """Add the time of an execution; a stage calls it at its end."""
        if self.times:  # the first interval compiles
            now = time.perf_counter()
            self.total += now - self.begin
            self.steps += step - self.last_step
            self.begin = now
        self.last_step = step

    def metrics(self, values, step=0):
        """Start the time again at the end of an evaluation; a stage calls it."""
        super().metrics(values, step)
        self.begin = time.perf_counter()


def main():
    """Print the median milliseconds per step of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    config = load("breast_cancer", [], ".").sections
    quiet.import_keras()
    with tempfile.TemporaryDirectory() as folder:
        prepare(config, folder)
        pairs = interleaved(
            lambda: pipeline(config, folder),
            lambda: loop(config, folder),
            given.repeats,
        )
    print(machine())
    print(f"breast_cancer, {len(pairs)} pairs, ms a step between evaluations")
    for name, index in (("fit", 0), ("loop", 1)):
        low, median, high, coverage = interval([1000 * pair[index] for pair in pairs])
        bounds = f"median in [{low:.3f}, {high:.3f}] ({coverage:.0%})"
        print(f"{name:<5} {median:.3f}, {bounds}")
    print("the bar for fit is 0.2 ms")


def pipeline(config, folder):
    """Seconds per step of the stage `train`."""
    from phistar.components import train

    clock = StepClock()
    with tempfile.TemporaryDirectory() as out_dir:
        train.run(
            config["task"],
            f"{folder}/ingest",
            f"{folder}/build",
            out_dir,
            clock,
            **config["train"],
        )
    return clock.total / clock.steps


def loop(config, folder):
    """Seconds per step of a compiled loop written for this one model."""
    import math

    import numpy as np
    import tensorflow as tf

    from phistar.components.artifacts import Dataset
    from phistar.components.data.batches.passes import Plan

    train = config["train"]
    inputs, labels = Dataset.load(f"{folder}/ingest").split("train")
    plan = Plan(len(labels), train["batch_size"], train["seed"])
    rows, weights = map(tf.constant, plan.batches(0, train["steps"]))
    x, y = tf.constant(np.asarray(inputs)), tf.constant(np.asarray(labels, "float32"))
    w, b = tf.Variable(tf.zeros([x.shape[1]])), tf.Variable(0.0)
    w_momentum, b_momentum = tf.Variable(tf.zeros_like(w)), tf.Variable(0.0)

    @tf.function
    def steps(start, stop):
        for step in tf.range(start, stop):
            batch, target = tf.gather(x, rows[step]), tf.gather(y, rows[step])
            margin = 2.0 * target * (tf.linalg.matvec(batch, w) + b)
            slope = -2.0 * target * tf.sigmoid(-margin) * weights[step]
            share = tf.cast(step, tf.float32) / train["steps"]
            rate = train["learning_rate"] * (1 + tf.cos(math.pi * share)) / 2
            gradient = tf.linalg.matvec(batch, slope, transpose_a=True)
            gradient += train["weight_decay"] * w
            w_momentum.assign(train["momentum"] * w_momentum - rate * gradient)
            b_momentum.assign(
                train["momentum"] * b_momentum - rate * tf.reduce_sum(slope)
            )
            w.assign_add(w_momentum)
            b.assign_add(b_momentum)

    every = train["eval_every"]
    steps(tf.constant(0), tf.constant(every))
    begin = time.perf_counter()
    for start in range(every, train["steps"], every):
        steps(tf.constant(start), tf.constant(start + every))
        w.numpy()
    return (time.perf_counter() - begin) / (train["steps"] - every)


if __name__ == "__main__":
    main()
