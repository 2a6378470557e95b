"""MLflow's registry, for what is served.

A run registers its export in MLflow, unless it is not better than guessing or one of
many (see sender.py). A promotion registers what it promotes in any case.
"""

from pathlib import Path

from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store
from phistar.pipeline.tracking import models, reach
from phistar.pipeline.tracking.address import LOCAL, public_name, sent_to, tracking_uri
from phistar.pipeline.tracking.sender import Sending
from phistar.pipeline.tracking.target import Target

SHOWN = 10  # names that an error lists


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


def fetch(word: str, root: Path) -> Path:
    """The folder of the SavedModel of MLflow's model, fetched unless it is here.

    Args:
        word: models:/NAME@ALIAS, models:/NAME/VERSION, models:/ID, runs:/ID or
            runs:/ID/NAME.
        root: project root.

    Raises:
        ValueError: MLflow has no such model, or it is not of phistar.
        ConnectionError: MLflow does not answer.
    """
    name = public_name(root)
    if name == LOCAL and not (Path(root) / "mlruns" / "mlflow.db").exists():
        raise ValueError(
            f"there is no MLflow below {Path(root) / 'mlruns'}. Received: {word}. "
            "Expected the folder of a project that has runs (--root, or root= in "
            "Python), or the address of a server in MLFLOW_TRACKING_URI."
        )
    reach.require(root)
    target = Target(root)
    try:
        folder = models.fetch(tracking_uri(root), word)
    except target.error as error:
        said = " ".join(str(error).split())
        raise ValueError(
            f"MLflow at {name} gives no such model. Received: {word}, and from MLflow: "
            f"{said} Expected one of: {', '.join(known(target)) or 'a registered one'}."
        ) from error
    saved_model = folder / "artifacts" / "saved_model"
    if not (saved_model / "contract.json").is_file():
        raise ValueError(
            f"this model of MLflow is no export of phistar. Received: {word}, that is "
            f"{folder}. Expected artifacts/saved_model/contract.json in it."
        )
    return saved_model


def known(target: Target) -> list[str]:
    """The addresses of the registered models that have an alias or a version."""
    found = []
    for model in target.client.search_registered_models(max_results=SHOWN):
        if "'" in model.name:  # not one of ours, and MLflow cannot look it up
            continue
        found += [f"models:/{model.name}@{alias}" for alias in model.aliases]
        versions = target.client.search_model_versions(f"name = '{model.name}'")
        found += [f"models:/{model.name}/{version.version}" for version in versions[:1]]
    return found


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
