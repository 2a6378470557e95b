"""Exports as MLflow's models: logged with a run, registered under its recipe's name.

A model is one SavedModel behind `served.py`. It is written once: another run whose
export comes from the store is linked to the model that is there.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.clean import TOLERANCE, RejectedModel
from pipeline import quiet
from pipeline.contract import read_contract

CHAMPION = "champion"  # the alias of what is served
CODE = Path(__file__).with_name("served.py")
ASK = Path(__file__).parents[1] / "components" / "serving" / "ask.py"
KEY = "phistar.export"  # tag of models and versions: the export's key in the store
NLL, LABELS = "phistar.test_nll", "phistar.test_n"  # tags of versions
PARITY = "phistar.parity"  # tag of a version that has answered its golden batch, nats
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
            model_id=model_id,
            **described(model),
        )


def described(model):
    """What a version says of its export: test, as the SavedModel has scored it.

    Returns:
        dict: tags and description, of `create_model_version`.
    """
    served = read_contract(model.folder).get("served")
    if served is None:
        return {"tags": {KEY: model.key}}
    nll, number = served["test_nll"], served["test_n"]
    return {
        "tags": {KEY: model.key, NLL: f"{nll:.6g}", LABELS: str(number)},
        "description": "-ln P of test through the SavedModel: "
        f"{nll:.4f} nats a label, n = {number} labels.",
    }


def logged(client, experiment_id, key):
    """The id of the whole model of an export; None without one."""
    found = client.search_logged_models([experiment_id], f"tags.`{KEY}` = '{key}'")
    return next((m.model_id for m in found if str(m.status) == "READY"), None)


def version_of(client, name, key):
    """The version of a registered name that an export is; None without one.

    Returns:
        mlflow.entities.model_registry.ModelVersion.
    """
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(KEY) == key:
            return version
    return None


def write(client, uri, run, model):
    """Write the model to the artifacts of the run's experiment.  -> its id."""
    import mlflow
    from mlflow.models import Model as MlflowModel

    mlflow.set_tracking_uri(uri)
    contract = read_contract(model.folder)
    begun = client.create_logged_model(
        run.info.experiment_id,
        name="model",
        source_run_id=run.info.run_id,
        tags={KEY: model.key},
    )
    os.environ |= quiet.environment()
    # MLflow asks the model, so TensorFlow starts, and tells that `served.py` has no
    # type hints
    with quiet.startup():
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
    x = inputs_of(contract)
    with np.load(folder / contract["golden"], allow_pickle=False) as golden:
        found = {}
        for key, values in golden.items():
            _, side, name = key.split("/")
            if side == "in" and name in x:
                found.setdefault(name, values[:EXAMPLES])
    return frame({name: found[name] for name in x}, contract)


def frame(inputs, contract):
    """Rows as MLflow takes them: text as str, images as bytes.

    Args:
        inputs: dict of name -> array, strings as bytes.
        contract: dict.

    Returns:
        DataFrame.
    """
    import pandas as pd

    def column(name, values):
        if values.dtype.kind != "S":
            return values.astype("float64") if values.dtype.kind == "f" else values
        if contract["kind"] == "images" and name == "image":
            return values.tolist()
        return [value.decode("utf-8", "replace") for value in values.tolist()]

    return pd.DataFrame({name: column(name, v) for name, v in inputs.items()})


def requirements(contract):
    """The packages that the served model needs, with the versions that wrote it."""
    from importlib.metadata import version

    names = ["mlflow", "numpy", "pandas", *contract["op_libraries"]]
    pinned = [f"{name.replace('_', '-')}=={version(name)}" for name in names]
    return [f"tensorflow=={contract['versions']['tensorflow']}", *pinned]


def registered(client, name, key):
    """The version of a registered name that an export is.

    Raises:
        LookupError: if MLflow does not have it.
    """
    version = version_of(client, name, key)
    if version is None:
        raise LookupError(
            f"MLflow has no model of this export. Received: {name}, export {key}. "
            "Expected one that a run has logged: `phistar ui` sends what is missing."
        )
    return version


def prove(client, uri, version, folder):
    """Have a version asked its golden batch, unless it was asked before.

    Args:
        client: MlflowClient.
        uri: of the tracking server.
        version: ModelVersion.
        folder: Path of the SavedModel that it was made of.

    Raises:
        RejectedModel: it does not answer as evaluated.
        RuntimeError: it could not be asked.
    """
    if PARITY in version.tags:
        return
    model = f"models:/{version.name}/{version.version}"
    code = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.prove", uri, model, str(folder)],
        env=os.environ | quiet.environment() | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        # it may be the server's fault, or the network's
        raise RuntimeError(f"MLflow's {model} was not asked:\n{done.stderr[-2000:]}")
    difference = float(done.stdout.split()[-1])
    if not difference <= TOLERANCE:  # so that NaN is refused too
        raise RejectedModel(
            f"MLflow's {model} does not answer as the evaluated network did. Received: "
            f"a difference of {difference:.3g} nats. Expected {TOLERANCE} at most."
        )
    client.set_model_version_tag(
        version.name, version.version, PARITY, f"{difference:.3g}"
    )
