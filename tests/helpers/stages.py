"""The real stages in this process, as the runner calls them: small data, few steps."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from phistar.components import build, evaluate, export, ingest, train
from phistar.pipeline.record.journal import Journal
from phistar.pipeline.run.process import in_child
from tests.helpers.figures import undrawn

RUN_ID = "0" * 32


def call(stage, folder, *, drawn=False, **arguments):
    """Run one stage into `folder/<stage>`.

    Args:
        stage: module of components/.
        folder: to write below.
        drawn: with figures, as a user's run has.
        **arguments: of the stage.

    Returns:
        str, its folder.
    """
    name = stage.__name__.rpartition(".")[2]
    out_dir = Path(folder) / name
    out_dir.mkdir(parents=True)
    log = Journal(out_dir / "journal.jsonl", name, RUN_ID)
    empty = name == "evaluate" and not drawn  # for others matplotlib is not needed
    with undrawn() if empty else nullcontext():
        stage.run(**arguments, out_dir=str(out_dir), log=log)
    return str(out_dir)


def train_on(backend, folder, **arguments):
    """Train in a new process, whose Keras runs on another backend.  -> folder, str."""
    out_dir = Path(folder) / "train"
    out_dir.mkdir(parents=True)
    request = {"stage": "train", "folder": str(out_dir), "run_id": RUN_ID}
    in_child(request | {"arguments": arguments | {"backend": backend}}, backend)
    return str(out_dir)


def run(folder, task, sections, change=None, backend="tensorflow", drawn=False):
    """Run all five stages.

    Args:
        folder: Path to write below.
        task: plain data of the section `task`.
        sections: {"ingest": {...}, "build": {...}, "train": {...}}.
        change: called with the trained network's folder before it is evaluated.
        backend: Keras's, for the training.
        drawn: with figures, as a user's run has.

    Returns:
        Namespace of Paths: dataset, untrained, network, report, export.
    """
    dataset = call(ingest, folder, task=task, **sections["ingest"])
    given = {"task": task, "dataset": dataset}
    untrained = call(build, folder, **given, **sections["build"])
    training = {**given, "network": untrained, **sections["train"]}
    if backend == "tensorflow":
        network = call(train, folder, **training)
    else:
        network = train_on(backend, folder, **training)
    if change:
        change(network)
    report = call(evaluate, folder, **given, network=network, drawn=drawn)
    exported = call(export, folder, **given, network=network, report=report)
    return SimpleNamespace(
        dataset=Path(dataset),
        untrained=Path(untrained),
        network=Path(network),
        report=Path(report),
        export=Path(exported),
    )


def write_table(path, labels, num_rows=240, seed=0):
    """Write a CSV of numbers and words that tell the label a little, some missing.

    Args:
        path: of the file.
        labels: the names of the labels; row i has label i modulo their number.
        num_rows: int.
        seed: of the numbers.
    """
    rng = np.random.default_rng(seed)
    lines = ["Size (cm),city,Kind,weight,verdict"]
    for row in range(num_rows):
        label = row % len(labels)
        size = f"{rng.normal(label):.3f}" if rng.random() > 0.1 else "NA"
        city = rng.choice(["Zürich", "Paris", "São Paulo", ""], p=[0.4, 0.3, 0.2, 0.1])
        kind = "odd" if rng.random() < 0.2 + 0.3 * label else "even"
        weight = f"{1000 + 100 * rng.normal() + 50 * label:.1f}"
        lines.append(f"{size},{city},{kind},{weight},{labels[label]}")
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")
