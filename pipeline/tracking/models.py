"""Exports as MLflow's models: logged with a run, registered under its recipe's name.

The stage `export` has written a model's folder and checked it. Here it is only sent,
once: a later run with the same export is linked to the model that exists.
"""

import contextlib
import fcntl
import filecmp
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from phistar.pipeline.store import sizes
from phistar.pipeline.store.contract import read_served
from phistar.pipeline.tracking.outbox import Model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import Model as Description

CHAMPION = "champion"  # the alias of the version that is served
KEY = "phistar.export"  # tag of models and versions: the export's key in the store
NLL, LABELS = "phistar.test_nll", "phistar.test_n"  # tags of versions
VERSIONS = "mlflow.modelVersions"  # tag of a logged model
NOTE = "mlflow.note.content"  # tag: its description
NOTE_LENGTH = 5000  # letters, MLflow's limit of that tag
CARD = Path("assets.extra", "card.md")  # in a SavedModel
PARITY = "phistar.parity"  # tag of versions: the golden batch's difference, nats


def fetch(uri: str, word: str) -> Path:
    """The folder of a model, as MLflow has it or has just downloaded it.

    Args:
        uri: MLflow's address of its store.
        word: address of a model or a run; see `registry.fetch`.
    """
    with everywhere(uri):
        from mlflow import MlflowClient
        from mlflow.artifacts import download_artifacts

        kind, _, rest = word.partition(":/")
        if kind == "runs" and "/" not in rest.strip("/"):
            run = MlflowClient(uri).get_run(rest.strip("/"))
            for model in run.outputs.model_outputs:  # a run has one export
                word = f"models:/{model.model_id}"
        return Path(download_artifacts(artifact_uri=word))


def log(client: "MlflowClient", run_id: str, model: Model) -> str | None:
    """Log a model, and register it if it is to be; each unless it exists.

    Repeating changes nothing.

    Args:
        client: of MLflow.
        run_id: MLflow's, of the run that the export belongs to.
        model: the export.

    Returns:
        MLflow's number of its version; None if it is not registered.
    """
    with alone(model.folder.parent), everywhere(client.tracking_uri):
        return _log(client, run_id, model)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block: two runs may have made one export."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _log(client: "MlflowClient", run_id: str, model: Model) -> str | None:
    from mlflow.entities import LoggedModelOutput, Metric

    run = client.get_run(run_id)
    model_id = logged(client, run.info.experiment_id, model.key)
    if model_id is None:
        model_id = send(client, run, model)
    if model_id not in {m.model_id for m in run.outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    # with the times that the run's own metrics have: MLflow keeps those once
    about = {"model_id": model_id, "run_id": run_id}
    if model.data:
        about |= dict(zip(("dataset_name", "dataset_digest"), model.data, strict=True))
    client.log_batch(run_id, [Metric(*score, **about) for score in model.scores])
    version = version_of(client, model.name, model.key)
    if version is None:
        if not model.register:
            return None
        version = register(client, run_id, model_id, model)
    tie(client, model_id, version)
    return str(version.version)


@contextlib.contextmanager
def everywhere(uri: str) -> Iterator[None]:
    """Let all of MLflow use one address in the block.

    The registry looks up the model of a version there, and not with a client. MLflow
    also writes the address into the environment. Left there, it would be the address
    of the next root's runs too.

    Args:
        uri: MLflow's address of its store.
    """
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def register(
    client: "MlflowClient", run_id: str, model_id: str, model: Model
) -> "ModelVersion":
    """Make a logged model a version of its registered name.

    Args:
        client: of MLflow.
        run_id: MLflow's, of the run that the export belongs to.
        model_id: MLflow's, of the logged model.
        model: the export.
    """
    if not client.search_registered_models(f"name = '{model.name}'"):
        client.create_registered_model(model.name, description=model.question)
    return client.create_model_version(
        model.name,
        f"models:/{model_id}",
        run_id,
        tags=version_tags(model),
        model_id=model_id,
        description=card(model),
    )


def tie(client: "MlflowClient", model_id: str, version: "ModelVersion") -> None:
    """Tag a logged model with a version, as `mlflow.register_model` does.

    MLflow's pages show a logged model without this tag as not registered.
    """
    tags = client.get_logged_model(model_id).tags
    known = json.loads(tags.get(VERSIONS, "[]"))
    entry = {"name": version.name, "version": version.version}
    if str(version.version) not in {str(v["version"]) for v in known}:
        client.set_logged_model_tags(model_id, {VERSIONS: json.dumps([*known, entry])})


def send(client: "MlflowClient", run: "Run", model: Model) -> str:
    """Send a model's folder to the artifacts of the run's experiment.

    Args:
        client: of MLflow.
        run: MLflow's.
        model: the export.

    Returns:
        MLflow's id of the model.
    """
    begun = client.create_logged_model(
        run.info.experiment_id,
        name=model_name(model),
        source_run_id=run.info.run_id,
        tags={KEY: model.key, NOTE: card(model)[:NOTE_LENGTH]},
        params={name: str(value)[:250] for name, value in run.data.params.items()},
    )
    client.log_model_artifacts(begun.model_id, str(model.folder))
    # with the names that MLflow has given: by them it finds the model of a folder
    description = read_description(model.folder)
    description.model_id = description.model_uuid = begun.model_id
    description.run_id = run.info.run_id
    description.artifact_path = begun.artifact_location
    with tempfile.TemporaryDirectory() as folder:
        description.save(str(Path(folder, "MLmodel")))
        client.log_model_artifact(begun.model_id, str(Path(folder, "MLmodel")))
    client.finalize_logged_model(begun.model_id, "READY")
    if local := local_folder(begun.artifact_location):
        share(model.folder, local)
    return begun.model_id


def share(folder: Path, copy: Path) -> None:
    """Let MLflow's copy of a model be the same files, by hard links.

    Args:
        folder: of the model, in the store.
        copy: MLflow's folder, complete.
    """
    for own in filter(Path.is_file, folder.rglob("*")):
        file = copy / own.relative_to(folder)
        # where the file system has no links, it stays a copy
        with contextlib.suppress(OSError):
            if filecmp.cmp(own, file, shallow=False):
                sizes.link(file, own)


def local_folder(uri: str) -> Path | None:
    """The folder of an address of artifacts on this machine, else None."""
    path = Path(unquote(urlsplit(uri).path) if uri.startswith("file:") else uri)
    return path if path.is_absolute() and path.is_dir() else None


def read_description(folder: Path) -> "Description":
    """The MLmodel of a folder; MLflow's own function takes the path as an address."""
    import yaml
    from mlflow.models import Model as Description

    return Description.from_dict(
        yaml.safe_load((folder / "MLmodel").read_text("utf-8"))
    )


def model_name(model: Model) -> str:
    """Name of a logged model: recipe and run, without the signs that MLflow refuses."""
    return re.sub(r"[/:.%\"']", "_", f"{model.name} · {model.run_name}")


def card(model: Model) -> str:
    """The export's model card, as Markdown; of an export without one, its score."""
    saved_model = model.folder / "artifacts" / "saved_model"
    written = saved_model / CARD
    if written.is_file():
        return written.read_text("utf-8")
    served = read_served(saved_model)
    return (
        f"{model.question}\n\n-ln P of test through the SavedModel: "
        f"{served['test_nll']:.4f} nats a label, n = {served['test_n']} labels."
    ).strip()


def version_tags(model: Model) -> dict[str, str]:
    """Tags of a version: test, as the SavedModel has scored it."""
    served = read_served(model.folder / "artifacts" / "saved_model")
    difference = read_description(model.folder).metadata[PARITY]
    return {
        KEY: model.key,
        NLL: f"{served['test_nll']:.6g}",
        LABELS: str(served["test_n"]),
        PARITY: f"{difference:.3g}",
    }


def logged(client: "MlflowClient", experiment_id: str, key: str) -> str | None:
    """MLflow's id of an export that was sent whole; None without one."""
    found = client.search_logged_models([experiment_id], f"tags.`{KEY}` = '{key}'")
    return next((m.model_id for m in found if str(m.status) == "READY"), None)


def version_of(client: "MlflowClient", name: str, key: str) -> "ModelVersion | None":
    """The version of a registered name for an export; None without one."""
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(KEY) == key:
            return version
    return None
