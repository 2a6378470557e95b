"""The MLflow model around a SavedModel: MLflow copies this file, and runs it as code.

It needs mlflow and what the SavedModel's contract names, and nothing of this project
but `ask.py`, which is copied beside it. A row of the input is one x; what a signature
takes beside x for a whole request, its knobs, are parameters:

    model = mlflow.pyfunc.load_model("models:/digits@champion")
    model.predict(rows, params={"signature": "sample", "temperature": 0.5})
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

DEFAULT = "serving_default"


class Served(mlflow.pyfunc.PythonModel):
    """The signatures of one SavedModel."""

    def load_context(self, context):
        """Load it; MLflow calls this once."""
        from ask import Model

        folder = Path(context.artifacts["saved_model"])
        self.contract = json.loads((folder / "contract.json").read_text("utf-8"))
        self.model = Model(folder, self.contract["op_libraries"])

    def predict(self, context, model_input, params=None):
        """Ask a signature.

        Args:
            context: not used.
            model_input: DataFrame of N rows, with the signature's inputs as columns.
            params: `signature`, and its knobs; None is its default. Row i draws with
                `seed` + i.

        Returns:
            DataFrame of N rows, with the signature's outputs as columns.

        Raises:
            MlflowException: what is wrong with the request.
        """
        from ask import Refused

        params = {k: v for k, v in (params or {}).items() if v is not None}
        name = params.pop("signature", DEFAULT)
        inputs = self.inputs(name, model_input, params)
        try:
            answer = self.model.call(name, inputs)
        except Refused as refusal:
            raise invalid(str(refusal)) from refusal
        return pd.DataFrame({key: plain(values) for key, values in answer.items()})

    def inputs(self, name, rows, params):
        """What the signature is called with.  -> dict of name -> array."""
        signatures = self.contract["signatures"]
        if name not in signatures:
            raise invalid(
                f"no such signature. Received: {name!r}. "
                f"Expected one of: {', '.join(sorted(signatures))}."
            )
        taken, x = signatures[name]["inputs"], signatures[DEFAULT]["inputs"]
        knobs = [knob for knob in self.contract["knobs"] if knob in taken.keys() - x]
        if unknown := sorted(params.keys() - knobs):
            raise invalid(
                f"{name} has no such parameter. Received: {', '.join(unknown)}. "
                f"Expected: {', '.join(knobs) or 'none'}."
            )
        made = {}
        for key, spec in taken.items():
            if key in knobs:
                value = params.get(key, self.contract["knobs"][key])
                made[key] = np.full(len(rows), value, spec["dtype"])
                made[key] += np.arange(len(rows)) if key == "seed" else 0
            elif key in rows:
                made[key] = column(rows[key], spec["dtype"])
            else:
                raise invalid(
                    f"{name} needs an input that is missing. Received: "
                    f"{', '.join(map(str, rows))}. Expected: "
                    f"{', '.join(k for k in taken if k not in knobs)}."
                )
        return made


def column(values, dtype):
    """One input.  Series -> array [N], or [N, T] of lists, filled with 0."""
    if dtype == "string":
        # in a table, pandas has NaN where a text is missing
        values = ["" if v is None or v != v else v for v in values]
        return np.array(
            [v.encode() if isinstance(v, str) else v for v in values], object
        )
    first = values.iloc[0] if len(values) else 0
    if not np.ndim(first):
        return values.to_numpy(dtype)
    width = max(map(len, values))
    return np.array([[*v, *[0] * (width - len(v))] for v in values], dtype)


def plain(values):
    """One output.  array [N, ...] -> list of N, strings as text."""
    if values.dtype == object:
        decode = np.vectorize(lambda v: v.decode("utf-8", "replace"), otypes=[object])
        values = decode(values) if values.size else values
    return values.tolist()


def invalid(message):
    """The error that MLflow's server answers with status 400."""
    return mlflow.MlflowException.invalid_parameter_value(message)


mlflow.models.set_model(Served())
