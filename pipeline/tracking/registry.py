"""MLflow's registry, for what is served.

A run registers its export in MLflow, unless it is not better than guessing or one of
many (see sender.py). A promotion registers what it promotes in any case.
"""

from pathlib import Path

from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store
from phistar.pipeline.tracking import models
from phistar.pipeline.tracking.address import sent_to
from phistar.pipeline.tracking.sender import Sending
from phistar.pipeline.tracking.target import Target


def register(target: Target, root: Path, name: str, origin: dict) -> int | None:
    """Register an export that is served, unless it is registered.

    Args:
        target: MLflow.
        root: project root.
        name: of the registered model.
        origin: run_id and export, of a served version.

    Returns:
        MLflow's version number; None if MLflow does not have the run, or the store
        does not have the export.
    """
    key, run_id = origin["export"], origin["run_id"]
    version = models.version_of(target.client, name, key)
    sent = sent_to(root, run_id)
    folder = Store(Path(root) / "mlruns").path("export", key) / "mlflow_model"
    if version is None and sent is not None and folder.exists():
        model = Sending(root, run_id, target).model(folder, key, register=True)
        models.log(target.client, sent[1], model)
        version = models.version_of(target.client, name, key)
    return version and int(version.version)


def crown(target: Target, name: str, version: int) -> None:
    """Give MLflow's alias `champion` to a version."""
    target.client.set_registered_model_alias(name, models.CHAMPION, str(version))


def restore_champions(target: Target, root: Path) -> None:
    """Give each name that is served its alias again, where MLflow has lost it."""
    for name in champions.names(root):
        origin = champions.read_origin(champions.champion(name, root))
        version = register(target, root, name, origin)
        if version is None:
            continue
        aliases = target.client.get_registered_model(name).aliases
        if models.CHAMPION not in aliases:
            crown(target, name, version)
