"""The score of a run: what evaluate, or at least train, has written; and its data.

The files are read as they are: nothing is hashed, and neither keras nor mlflow is
imported.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from phistar.pipeline.record.runs import Run
from phistar.pipeline.store.store import Store

NOT_BETTER = "not better"  # the verdict on a model that knows no more than its floors


SCORED = {"evaluate": "metrics.json", "train": "valid.json"}  # the best first


class Score(NamedTuple):
    """Measurements of a run's trained network.

    Args:
        valid_nll: nats per label; None if it was not measured.
        test_nll: the same of test.
        interval: (low, high), 95 %, of valid_nll; None if it is not known.
        verdict: of `read_verdict`.
        data: digest of all splits, as encoded: two runs with the same one have read
            the same examples.
        metrics: all that was measured, by name.
    """

    valid_nll: float | None
    test_nll: float | None
    interval: tuple[float, float] | None
    verdict: dict | None
    data: str
    metrics: dict[str, float]


def score(run: Run, store: Store) -> Score | None:
    """The score of a run; None without a result, or if it is no longer in the store."""
    stage = next((name for name in SCORED if name in run.keys), None)
    if stage is None or "ingest" not in run.keys:
        return None
    folder = store.path(stage, run.keys[stage])
    metrics = read_json(folder / SCORED[stage])
    data = read_json(store.path("ingest", run.keys["ingest"]) / "digest.json")
    if metrics is None or data is None:
        return None
    nll = (metrics.get(f"{split}_nll") for split in ("valid", "test"))
    ends = tuple(metrics.get(f"valid_nll_{end}") for end in ("low", "high"))
    interval = None if None in ends else ends
    return Score(*nll, interval, read_verdict(folder), data["all"], metrics)


def read_verdict(evaluated: Path) -> dict | None:
    """The verdict.json of a result of `evaluate`: verdict, sentence, ...

    Returns:
        None if the result has none.
    """
    return read_json(Path(evaluated) / "verdict.json")


def worth_registering(evaluated: Path) -> bool:
    """True unless the verdict on a model is that it is not better than guessing.

    Args:
        evaluated: folder of the result of `evaluate`.
    """
    return (read_verdict(evaluated) or {}).get("verdict") != NOT_BETTER


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
