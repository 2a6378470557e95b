"""Exports as MLflow's models: logged with a run, registered under its recipe's name.

A model is one SavedModel behind `served.py`. It is written once: another run whose
export comes from the store is linked to the model that is there. It is registered when
it has answered its golden batch as evaluated.
"""

import os
from pathlib import Path

from pipeline.process import quiet
from pipeline.store import champions
from pipeline.store.contract import read_contract
from pipeline.tracking import golden

CHAMPION = "champion"  # the alias of what is served
CODE = Path(__file__).with_name("model_code.py")
ASK = Path(__file__).parents[2] / "components" / "serving" / "ask.py"
KEY = "phistar.export"  # tag of models and versions: the export's key in the store
NLL, LABELS = "phistar.test_nll", "phistar.test_n"  # tags of versions
PARITY = "phistar.parity"  # tag of versions: the golden batch's difference, nats
# what MLflow calls the type of an input that is no list
TYPES = {"string": "string", "int32": "long", "int64": "long", "float32": "double"}


def log(client, uri, run_id, model):
    """Log and register a model, each unless it is there; repeating changes nothing.

    Args:
        client: MlflowClient.
        uri: of the tracking server.
        run_id: MLflow's, of the run that the export belongs to.
        model: Model.

    Raises:
        RejectedModel: MLflow's model does not answer as evaluated.
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
        difference = golden.require(away(uri, model_id, model.folder))
        if not client.search_registered_models(f"name = '{model.name}'"):
            client.create_registered_model(model.name)
        client.create_model_version(
            model.name,
            f"models:/{model_id}",
            run_id,
            model_id=model_id,
            **described(model, difference),
        )


def away(uri, model_id, folder):
    """How far a logged model is from the evaluation.  -> float, nats."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    os.environ |= quiet.environment()
    with quiet.startup():
        return golden.away(mlflow.pyfunc.load_model(f"models:/{model_id}"), folder)


def described(model, difference):
    """What a version says of its export: test, as the SavedModel has scored it.

    Args:
        model: Model.
        difference: float, of its golden batch, nats.

    Returns:
        dict: tags and description, of `create_model_version`.
    """
    served = read_contract(model.folder)["served"]
    nll, number = served["test_nll"], served["test_n"]
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
            input_example=golden.example(contract, model.folder),
            pip_requirements=requirements(contract),
        )
    return info.model_id


def signature(contract):
    """MLflow's signature: columns in, columns out, knobs as parameters."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    every, x = contract["signatures"], golden.inputs_of(contract)
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


def restore_champions(client, root):
    """Give each name that is served its alias again, where MLflow has lost it.

    Args:
        client: MlflowClient.
        root: project root.
    """
    for name in champions.names(root):
        export = champions.read_origin(champions.champion(name, root))["export"]
        version = version_of(client, name, export)
        if version and CHAMPION not in client.get_registered_model(name).aliases:
            client.set_registered_model_alias(name, CHAMPION, version.version)
