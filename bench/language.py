"""Our language model against nanoGPT's CPU setting, on the King James Bible.

    python bench/language.py --torch /a/venv/bin/python [--repeats 9]

With --torch a Python that has torch (in another environment: `pip install torch`) runs
bench/peers/nanogpt.py. These are timed one right after the other, at its shapes: 4
layers, 4 heads, width 128, context 64, batches of 12, no dropout.

    a training step     as the stage `train` takes it, in the recipe's precision,
                        clipping included; torch in float32, and autocast to bfloat16
    sampling            the SavedModel's `sample` against an uncached `generate`, tokens
                        a second, for one text and for 32

With --train SECONDS, two trainings take turns of a minute instead: `phistar run kjv`,
all five stages, and the peer for SECONDS. One is stopped while the other runs. Both are
scored on the characters of test, EOS left out, in windows. Ours uses its own windows;
the peer's are of 64 labels, and score 16 after 48 that are read again.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import Peer, interleaved, interval, machine
from turns import train_both

from phistar.components.data.batches.windows import Windows
from phistar.pipeline.config.load import load
from phistar.pipeline.process import quiet

SHAPES = [
    "build.num_layers=4",
    "build.num_heads=4",
    "build.model_dim=128",
    "build.mlp_dim=512",
    "build.context=64",
    "build.stride=48",
    "build.dropout=0.0",
]
BATCH, STEPS, DRAWN = 12, 100, 256


def main():
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python that has torch")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--train", type=float, metavar="SECONDS")
    parser.add_argument("overrides", nargs="*", help="keys of kjv, with --train")
    given = parser.parse_args()
    if given.train and not given.torch:
        parser.error("--train needs --torch, a Python that has torch, beside it")
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        if given.train:
            return trainings(given.torch, given.train, given.overrides, Path(folder))
        quiet.import_keras()
        steps(given, Path(folder))


def peer(python, dataset):
    """nanoGPT on the texts of train.  -> Peer."""
    from phistar.components.artifacts import Dataset

    vocab_size = Dataset.load(dataset).space.size
    script = Path(__file__).parent / "peers" / "nanogpt.py"
    tokens = Path(dataset) / "train" / "labels_tokens.npy"
    return Peer([python, str(script), str(tokens), str(vocab_size)])


def steps(given, folder):
    """Training steps and draws at the same shapes."""
    from overhead import Clock

    from phistar.components import build, ingest
    from phistar.components.artifacts import load_network, save_network

    config = load("kjv", SHAPES, ".").sections
    paths = [str(folder / name) for name in ("ingest", "build")]
    for path in paths:
        os.mkdir(path)
    ingest.run(config["task"], paths[0], Clock(), **config["ingest"])
    build.run(config["task"], *paths, Clock(), **config["build"])
    train, model = training(config, *paths)
    train()  # an untrained network would end most texts early
    save_network(folder, model, load_network(paths[1])[1])
    sample = sampling(config, paths[0], load_network(folder)[0])
    if not given.torch:
        print(f"phistar, a training step: {1e3 * train() / STEPS:.2f} ms")
        for size in (1, 32):
            print(f"phistar, {size} texts: {size * DRAWN / sample(size):.0f} tokens/s")
        print("With --torch PYTHON: beside nanoGPT's setting.")
        return
    with peer(given.torch, paths[0]) as theirs:
        for mode in ("steps", "bfloat16"):
            pairs = interleaved(
                lambda mode=mode: theirs(f"{mode} {STEPS}"), train, given.repeats
            )
            report(f"training steps a second, torch's {mode}", pairs, STEPS, 1.5)
        for size in (1, 32):
            pairs = interleaved(
                lambda size=size: theirs(f"sample {size} {DRAWN}"),
                lambda size=size: sample(size),
                given.repeats,
            )
            report(f"tokens a second, {size} texts", pairs, size * DRAWN, 3)


def report(what, pairs, count, bar):
    """Print the medians of both, and the ratio."""
    low, median, high, coverage = interval([a / b for a, b in pairs])
    theirs, ours = (sorted(p[i] for p in pairs)[len(pairs) // 2] for i in (0, 1))
    print(
        f"{what}: torch {count / theirs:.1f}, phistar {count / ours:.1f}; ratio "
        f"{median:.2f}, median in [{low:.2f}, {high:.2f}] ({coverage:.0%}, "
        f"{len(pairs)} pairs); the bar is {bar}"
    )


def training(config, dataset, network):
    """Training as in the stage `train`.

    Returns:
        (() -> seconds of STEPS steps, the network in training).
    """
    import keras

    from phistar.components.artifacts import Dataset, load_network, make_task
    from phistar.components.data.batches.loader import loader
    from phistar.components.training.devices import place
    from phistar.components.training.fit import Training
    from phistar.components.training.optimizers import adamw
    from phistar.components.training.steps import execution_steps

    data = Dataset.load(dataset)
    task = make_task(config["task"], data.space)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config["train"]["precision"])
    model, _ = load_network(network)
    keras.config.set_dtype_policy(before)
    inputs, labels = data.split("train")
    plan = task.plan(None, labels, model, BATCH, None, 0)
    trained = Training(model, task, "cross_entropy", 0.0)
    options = {"learning_rate": 1e-3, "warmup_steps": 100, "weight_decay": 0.1}
    optimizer, _ = adamw(10**6, 1, **options, beta_2=0.99, clip_norm=1.0)
    at_once = execution_steps(STEPS, model.count_params() * plan.step_labels)
    trained.compile(
        optimizer=optimizer,
        jit_compile=place("cpu").jit_compile,
        steps_per_execution=at_once,
    )
    batches = loader(inputs, labels, plan, 0, 10**6)

    def measure():
        begin = time.perf_counter()
        trained.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)
        return time.perf_counter() - begin

    return measure, model


def sampling(config, dataset, model):
    """Function: number of texts -> seconds of `sample` for DRAWN tokens of each."""
    import tensorflow as tf

    from phistar.components.artifacts import Dataset, make_encoder, make_task
    from phistar.components.serving.language import LanguageServer

    data = Dataset.load(dataset)
    task = make_task(config["task"], data.space)
    made = LanguageServer(task, make_encoder(data), model)
    draw = made.signatures()["sample"]

    def measure(size):
        knobs = {
            "prompt": tf.constant([""] * size),
            "max_length": tf.fill([size], DRAWN),
            "seed": tf.range(size, dtype=tf.int64),
            "temperature": tf.ones([size]),
            "top_k": tf.fill([size], 10**6),
            "top_p": tf.ones([size]),
        }
        begin = time.perf_counter()
        made = draw(**knobs)["lengths"].numpy()
        seconds = time.perf_counter() - begin
        return seconds * size * DRAWN / made.sum()

    return measure


def trainings(python, seconds, overrides, folder):
    """Run both trainings in turns, and score both on test."""
    executable = str(Path(sys.executable).with_name("phistar"))
    command = [executable, "run", "kjv", "--root", str(folder), *overrides]
    subprocess.run([*command, "--to", "ingest"], check=True)
    stages = folder / "mlruns" / "stages"
    dataset = next(stages.glob("ingest/*/manifest.json")).parent
    with peer(python, dataset) as theirs:
        train_both(command, theirs, seconds, stages, folder / "log")
        nll = {"phistar": own_nll(stages, dataset)}
        nll["nanoGPT"] = peer_nll(theirs, dataset, folder)
    for name, value in nll.items():
        print(f"{name:<8} {value:.4f} nats a character of test")
    print(f"difference {nll['nanoGPT'] - nll['phistar']:.4f}; the bar is 0.04")


def characters(texts):
    """Mask of the labels that are characters: all but EOS.  -> bool [tokens]."""
    return np.asarray(texts.tokens) != 0


def own_nll(stages, dataset):
    """Nats per character of the trained network."""
    quiet.import_keras()
    from phistar.components.artifacts import Dataset, load_network, make_task

    data = Dataset.load(dataset)
    (network,) = stages.glob("train/[!.]*")
    task = make_task({"name": "language"}, data.space)
    texts = data.split("test")[1]
    log_prob, _ = task.measure(load_network(network)[0], None, texts)
    return -log_prob[characters(texts)].mean()


def peer_nll(theirs, dataset, folder):
    """Nats per character of the peer, in windows that keep 48 of 64."""
    from phistar.components.artifacts import Dataset

    texts = Dataset.load(dataset).split("test")[1]
    starts, scored, stops = Windows(64, 16).of(texts.offsets)
    places = starts[:, None] + np.arange(64)
    inside = places < stops[:, None]
    labels = np.asarray(texts.tokens)[np.where(inside, places, 0)]
    read = np.concatenate([np.zeros_like(labels[:, :1]), labels[:, :-1]], axis=1)
    first = ~np.isin(starts, texts.offsets[:-1])  # windows inside a text
    read[first, 0] = np.asarray(texts.tokens)[starts[first] - 1]
    np.savez(folder / "windows.npz", read=read, labels=labels)
    theirs(f"score {folder / 'windows.npz'} {folder / 'scores.npy'}")
    new = inside & (places >= scored[:, None])
    log_prob = np.zeros(len(texts.tokens))
    log_prob[places[new]] = np.load(folder / "scores.npy")[new]
    return -log_prob[characters(texts)].mean()


if __name__ == "__main__":
    main()
