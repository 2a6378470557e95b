"""Our Transformer against torch's nn.Transformer and Hugging Face's Marian.

    python bench/translation.py --torch /a/venv/bin/python [--repeats 9] [key=value ...]

With --torch a Python that has torch and transformers (in another environment: `pip
install torch transformers accelerate`) runs bench/peers/transformer.py. These are timed
one right after the other, at the sizes of libreoffice_en_de or of the given keys:

    training    real target tokens a second on the same planned batches of train, each
                peer's dropout, smoothing and clipping included; torch eager, and
                compiled with dynamic shapes, of which the faster one counts, and
                eager in bfloat16
    search      the part of the SavedModel's `predict` on tokens, compiled: 32 sources
                of 32 tokens, 4 beams, 32 forced tokens, against Marian's `generate`

With --profile, the time of the operations of a training step is printed instead.

With --train SECONDS, two trainings take turns of a minute instead: `phistar run`, all
five stages, and Marian with its own Trainer (bench/peers/marian.py) for SECONDS, on the
same tokens. One is stopped while the other runs. Both translate test with the recipe's
beam. Then our network alone translates the first sentences of test twice: in batches of
similar lengths, and in one bucket, all padded to the longest. An untrained network does
not end its texts, so it would show no difference.
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

from phistar.pipeline.config.load import load
from phistar.pipeline.process import quiet

STEPS, ROWS, BEAMS, SAID, TRANSLATED = 20, 32, 4, 32, 256
BUCKET_REPEATS = 3
KINDS = 25  # of operations, in a profile


def main():
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="a Python that has torch and transformers")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--recipe", default="libreoffice_en_de")
    parser.add_argument("--train", type=float, metavar="SECONDS")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("overrides", nargs="*", help="keys of the recipe")
    given = parser.parse_args()
    if given.train and not given.torch:
        parser.error("--train needs --torch, a Python that has torch, beside it")
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        if given.train:
            return trainings(given, Path(folder))
        quiet.import_keras()
        measure(given, Path(folder))


def measure(given, folder):
    """Print training and search, beside the peers if there is torch."""
    from overhead import Clock

    from phistar.components import build, ingest

    config = load(given.recipe, given.overrides, ".").sections
    paths = [str(folder / name) for name in ("ingest", "build")]
    for path in paths:
        os.mkdir(path)
    ingest.run(config["task"], paths[0], Clock(), **config["ingest"])
    build.run(config["task"], *paths, Clock(), **config["build"])
    from phistar.components.artifacts import Dataset, make_task

    data = Dataset.load(paths[0])
    task = make_task(config["task"], data.space)
    train, tokens = training(config, data, task, paths[1], folder)
    train()
    if given.profile:
        return profile(train)
    search = searching(config, data, task, paths[1])
    search()
    if not given.torch:
        print(f"phistar, training: {tokens / train():.0f} target tokens a second")
        print(f"phistar, search: {1e3 * search():.0f} ms")
        print("With --torch PYTHON: beside torch and Marian.")
        return
    with peer(given, "transformer", folder / "batches.npz", data, config) as theirs:
        for mode in ("steps", "compiled", "bfloat16"):
            theirs(f"{mode} {STEPS}")
            pairs = interleaved(
                lambda mode=mode: theirs(f"{mode} {STEPS}"), train, given.repeats
            )
            report(f"training, torch {mode}", pairs, tokens, "target tokens a second")
        pairs = interleaved(
            lambda: theirs(f"search {ROWS} {BEAMS} {SAID}"), search, given.repeats
        )
        report(f"beam {BEAMS}, {ROWS} sources", pairs, ROWS * SAID, "tokens a second")


def profile(train):
    """Print the kinds of operations that take most of a step."""
    from operations import operations

    print(f"{1e3 * train() / STEPS:.0f} ms a step; of that, by operation, all threads:")
    for kind, calls, took in operations(train)[:KINDS]:
        print(f"{took / STEPS:8.1f} ms {calls / STEPS:7.1f} calls  {kind}")


def peer(given, script, arrays, data, config):
    """A script of bench/peers/ at the sizes of the recipe.  -> Peer."""
    keys = ("num_layers", "num_heads", "model_dim", "mlp_dim", "dropout")
    sizes = [str(config["build"][key]) for key in keys]
    path = Path(__file__).parent / "peers" / f"{script}.py"
    return Peer([given.torch, str(path), str(arrays), str(data.space.size), *sizes])


def report(what, pairs, count, unit):
    """Print the medians of both, and the ratio."""
    low, median, high, coverage = interval([a / b for a, b in pairs])
    theirs, ours = (sorted(p[i] for p in pairs)[len(pairs) // 2] for i in (0, 1))
    print(
        f"{what}: theirs {count / theirs:.0f} {unit} ({1e3 * theirs:.0f} ms), phistar "
        f"{count / ours:.0f} ({1e3 * ours:.0f} ms); ratio {median:.2f}, median in "
        f"[{low:.2f}, {high:.2f}] ({coverage:.0%}, {len(pairs)} pairs)"
    )


def training(config, data, task, network, folder):
    """Training as in the stage `train`, on the first STEPS batches again and again.

    Returns:
        (() -> seconds of STEPS steps, their number of real target tokens).
    """
    import keras

    from phistar.components.artifacts import load_network
    from phistar.components.data.batches.loader import loader
    from phistar.components.training.devices import place
    from phistar.components.training.fit import Training
    from phistar.components.training.optimizers import optimizer

    keys = dict(config["train"])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(keys.get("precision", "float32"))
    model, _ = load_network(network)
    keras.config.set_dtype_policy(before)
    inputs, labels = data.split("train")
    plan = task.plan(inputs, labels, model, None, keys["batch_tokens"], 0)
    print(f"padding: {plan.padding}; {plan.steps_per_epoch} steps a pass")
    trained = Training(model, task, "cross_entropy", keys["label_smoothing"])
    names = ("learning_rate", "warmup_steps", "weight_decay", "beta_2", "clip_norm")
    options = {name: keys[name] for name in names if name in keys}
    keras.config.set_dtype_policy(keys.get("precision", "float32"))
    chosen, _ = optimizer(keys["optimizer"])(10**6, 1, **options)
    keras.config.set_dtype_policy(before)
    trained.compile(optimizer=chosen, jit_compile=place("cpu").jit_compile)
    first = list(loader(inputs, labels, plan, 0, STEPS).as_numpy_iterator())
    arrays = {}
    for i, ((source, read), target, weights) in enumerate(first):
        arrays |= {
            f"{name}_{i}": value
            for name, value in zip(
                ("source", "read", "labels", "weights"),
                (source, read, target, weights),
                strict=True,
            )
        }
    np.savez(folder / "batches.npz", **arrays)
    batches = loader(inputs, labels, plan, 0, STEPS).cache().repeat()

    def measured():
        begin = time.perf_counter()
        trained.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)
        return time.perf_counter() - begin

    return measured, sum(int((weights > 0).sum()) for *_, weights in first)


def searching(config, data, task, network):
    """Function: () -> seconds of a search for ROWS sources, EOS forbidden."""
    import tensorflow as tf

    from phistar.components.artifacts import load_network
    from phistar.components.decoding.search import search

    model, _ = load_network(network)
    head, never = model.head, -1e9 * tf.one_hot(0, data.space.size)
    model.head = tf.keras.layers.Lambda(lambda x: head(x) + never)
    source = np.random.default_rng(0).integers(1, data.space.size, (ROWS, 32))
    source[:, -1] = 0

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def searched(source, beam_size):
        every = tf.ones_like(beam_size)
        return search(
            model,
            source,
            num_slots=tf.reduce_max(beam_size),
            size=tf.constant(SAID),
            beam_size=beam_size,
            max_length=every * SAID,
            length_penalty=tf.cast(every, tf.float32) * 0.6,
        )

    source, beams = tf.constant(source, tf.int32), tf.fill([ROWS], BEAMS)

    def measured():
        begin = time.perf_counter()
        searched(source, beams).log_prob.numpy()
        return time.perf_counter() - begin

    return measured


def buckets(data, task, network, decoding):
    """Print the gain in translating test in batches of similar lengths.

    Args:
        data: Dataset.
        task: Translation.
        network: folder of the trained Network.
        decoding: beam_size, length_penalty.
    """
    from phistar.components.artifacts import load_network
    from phistar.components.data.batches.buckets import length_batches, places
    from phistar.components.reports.translation import BATCH_TOKENS, Search

    model, _ = load_network(network)
    sources = data.split("test")[0][:TRANSLATED]
    search = Search(
        model, decoding["beam_size"], task.max_length, decoding["length_penalty"]
    )
    longest = int(sources.lengths.max())
    size = max(1, BATCH_TOKENS // longest)

    def alike():
        begin = time.perf_counter()
        for rows, (number, width, _) in length_batches(
            sources.lengths, sources.lengths, BATCH_TOKENS
        ):
            translated(np.resize(rows, number), width)
        return time.perf_counter() - begin

    def padded():
        begin = time.perf_counter()
        for first in range(0, len(sources), size):
            translated(np.arange(first, first + size) % len(sources), longest)
        return time.perf_counter() - begin

    def translated(rows, width):
        source = sources.tokens[places(sources.offsets, rows, width)]
        search.predict_on_batch(source.astype("int32"))

    pairs = interleaved(padded, alike, BUCKET_REPEATS)
    report("test, one bucket beside planned", pairs, len(sources), "sources a second")


def trainings(given, folder):
    """Run both trainings in turns, and let both translate test."""
    from sacrebleu.metrics import BLEU, CHRF

    executable = str(Path(sys.executable).with_name("phistar"))
    command = [executable, "run", given.recipe, *given.overrides, "--root", str(folder)]
    subprocess.run([*command, "--to", "ingest"], check=True)
    stages = folder / "mlruns" / "stages"
    dataset = next(stages.glob("ingest/[!.]*/manifest.json")).parent
    quiet.import_keras()
    from phistar.components.artifacts import Dataset, make_encoder, make_task
    from phistar.components.reports.translation import lines

    data = Dataset.load(dataset)
    sides = {
        "train_inputs": data.split("train")[0],
        "train_labels": data.split("train")[1],
        "test_inputs": data.split("test")[0],
    }
    arrays = folder / "tokens.npz"
    np.savez(arrays, **{name: np.asarray(side.tokens) for name, side in sides.items()})
    config = load(given.recipe, given.overrides, ".").sections
    with peer(given, "marian", arrays, data, config) as theirs:
        train_both(command, theirs, given.train, stages, folder / "log")
        theirs(f"translate {config['evaluate']['beam_size']} {folder / 'found.npy'}")
    (evaluated,) = stages.glob("evaluate/[!.]*")
    ours, references = (
        next(evaluated.rglob(f"{name}.txt")).read_text("utf-8").splitlines()
        for name in ("translations", "references")
    )
    text = make_encoder(data)
    found = np.load(folder / "found.npy")
    # tokens after the end are padding
    lengths = [int(np.argmax(np.append(row, 0) == 0)) for row in found]
    peers = [text.decode(row[:n]) for row, n in zip(found, lengths, strict=True)]
    for name, said in (("phistar", ours), ("Marian", lines(peers))):
        bleu, chrf = (
            metric.corpus_score(said, [references]).score for metric in (BLEU(), CHRF())
        )
        print(f"{name:<8} BLEU {bleu:.2f}, chrF {chrf:.2f} on test, n = {len(said)}")
    (trained,) = stages.glob("train/[!.]*")
    task = make_task(config["task"], data.space)
    buckets(data, task, str(trained), config["evaluate"])


if __name__ == "__main__":
    main()
