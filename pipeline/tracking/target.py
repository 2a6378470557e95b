"""MLflow runs: this file and models.py import mlflow, when it is used.

Runs go to MLFLOW_TRACKING_URI, or else to `<root>/mlruns/mlflow.db` with files
below `<root>/mlruns/artifacts`.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from phistar.pipeline.process.terminal import note
from phistar.pipeline.tracking import database, models, notes, views
from phistar.pipeline.tracking.address import LOCAL, place, public_name, tracking_uri
from phistar.pipeline.tracking.outbox import (
    Batch,
    Gone,
    Refused,
    dataset_name,
    mlflow_name,
    mlflow_text,
)
from phistar.pipeline.tracking.relocate import relocate

# Seconds rather than MLflow's minutes: `follow` repeats, and nothing is lost.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # else its import undoes `_quiet`
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
SAID = 500  # letters of an error of MLflow that are shown
LOGGERS = ("mlflow", "alembic", "sqlalchemy", "urllib3")

SCHEMA_LENGTH = 1_000_000  # characters, nearly MLflow's limit

# tag of an experiment: our description of it; MLflow shows no tag with this beginning
QUESTION = "mlflow.phistar.question"


class Target:
    """The MLflow side of a `Sending`.

    Args:
        root: project root.

    Raises:
        Refused: a database that this MLflow cannot use.
    """

    def __init__(self, root: Path):
        self.mlruns = Path(root).resolve() / "mlruns"
        self.name, self.uri = public_name(root), tracking_uri(root)
        self.experiments = {}
        self.warned = set()
        _quiet()
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self.error = MlflowException
        if self.name != LOCAL:
            self.client = MlflowClient(self.uri)
            return
        self.mlruns.mkdir(parents=True, exist_ok=True)
        # Two first runs at once would both create the tables.  MLflow has a lock
        # for that in the temporary folder, which two containers do not share.
        with open(self.mlruns / ".mlflow.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                database.prepare(self.mlruns, MlflowClient)
                relocate(root)
                self.client = MlflowClient(self.uri)
            except MlflowException as error:
                if "out-of-date database schema" in str(error):
                    raise Refused(f"{self.mlruns / 'mlflow.db'}: {error}") from error
                raise

    def run(self, start: dict, parent: str | None) -> tuple[str, str]:
        """MLflow's run of the record that begins with `start`; created if needed.

        Returns:
            (experiment_id, run_id), both MLflow's.
        """
        experiment_id = self._experiment(start["experiment"])
        self._describe(experiment_id, start)
        ours = f"tags.`phistar.run_id` = '{start['run_id']}'"
        if found := self.client.search_runs([experiment_id], ours, max_results=1):
            return experiment_id, found[0].info.run_id
        tags = {
            "phistar.run_id": start["run_id"],
            "mlflow.user": start.get("user", ""),
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": start.get("command", ""),
        }
        if commit := start["tags"].get("git_commit"):
            tags["mlflow.source.git.commit"] = commit
        if parent:
            tags["mlflow.parentRunId"] = parent
        try:
            created = self.client.create_run(
                experiment_id,
                start_time=start["time"],
                tags=tags,
                run_name=start["name"],
            )
        except self.error as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                raise Refused(f"MLflow takes no run: {error}") from error
            raise
        return experiment_id, created.info.run_id

    def _experiment(self, name: str) -> str:
        if name in self.experiments:
            return self.experiments[name]
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = None
            if self.name == LOCAL:
                folder = self.mlruns / "artifacts" / re.sub(r"[^\w.-]", "_", name)
                folder.mkdir(parents=True, exist_ok=True)
                # MLflow has letters of any script, so only the front is quoted
                location = f"{place(self.mlruns)}/artifacts/{folder.name}"
            try:
                self.client.create_experiment(name, artifact_location=location)
            except self.error as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise  # else another process was faster
            found = self.client.get_experiment_by_name(name)
        self.experiments[name] = found.experiment_id
        return found.experiment_id

    def _describe(self, experiment_id: str, start: dict) -> None:
        """Set an experiment's description and view; a user's own text stays."""
        tags = self.client.get_experiment(experiment_id).tags
        note = notes.experiment_note(start.get("question", ""))
        view = views.view(start["params"].get("task.name", ""))
        wanted = {views.TAG: view, QUESTION: note}
        if note and tags.get(notes.TAG, "") == tags.get(QUESTION, ""):
            wanted[notes.TAG] = note
        for name, value in wanted.items():
            if value and tags.get(name) != value:
                self.client.set_experiment_tag(experiment_id, name, value)

    def require_answer(self) -> None:
        """Ask for something that is always there.

        Raises:
            Exception: of MLflow or its store, which is out of reach.
        """
        self.client.search_experiments(max_results=1)

    def has(self, run_id: str) -> bool:
        """True if MLflow still knows the run, in its trash too."""
        try:
            self.client.get_run(run_id)
        except self.error as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def send(self, run_id: str, batch: Batch) -> str | None:
        """Log a batch; a second time it changes nothing.

        Returns:
            MLflow's number of the model that was in it.

        Raises:
            Gone: MLflow has no such run.
            Refused: the run is in MLflow's trash.
        """
        from mlflow.entities import Metric, Param, RunTag

        params = [
            Param(mlflow_name(k), mlflow_text(v, "param"))
            for k, v in batch.params.items()
        ]
        tags = [
            RunTag(mlflow_name(k), mlflow_text(v, "tag")) for k, v in batch.tags.items()
        ]
        metrics = [
            Metric(mlflow_name(m.name), m.value, m.time, m.step) for m in batch.metrics
        ]
        # one call takes at most 100 params, 100 tags, and 1000 entries in all
        while params or tags or metrics:
            self._log(run_id, params[:100], tags[:100], metrics[:800])
            params, tags, metrics = params[100:], tags[100:], metrics[800:]
        for entry in batch.datasets:
            self.client.log_inputs(run_id, _datasets(entry))
        for text, name in batch.texts:
            self.client.log_text(run_id, text, name)
        for path, folder in batch.artifacts:
            if path.exists():
                folder = None if folder == "." else folder
                self.client.log_artifact(run_id, str(path), folder)
            else:
                self._warn(f"MLflow: no such file: {path}")
        for path, name in batch.pages:
            self._log_as(run_id, path, name)
        version = None
        for model in batch.models:
            if model.folder.exists():
                version = models.log(self.client, run_id, model)
        if batch.status:
            status, time = batch.status
            if status in ("RUNNING", "SCHEDULED"):
                self.client.update_run(run_id, status)
            else:
                self.client.set_terminated(run_id, status, time)
        return version

    def _log_as(self, run_id: str, path: Path, name: str) -> None:
        """Log a file under another name; MLflow keeps the name of the file."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copyfile(path, Path(folder, name))
            self.client.log_artifact(run_id, str(copy))

    def _log(self, run_id: str, params: list, tags: list, metrics: list) -> None:
        """Log in one call; when MLflow refuses it, in halves, to find the cause.

        A parameter that has another value already is refused: the first one stays.
        """
        try:
            self.client.log_batch(run_id, metrics, params, tags)
            return
        except self.error as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise Gone(run_id) from error
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            count = len(params) + len(tags) + len(metrics)
            if count == 1:
                reason = str(error).splitlines()[0][:200]
                self._warn(f"MLflow refuses {(params + tags + metrics)[0]}: {reason}")
                return
            if self.client.get_run(run_id).info.lifecycle_stage == "deleted":
                raise Refused(
                    f"The MLflow run {run_id} is in MLflow's trash. Restore it there "
                    f"(`mlflow runs restore --run-id {run_id}`) to send the rest."
                ) from error
        for kind, items in enumerate((params, tags, metrics)):
            middle = (len(items) + 1) // 2
            for half in (items[:middle], items[middle:]):
                if half:
                    call = [[], [], []]
                    call[kind] = half
                    self._log(run_id, *call)

    def _warn(self, line: str) -> None:
        if line not in self.warned:
            self.warned.add(line)
            note(line)


@contextlib.contextmanager
def answering(root: Path) -> Iterator[None]:
    """Tell in one line what MLflow could not do in the block.

    Raises:
        ConnectionError: its server or its database has failed.
    """
    _quiet()
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if isinstance(error, ConnectionError):
            raise
        raise ConnectionError(
            f"MLflow at {public_name(root)} has failed. Received from it: "
            f"{' '.join(str(error).split())[:SAID]} Expected an answer: try it again "
            "when the server, or the disk, is well."
        ) from error


def _datasets(entry: dict) -> list:
    """MLflow's DatasetInputs of a journal's entry: one for each split."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [
        {"name": name, "type": brief(kind), "required": True}
        for name, kind in entry["schema"].items()
    ]
    columns.append({"name": entry["label"], "type": "label", "required": False})
    inputs = []
    for split, about in entry["splits"].items():
        profile = {"rows": about["rows"], "label": entry["label"]}
        profile["source"] = entry["source"]
        counts = about.get("balance", {})  # a label may be called "rows"
        profile |= {f"rows of {name}": count for name, count in counts.items()}
        dataset = Dataset(
            name=dataset_name(entry["name"], split),
            digest=about["digest"],
            source_type="phistar",
            source=json.dumps({"source": entry["source"]}),
            schema=schema(columns),
            profile=json.dumps(profile),
        )
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", split)]))
    return inputs


def schema(columns: list[dict]) -> str:
    """MLflow's schema of these columns; the first ones, if all would be too long."""
    text = json.dumps({"mlflow_colspec": columns})
    return text if len(text) <= SCHEMA_LENGTH else schema(columns[: len(columns) // 2])


def brief(kind: str) -> str:
    """The first words of a column's meaning: MLflow's drawer cuts the others."""
    return re.split(r"[,;]", str(kind))[0]


def prepare() -> None:
    """Import mlflow, which takes seconds, before it is needed."""
    _quiet()
    import mlflow.tracking  # noqa: F401


def _quiet() -> None:
    """Set MLflow up: no telemetry, no minutes of retries, no log lines."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    for name in LOGGERS:
        # MLflow logs what it also raises; what it raises is ours to report.
        logging.getLogger(name).setLevel(logging.CRITICAL)
