"""A training step of VGG16 at 224x224, batch 8, against Keras's own and torch's.

    python bench/vgg.py [--repeats 5] [--steps 2] [--torch /a/venv/bin/python]

Ours is trained as by `phistar run` with `build.network=vgg16 train.optimizer=sgd
train.weight_decay=0.0005`, with dropout and L2. The script is keras.applications'
VGG16, which has neither, under plain `compile` and `fit`, SGD with momentum. With
--torch, a Python that has torch (in another environment: `pip install torch`) trains
the same layers, channels last, dropout included. Each is timed for `--steps` steps at a
time, one right after the other, without compilation.
"""

import argparse
import contextlib
import sys
import time

from timing import Peer, interleaved, interval, machine

BATCH, SIDE, LABELS = 8, 224, 1000


def main():
    """Print the medians and the ratios of steps a second, ours over theirs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="timed at once")
    parser.add_argument("--torch", help="a Python that has torch")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        return torch_peer(given.steps)
    ours = phistar(given.steps)
    peers = {"keras.applications under fit": (script(given.steps), 0.97)}
    print(machine())
    with contextlib.ExitStack() as stack:
        if given.torch:
            command = [given.torch, __file__, "--peer", "--steps", str(given.steps)]
            peer = stack.enter_context(Peer(command))
            peers["torch, channels last"] = (lambda: peer("go"), 1.15)
        for name, (theirs, bar) in peers.items():
            pairs = interleaved(theirs, ours, given.repeats)
            low, median, high, coverage = interval([a / b for a, b in pairs])
            for who, index in ((name, 0), ("phistar", 1)):
                seconds = sorted(p[index] for p in pairs)[len(pairs) // 2]
                print(f"{who:<29} {seconds / given.steps:.3f} s a step")
            print(
                f"steps a second, ours / theirs: {median:.3f}, median in [{low:.3f}, "
                f"{high:.3f}] ({coverage:.0%}, {len(pairs)} pairs); the bar is {bar}"
            )


def images():
    """A batch: uint8 [8, 224, 224, 3], int32 [8]."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (BATCH, SIDE, SIDE, 3)
    return rng.integers(0, 256, shape).astype("uint8"), np.arange(BATCH, dtype="int32")


def phistar(steps):
    """Function: () -> seconds of `steps` steps, as the stage `train` takes them."""
    from phistar.pipeline.process import quiet

    quiet.import_keras()
    import numpy as np

    from phistar.components.artifacts import make_network, make_task
    from phistar.components.data.batches.loader import loader
    from phistar.components.data.batches.passes import Plan
    from phistar.components.labels import LabelSpace
    from phistar.components.training.devices import place
    from phistar.components.training.fit import Training
    from phistar.components.training.optimizers import sgd

    model = make_network(
        {
            "network": "vgg16",
            "arguments": {},
            "input_shape": (SIDE, SIDE, 3),
            "input_dtype": "uint8",
            "num_outputs": LABELS,
        }
    )
    names = tuple(f"{i:04d}" for i in range(LABELS))
    task = make_task({"name": "multiclass"}, LabelSpace(names, tuple(range(LABELS))))
    trained = Training(model, task, "cross_entropy", 0.0)
    optimizer, _ = sgd(1, weight_decay=5e-4, schedule="plateau", learning_rate=1e-4)
    trained.compile(optimizer=optimizer, jit_compile=place("cpu").jit_compile)
    rows, labels = (np.concatenate([part] * steps) for part in images())
    data = loader(rows, labels, Plan(len(rows), BATCH, 0), 0, steps)

    def measure():
        begin = time.perf_counter()
        trained.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0)
        return time.perf_counter() - begin

    return measure


def script(steps):
    """Function: () -> seconds of `steps` steps of a plain Keras script."""
    import keras
    import numpy as np

    model = keras.applications.VGG16(weights=None, classifier_activation=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9), loss)
    rows, labels = (np.concatenate([part] * steps) for part in images())
    rows = rows.astype("float32") / 255

    def measure():
        begin = time.perf_counter()
        model.fit(rows, labels, batch_size=BATCH, shuffle=False, verbose=0)
        return time.perf_counter() - begin

    return measure


def torch_peer(steps):
    """Train `steps` steps for each line on stdin, and print the seconds."""
    import torch
    from torch import nn

    layers, channels = [], 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for size in (512 * (SIDE // 32) ** 2, 4096):
        layers += [nn.Linear(size, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5)]
    model = nn.Sequential(*layers, nn.Linear(4096, LABELS))
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4
    )
    x = torch.rand(BATCH, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    y = torch.arange(BATCH)
    for _ in sys.stdin:
        begin = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
