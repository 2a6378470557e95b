"""Exports as MLflow's models: logged with a run, registered under its recipe's name.

The stage `export` has written a model's folder and checked it. Here it is only sent,
once: a later run with the same export is linked to the model that exists.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.store import champions
from pipeline.store.contract import read_contract
from pipeline.store.store import Store
from pipeline.tracking.address import sent_to
from pipeline.tracking.outbox import Model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"  # the alias of the version that is served
KEY = "phistar.export"  # tag of models and versions: the export's key in the store
NLL, LABELS = "phistar.test_nll", "phistar.test_n"  # tags of versions
PARITY = "phistar.parity"  # tag of versions: the golden batch's difference, nats


def log(client: "MlflowClient", run_id: str, model: Model) -> None:
    """Log a model, and register it if it is to be; each unless it exists.

    Repeating changes nothing.

    Args:
        client: of MLflow.
        run_id: MLflow's, of the run that the export belongs to.
        model: the export.
    """
    import mlflow
    from mlflow.entities import LoggedModelOutput

    # the registry looks up the model of a version there, not with the client
    mlflow.set_tracking_uri(client.tracking_uri)
    run = client.get_run(run_id)
    model_id = logged(client, run.info.experiment_id, model.key)
    if model_id is None:
        model_id = send(client, run, model)
    if model_id not in {m.model_id for m in run.outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    if model.register and version_of(client, model.name, model.key) is None:
        if not client.search_registered_models(f"name = '{model.name}'"):
            client.create_registered_model(model.name)
        client.create_model_version(
            model.name,
            f"models:/{model_id}",
            run_id,
            model_id=model_id,
            **described(model),
        )


def send(client: "MlflowClient", run: "Run", model: Model) -> str:
    """Send a model's folder to the artifacts of the run's experiment.

    Args:
        client: of MLflow.
        run: MLflow's.
        model: the export.

    Returns:
        MLflow's id of the model.
    """
    from mlflow.models import Model as Description

    begun = client.create_logged_model(
        run.info.experiment_id,
        name="model",
        source_run_id=run.info.run_id,
        tags={KEY: model.key},
    )
    client.log_model_artifacts(begun.model_id, str(model.folder))
    # with the names that MLflow has given: by them it finds the model of a folder
    description = Description.load(str(model.folder))
    description.model_id = description.model_uuid = begun.model_id
    description.run_id = run.info.run_id
    description.artifact_path = begun.artifact_location
    with tempfile.TemporaryDirectory() as folder:
        description.save(str(Path(folder, "MLmodel")))
        client.log_model_artifact(begun.model_id, str(Path(folder, "MLmodel")))
    client.finalize_logged_model(begun.model_id, "READY")
    return begun.model_id


def described(model: Model) -> dict:
    """Tags and description of a version: test, as the SavedModel has scored it."""
    from mlflow.models import Model as Description

    saved_model = model.folder / "artifacts" / "saved_model"
    served = read_contract(saved_model)["served"]
    nll, number = served["test_nll"], served["test_n"]
    difference = Description.load(str(model.folder)).metadata[PARITY]
    return {
        "tags": {
            KEY: model.key,
            NLL: f"{nll:.6g}",
            LABELS: str(number),
            PARITY: f"{difference:.3g}",
        },
        "description": "-ln P of test through the SavedModel: "
        f"{nll:.4f} nats a label, n = {number} labels.",
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


def put(
    client: "MlflowClient", root: Path, name: str, origin: dict
) -> "ModelVersion | None":
    """The version of an export that is served; registered now if it was not.

    Args:
        client: of MLflow.
        root: project root.
        name: of the registered model.
        origin: run_id and export, of a served version.

    Returns:
        None if MLflow does not have the run, or the store the export.
    """
    key = origin["export"]
    version = version_of(client, name, key)
    if version is None:
        sent = sent_to(root, origin["run_id"])
        folder = Store(Path(root) / "mlruns").path("export", key) / "mlflow_model"
        if sent is not None and folder.exists():
            log(client, sent[1], Model(folder, key, name))
            version = version_of(client, name, key)
    return version


def restore_champions(client: "MlflowClient", root: Path) -> None:
    """Give each name that is served its alias again, where MLflow has lost it."""
    for name in champions.names(root):
        origin = champions.read_origin(champions.champion(name, root))
        version = put(client, root, name, origin)
        if version and CHAMPION not in client.get_registered_model(name).aliases:
            client.set_registered_model_alias(name, CHAMPION, version.version)
