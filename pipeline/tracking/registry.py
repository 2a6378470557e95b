"""The registry, for a promotion.

A run registers its export in MLflow, unless it is not better than guessing or one of
many (see sender.py). A promotion registers what it promotes in any case.
"""

from pathlib import Path

from pipeline.tracking import models, ui
from pipeline.tracking.target import Target


def register(target: Target, root: Path, name: str, origin: dict) -> int:
    """Register an export that is to be served, unless it is registered.

    Args:
        target: MLflow.
        root: project root.
        name: of the registered model.
        origin: run_id and export, of a served version.

    Returns:
        MLflow's version number.

    Raises:
        LookupError: MLflow does not have the run.
    """
    version = models.version_of(target.client, name, origin["export"])
    if version is None:
        ui.sync(root)  # what an earlier run could not send
        version = models.put(target.client, root, name, origin)
    if version is None:
        raise LookupError(
            f"MLflow has no model of this export. Received: {name}, export "
            f"{origin['export']}. Expected one that a run has logged: `phistar ui` "
            "sends what is missing."
        )
    return int(version.version)


def crown(target: Target, root: Path, name: str, origin: dict) -> int:
    """Move MLflow's alias `champion` to an export.  -> MLflow's version number."""
    number = register(target, root, name, origin)
    target.client.set_registered_model_alias(name, models.CHAMPION, str(number))
    return number
