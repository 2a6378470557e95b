"""MLflow's model of an export: a folder that MLflow logs, loads and serves.

mlflow_model/MLmodel                 signature, input example, the golden difference
             model_code.py, code/    the class that MLflow runs, and its imports
             requirements.txt, ...   pinned packages
             artifacts/saved_model/  hard links to the SavedModel beside it
"""

import inspect
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np

from phistar.components.serving import request

EXAMPLES = 2  # rows of the input example
PARITY = "phistar.parity"  # in MLmodel: difference of the golden batch, nats
# MLflow's type of a value that is not a list
TYPES = {
    "bool": "boolean",
    "string": "string",
    "int32": "long",
    "int64": "long",
    "float32": "double",
    "float64": "double",
}


def write(saved_model, folder):
    """Write MLflow's model, load it, and call it with the golden batch.

    Args:
        saved_model: Path of the SavedModel.
        folder: Path to write to.

    Returns:
        float, the largest |answer - evaluation's|, nats; see `away`.
    """
    import mlflow
    from mlflow.utils import requirements_utils

    from phistar.components.data import image_kinds, plain_image
    from phistar.components.serving import ask, model_code

    # Else MLflow reads the list of files of every installed package, which takes a
    # second, to warn of other versions than those that `requirements` has just read.
    requirements_utils._MODULES_TO_PACKAGES = {}
    contract = json.loads((saved_model / "contract.json").read_text("utf-8"))
    mlflow.pyfunc.save_model(
        folder,
        python_model=inspect.getsourcefile(model_code),
        code_paths=[
            inspect.getsourcefile(m) for m in (ask, request, plain_image, image_kinds)
        ],
        artifacts={"saved_model": str(saved_model)},
        signature=model_signature(contract),
        input_example=example(contract, saved_model),
        pip_requirements=requirements(contract),
    )
    copy = folder / "artifacts" / "saved_model"
    shutil.rmtree(copy)
    shutil.copytree(saved_model, copy, copy_function=link)
    difference = away(folder, contract, saved_model)
    described = mlflow.models.Model.load(folder)
    described.metadata = {PARITY: difference}
    flavor = described.flavors[mlflow.pyfunc.FLAVOR_NAME]
    # MLflow writes where the two came from, and reads neither path
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    flavor["artifacts"]["saved_model"]["uri"] = copy.relative_to(folder).as_posix()
    described.save(folder / "MLmodel")
    return difference


def away(folder, contract, saved_model):
    """Call MLflow's model with the golden batch, the columns in another order.

    Args:
        folder: Path of the model.
        contract: dict.
        saved_model: Path of the SavedModel, with the golden batch.

    Returns:
        float, the largest |answer - evaluation's|, nats; infinite if a decision
        differs, NaN if a number is NaN.
    """
    import mlflow

    model = mlflow.pyfunc.load_model(str(folder))

    def call(name, arrays):
        called = request.signature(contract, name)
        knobs = {k: arrays[k][0].item() for k in called.knobs if k in arrays}
        rows = frame({n: arrays[n] for n in reversed(called.inputs)}, called)
        answer = model.predict(rows, params={"signature": name} | knobs)
        return {end: array(answer[end].tolist()) for end in answer}

    def array(values):
        values = np.array(values)
        return np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values

    return request.farthest(request.golden(saved_model / contract["golden"]), call)


def frame(rows, called):
    """A request as MLflow takes it: text as str, images as bytes.

    Args:
        rows: input -> array [N, ...], strings as bytes.
        called: Signature.

    Returns:
        DataFrame of N rows, columns by their own names.
    """
    import pandas as pd

    def column(name, values):
        if values.dtype.kind == "f":
            return values.astype("float64")
        if values.dtype.kind != "S" or called.inputs[name]["form"] == "image":
            return values.tolist()
        return [value.decode("utf-8", "replace") for value in values.tolist()]

    return pd.DataFrame(
        {called.shown[name]: column(name, values) for name, values in rows.items()}
    )


def example(contract, saved_model):
    """The first x of the golden batch.  -> DataFrame."""
    called = request.signature(contract)
    rows = request.golden_rows(saved_model / contract["golden"], EXAMPLES)
    return frame({name: rows[name] for name in called.x}, called)


def model_signature(contract):
    """MLflow's signature: columns in and out, knobs as parameters.

    The columns in are x, and then every y, which `serving_default` does not need; each
    by its own name. The
    columns out are those of `serving_default`; other signatures answer with others.

    Args:
        contract: dict.

    Returns:
        mlflow.models.ModelSignature.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    every = [request.signature(contract, name) for name in contract["signatures"]]
    x = request.signature(contract).x
    inputs = x | {n: spec for called in every for n, spec in called.y.items()}
    shown = {n: name for called in every for n, name in called.shown.items()}
    knobs = {n: spec for called in every for n, spec in called.knobs.items()}
    outputs = contract["signatures"][request.DEFAULT]["outputs"]
    columns_in = [
        ColSpec(column_type(spec), shown[name], required=name in x)
        for name, spec in inputs.items()
    ]
    columns_out = [ColSpec(column_type(spec), name) for name, spec in outputs.items()]
    parameters = [
        ParamSpec(name, TYPES[spec["dtype"]], None)
        for name, spec in sorted(knobs.items())
    ]
    chosen = ParamSpec("signature", "string", request.DEFAULT)
    return ModelSignature(
        Schema(columns_in), Schema(columns_out), ParamSchema([chosen, *parameters])
    )


def column_type(spec):
    """MLflow's type of an input or output of the contract.

    Args:
        spec: dict; the first dimension of its shape counts the rows.
    """
    from mlflow.types.schema import Array

    kind = "binary" if spec.get("form") == "image" else TYPES[spec["dtype"]]
    for _ in spec["shape"][1:]:
        kind = Array(kind)
    return kind


def requirements(contract):
    """The packages of MLflow's model, with the versions that wrote it.  -> list."""
    names = ["mlflow", "numpy", "pandas", *contract["op_libraries"]]
    names += ["pillow"] * (contract["reads"] == "images")
    pinned = [f"{name.replace('_', '-')}=={version(name)}" for name in names]
    return [f"tensorflow=={contract['versions']['tensorflow']}", *pinned]


def link(source, target):
    """One more name of a file; a copy on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
