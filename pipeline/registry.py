"""Exports as MLflow's models: logged with a run, registered under its recipe's name.

A model is one SavedModel behind `served.py`. It is written once: another run whose
export comes from the store is linked to the model that is there.
"""

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

CHAMPION = "champion"  # the alias of what is served
CODE = Path(__file__).with_name("served.py")
ASK = Path(__file__).parents[1] / "components" / "serving" / "ask.py"
KEY = "phistar.export"  # tag of models and versions: the export's key in the store
# what MLflow calls the type of an input that is no list
TYPES = {"string": "string", "int32": "long", "int64": "long", "float32": "double"}
EXAMPLES = 2  # rows of the input example


class Model(NamedTuple):
    """An export to be logged.

    Args:
        folder: Path of the SavedModel.
        key: of the export.
        name: that it is registered under.
    """

    folder: Path
    key: str
    name: str


def log(client, uri, run_id, model):
    """Log and register a model, each unless it is there; repeating changes nothing.

    Args:
        client: MlflowClient.
        uri: of the tracking server.
        run_id: MLflow's, of the run that the export belongs to.
        model: Model.
    """
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(run_id)
    experiment_id = run.info.experiment_id
    model_id = logged(client, experiment_id, model.key)
    if model_id is None:
        model_id = write(client, uri, run, model)
    elif model_id not in {m.model_id for m in run.outputs.model_outputs}:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    if version_of(client, model.name, model.key) is None:
        if not client.search_registered_models(f"name = '{model.name}'"):
            client.create_registered_model(model.name)
        client.create_model_version(
            model.name,
            f"models:/{model_id}",
            run_id,
            tags={KEY: model.key},
            model_id=model_id,
        )


def logged(client, experiment_id, key):
    """The id of the whole model of an export; None without one."""
    found = client.search_logged_models([experiment_id], f"tags.`{KEY}` = '{key}'")
    return next((m.model_id for m in found if str(m.status) == "READY"), None)


def version_of(client, name, key):
    """The version of a registered name that an export is; None without one."""
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(KEY) == key:
            return version.version
    return None


def write(client, uri, run, model):
    """Write the model to the artifacts of the run's experiment.  -> its id."""
    import mlflow
    from mlflow.models import Model as MlflowModel

    mlflow.set_tracking_uri(uri)
    contract = json.loads((model.folder / "contract.json").read_text("utf-8"))
    begun = client.create_logged_model(
        run.info.experiment_id,
        name="model",
        source_run_id=run.info.run_id,
        tags={KEY: model.key},
    )
    with warnings.catch_warnings():  # that `served.py` has no type hints, for one
        warnings.simplefilter("ignore")
        info = MlflowModel.log(
            artifact_path=None,
            name="model",
            flavor=mlflow.pyfunc,
            run_id=run.info.run_id,
            model_id=begun.model_id,
            python_model=str(CODE),
            code_paths=[str(ASK)],
            artifacts={"saved_model": str(model.folder)},
            signature=signature(contract),
            input_example=example(contract, model.folder),
            pip_requirements=requirements(contract),
        )
    return info.model_id


def signature(contract):
    """MLflow's signature: columns in, columns out, knobs as parameters."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    every, x = contract["signatures"], inputs_of(contract)
    binary = contract["kind"] == "images"

    def column(name, spec, required=True):
        kind = TYPES[spec["dtype"]]
        kind = "binary" if binary and name == "image" else kind
        if len(spec["shape"]) > 1:
            kind = Array(kind)
        return ColSpec(kind, name, required=required)

    knobs = {name for name in contract["knobs"] if name not in x}
    optional = {
        name: spec
        for made in every.values()
        for name, spec in made["inputs"].items()
        if name not in x and name not in knobs
    }
    taken = {n: spec for made in every.values() for n, spec in made["inputs"].items()}
    return ModelSignature(
        Schema(
            [column(name, spec) for name, spec in x.items()]
            + [column(name, spec, required=False) for name, spec in optional.items()]
        ),
        None,
        ParamSchema(
            [
                ParamSpec("signature", "string", "serving_default"),
                *(
                    ParamSpec(name, TYPES[taken[name]["dtype"]], None)
                    for name in sorted(knobs & taken.keys())
                ),
            ]
        ),
    )


def inputs_of(contract):
    """x: what `serving_default` takes.  -> dict of name -> spec."""
    return contract["signatures"]["serving_default"]["inputs"]


def example(contract, folder):
    """The first x of the golden batch.  -> DataFrame."""
    import pandas as pd

    x = inputs_of(contract)
    with np.load(folder / contract["golden"], allow_pickle=False) as golden:
        found = {}
        for key, values in golden.items():
            _, side, name = key.split("/")
            if side == "in" and name in x:
                found.setdefault(name, values[:EXAMPLES])
    images = contract["kind"] == "images"
    return pd.DataFrame(
        {
            name: [
                v.decode("utf-8", "replace")
                if isinstance(v, bytes) and not images
                else v
                for v in found[name].tolist()
            ]
            for name in x
        }
    )


def requirements(contract):
    """The packages that the served model needs, with the versions that wrote it."""
    from importlib.metadata import version

    names = ["mlflow", "numpy", "pandas", *contract["op_libraries"]]
    pinned = [f"{name.replace('_', '-')}=={version(name)}" for name in names]
    return [f"tensorflow=={contract['versions']['tensorflow']}", *pinned]


def promote(client, name, key):
    """Let the alias `champion` mean an export.  -> its version.

    Raises:
        LookupError: if MLflow does not have it.
    """
    version = version_of(client, name, key)
    if version is None:
        raise LookupError(
            f"MLflow has no model of this export. Received: {name}, export {key}. "
            "Expected one that a run has logged: `phistar ui` sends what is missing."
        )
    client.set_registered_model_alias(name, CHAMPION, version)
    return version
