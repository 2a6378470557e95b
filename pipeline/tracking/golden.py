"""The golden batch of an export, as MLflow's models take it."""

import numpy as np

from components.errors import RejectedModel
from components.serving.clean import TOLERANCE
from components.serving.verify import apart, golden
from pipeline.store.contract import read_contract

EXAMPLES = 2  # rows of the input example


def require(difference):
    """Refuse a model of MLflow's that does not answer as the evaluated network did.

    Args:
        difference: float, of `away`.

    Returns:
        float, the same.

    Raises:
        RejectedModel: it is more than 1e-4.
    """
    if not difference <= TOLERANCE:  # so that NaN is refused too
        raise RejectedModel(
            "MLflow's model does not answer as the evaluated network did. Received: "
            f"a difference of {difference:.3g} nats. Expected {TOLERANCE} at most."
        )
    return difference


def away(model, folder):
    """Ask MLflow's model of an export its golden batch, columns in another order.

    Args:
        model: mlflow.pyfunc.PyFuncModel.
        folder: Path of the SavedModel that it was made of.

    Returns:
        float, the largest |answer - evaluation's|, nats; infinite if a decision is
        another one, NaN if a number is none.
    """
    contract = read_contract(folder)
    requests, expected = golden(folder / contract["golden"])
    differences = []
    for signature, request in requests.items():
        knobs = contract["knobs"].keys() & request.keys() - inputs_of(contract)
        params = {name: request[name][0].item() for name in knobs}
        rows = {n: request[n] for n in reversed(request) if n not in knobs}
        answer = model.predict(
            frame(rows, contract), params={"signature": signature, **params}
        )
        for name, values in expected[signature].items():
            given = np.array(answer[name].tolist())
            texts = given.dtype.kind == "U"
            given = np.char.encode(given, "utf-8") if texts else given
            differences.append(apart(given, values))
    return float(np.max(differences))


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
