"""The pipeline's training against a plain Keras script: same network, same batches.

    python bench/overhead.py [--recipe digits] [--repeats 9] [--xla] [key=value ...]

Both train the recipe's network on the same planned batches, with the same optimizer
and precision, for the same steps. Both score valid after every interval: by default a
pass, and there are 6. The script is as one would write it by hand: compile, fit on a
tf.data of the batches, one epoch per interval, valid as validation_data. It does not
augment, so neither does the pipeline. The time begins at the end of the first interval,
so it has no compilation. A large recipe is better cut short:

    python bench/overhead.py --recipe fashion_mnist --repeats 5 train.steps=240 \
        train.eval_every=60

The script runs without XLA, as the pipeline does on a CPU. With --xla it runs as Keras
would by default, which is slower here.
"""

import argparse
import tempfile
import time

from timing import interleaved, interval, machine

from phistar.pipeline.config.load import load
from phistar.pipeline.process import quiet


class Clock:
    """A stage's `log` that only records the time at the end of each evaluation."""

    run_id = "bench"

    def __init__(self):
        self.times = []

    def metrics(self, values, step=0):
        """Record the end of an evaluation; a stage calls it."""
        self.times.append(time.perf_counter())

    def __getattr__(self, name):
        return lambda *args, **kwargs: None

    @property
    def seconds(self):
        """Seconds from the end of the first interval to that of the last."""
        return self.times[-1] - self.times[0]


def main():
    """Print the median ratio pipeline / script and its interval."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("overrides", nargs="*", default=["train.epochs=6"])
    parser.add_argument("--xla", action="store_true", help="the script's default")
    given = parser.parse_args()
    plain = ["train.flip=false", "train.crop=0", "train.scale_jitter=0"]
    config = load(given.recipe, [*plain, *given.overrides], ".").sections
    quiet.import_keras()
    with tempfile.TemporaryDirectory() as folder:
        prepare(config, folder)
        pairs = interleaved(
            lambda: pipeline(config, folder),
            lambda: script(config, folder, "auto" if given.xla else False),
            given.repeats,
        )
    low, median, high, coverage = interval([a / b for a, b in pairs])
    print(machine())
    print(f"{given.recipe} {' '.join(given.overrides)}, {len(pairs)} pairs")
    for name, index in (("pipeline", 0), ("script", 1)):
        print(f"{name:<9} {sorted(p[index] for p in pairs)[len(pairs) // 2]:.3f} s")
    print(
        f"ratio {median:.3f}, median in [{low:.3f}, {high:.3f}] "
        f"({coverage:.0%}); the bar is 1.05"
    )


def prepare(config, folder):
    """Run ingest and build, once."""
    import os

    from phistar.components import build, ingest

    for name in ("ingest", "build"):
        os.mkdir(f"{folder}/{name}")
    ingest.run(config["task"], f"{folder}/ingest", Clock(), **config["ingest"])
    build.run(
        config["task"],
        f"{folder}/ingest",
        f"{folder}/build",
        Clock(),
        **config["build"],
    )


def pipeline(config, folder):
    """Seconds of the stage `train`."""
    from phistar.components import train

    clock = Clock()
    with tempfile.TemporaryDirectory() as out_dir:
        train.run(
            config["task"],
            f"{folder}/ingest",
            f"{folder}/build",
            out_dir,
            clock,
            **config["train"],
        )
    return clock.seconds


def script(config, folder, jit_compile):
    """Seconds of the same training as a plain Keras script."""
    import keras
    import numpy as np
    import tensorflow as tf

    from phistar.components.artifacts import Dataset, load_network
    from phistar.components.data.batches.passes import Plan

    train = config["train"]
    keras.utils.set_random_seed(train["seed"])
    data = Dataset.load(f"{folder}/ingest")
    (x, y), valid = data.split("train"), data.split("valid")
    keras.config.set_dtype_policy(train["precision"])
    model, _ = load_network(f"{folder}/build")
    keras.config.set_dtype_policy("float32")
    plan = Plan(len(y), train["batch_size"], train["seed"])
    steps = train["steps"] or train["epochs"] * plan.steps_per_epoch
    interval_steps = train["eval_every"] or plan.steps_per_epoch
    rows, weights = plan.batches(0, steps)
    x, y = tf.constant(np.asarray(x)), tf.constant(np.asarray(y))
    batches = tf.data.Dataset.from_tensor_slices((rows, weights * len(rows[0])))
    batches = batches.map(lambda r, w: (tf.gather(x, r), tf.gather(y, r), w))
    schedule = keras.optimizers.schedules.CosineDecay(train["learning_rate"], steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=train["weight_decay"])
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=jit_compile)
    clock = Clock()
    model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        steps_per_epoch=interval_steps,
        epochs=steps // interval_steps,
        validation_data=tuple(np.asarray(part) for part in valid),
        shuffle=False,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: clock.metrics({}))
        ],
    )
    return clock.seconds


if __name__ == "__main__":
    main()
