"""One batch of entries for MLflow, in names and texts that MLflow allows."""

import json
import re
from pathlib import Path
from typing import NamedTuple

VALUE_LENGTH = {"param": 6000, "tag": 8000}  # MLflow's limits
NAME_LENGTH = 250
SPLITS = ("train", "valid", "test")
KEPT = ("nll", "nll_best", "loss", "accuracy")  # metrics of train and valid
KEPT_NLL = "valid/nll_best"  # -ln P of valid under the weights that were kept
CHECK = "export_"  # of metrics: differences of an export from its evaluation
# MLflow compares runs by the pictures at the top, and only by those
AT_THE_TOP = ("learning_curves.png",)


class Gone(LookupError):
    """MLflow no longer has this run: its database was deleted."""


class Refused(ValueError):
    """MLflow will not take this, now or later; the message states what to do."""


class Metric(NamedTuple):
    name: str
    value: float
    time: int
    step: int


class Batch:
    """Entries that are sent together."""

    def __init__(self):
        self.params: dict = {}
        self.tags: dict = {}
        self.metrics: list[Metric] = []
        self.datasets: list[dict] = []
        self.artifacts: list[tuple[Path, str]] = []  # file, folder in MLflow
        self.texts: list[tuple[str, str]] = []  # text, file's name in MLflow
        self.pages: list[tuple[Path, str]] = []  # file, its name in MLflow
        self.models: list[Model] = []
        self.status: tuple[str, int] | None = None  # status, time

    def empty(self) -> bool:
        return not any(vars(self).values())

    def add(self, entry: dict, folder: Path | None = None) -> None:
        """Take one entry of a journal.

        Args:
            folder: the stage's folder once it has its final name; before that its
                files are left alone, since the folder may be renamed at any time.
        """
        match entry["kind"]:
            case "params":  # facts that a stage has found: no one has chosen them
                self.tags.update(entry["values"])
            case "tags":
                self.tags.update(entry["values"])
            case "metrics":
                self.add_metrics(entry)
            case "dataset":
                self.datasets.append(entry)
            case "artifact" if folder is not None:
                path = Path(entry["path"])
                self.artifacts.append((folder / path, path.parent.as_posix()))
                if path.name in AT_THE_TOP:
                    self.artifacts.append((folder / path, "."))

    def add_metrics(self, entry: dict) -> None:
        """Take the metrics that MLflow shows; checks, nearly constant, are tags."""
        time, step = entry["time"], entry.get("step", 0)
        for name, value in entry["values"].items():
            if name.startswith(CHECK):
                tag = name.removeprefix(CHECK).removesuffix("_difference")
                self.tags[f"parity.{tag}"] = f"{value:.3g}"
            elif shown := section_name(name):
                self.metrics.append(Metric(shown, value, time, step))


def section_name(name: str) -> str | None:
    """The name of a metric in MLflow, which folds names with a slash into sections.

    `test_nll` is `test/nll`. Of train and valid only a few metrics are sent: the
    others are in metrics.json and in the report.

    Returns:
        The name; None if the metric is not sent.
    """
    if name == "learning_rate":
        return f"train/{name}"
    split, _, short = name.partition("_")
    if split not in SPLITS:
        return name
    if split != "test" and short.removesuffix("_sd") not in KEPT:
        return None
    return f"{split}/{short}"


def mlflow_name(name: str) -> str:
    """The name of a metric, parameter or tag, as MLflow allows it."""
    name = re.sub(r"[^\w.\- :/]", "_", name)
    return re.sub(r"/+", "/", name).strip("/.")[:NAME_LENGTH] or "_"


def dataset_name(name: str, split: str) -> str:
    """The name of a split of a data set, of bounded length."""
    return f"{name[:NAME_LENGTH]} · {split}"


def mlflow_text(value: object, kind: str) -> str:
    """A value as MLflow keeps it: text of bounded length, else as JSON has it."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    limit = VALUE_LENGTH[kind]
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Model(NamedTuple):
    """An export to be logged.

    Args:
        folder: of MLflow's model in the export.
        key: of the export.
        name: of the registered model, the recipe.
        run_name: of the run that logs it first.
        register: False only logs it.
        question: of the recipe.
        scores: of test, as the run has logged them.
        data: name and digest of test.
    """

    folder: Path
    key: str
    name: str
    run_name: str
    register: bool = True
    question: str = ""
    scores: tuple[Metric, ...] = ()
    data: tuple[str, str] | None = None
