"""Reports on rows that a test makes: the real stages up to evaluate."""

from pathlib import Path

import pytest

from phistar.components import build, evaluate, ingest, train
from phistar.components.data.sources.base import Source
from tests.helpers import stages


def evaluated(
    folder, rows, task, network="linear", given=None, drawn=False, **training
):
    """Ingest, build, train and evaluate rows that are made here.

    Args:
        folder: Path to write below.
        rows: split -> Rows.
        task: plain data of the section `task`.
        network: its name.
        given: further keys of the network.
        drawn: with figures, as a user's run has.
        **training: further keys of train.

    Returns:
        folder of the Report, Path.
    """
    kind = "images"
    first = next(iter(rows.values()))
    if isinstance(first.inputs, dict):
        kind = "columns"
    elif first.labels.dtype == object:
        kind = "text" if first.inputs is None else "pairs"
    opened = Source("made", kind, {}, lambda: {k: [v] for k, v in rows.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "source_function", lambda _: lambda: opened)
        dataset = stages.call(ingest, folder, task=task, source="made")
    return on_dataset(folder, dataset, task, network, given, drawn, **training)


def on_dataset(
    folder, dataset, task, network="linear", given=None, drawn=False, **training
):
    """Build, train and evaluate on a Dataset.  -> folder of the Report, Path"""
    about = {"task": task, "dataset": str(dataset)}
    made = stages.call(build, folder, **about, network=network, **(given or {}))
    training = {"steps": 60, "eval_every": 60, "loss": "cross_entropy"} | training
    trained = stages.call(train, folder, **about, network=made, **training)
    about |= {"network": trained, "drawn": drawn}
    return Path(stages.call(evaluate, folder, **about))


def read(report, name):
    return (report / name).read_text("utf-8")
