"""One batch of entries for MLflow, in names and texts that MLflow allows."""

import json
import re
from pathlib import Path
from typing import NamedTuple

VALUE_LENGTH = {"param": 6000, "tag": 8000}  # MLflow's limits
NAME_LENGTH = 250


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
            case "params":
                # As in MLflow: a parameter keeps its first value.
                self.params = entry["values"] | self.params
            case "tags":
                self.tags.update(entry["values"])
            case "metrics":
                time, step = entry["time"], entry.get("step", 0)
                self.metrics += [
                    Metric(name, value, time, step)
                    for name, value in entry["values"].items()
                ]
            case "dataset":
                self.datasets.append(entry)
            case "artifact" if folder is not None:
                path = Path(entry["path"])
                # MLflow compares runs by the pictures at the top, and only by those
                place = "." if path.parts[0] == "figures" else path.parent.as_posix()
                self.artifacts.append((folder / path, place))


def mlflow_name(name: str) -> str:
    """The name of a metric, parameter or tag, as MLflow allows it."""
    name = re.sub(r"[^\w.\- :/]", "_", name)
    return re.sub(r"/+", "/", name).strip("/.")[:NAME_LENGTH] or "_"


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
        name: of the registered model.
        register: False only logs it.
    """

    folder: Path
    key: str
    name: str
    register: bool = True
