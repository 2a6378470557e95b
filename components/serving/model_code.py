"""MLflow's model of a SavedModel: MLflow copies this file and runs the copy.

It needs mlflow and the packages that the SavedModel's contract names. Of this project
it needs `ask.py`, `request.py`, `plain_image.py` and `image_kinds.py`, which MLflow
copies too. A row of the input is one x. The knobs of a signature are parameters, one
number for all rows:

    model = mlflow.pyfunc.load_model("models:/digits@champion")
    model.predict(rows, params={"signature": "sample", "temperature": 0.5})
"""

import json
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd


class Served(mlflow.pyfunc.PythonModel):
    """The signatures of one SavedModel."""

    def load_context(self, context):
        """Load it; MLflow calls this once."""
        # by name: their copies are found in a folder of MLflow's only
        self.request = import_module("request")
        folder = Path(context.artifacts["saved_model"])
        self.contract = json.loads((folder / "contract.json").read_text("utf-8"))
        self.model = import_module("ask").Model(folder, self.contract["op_libraries"])

    def predict(self, context, model_input, params=None):
        """Call a signature.

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
        request = self.request
        knobs = {k: v for k, v in (params or {}).items() if v is not None}
        called = None
        try:
            name = knobs.pop("signature", request.DEFAULT)
            called = request.signature(self.contract, name)
            # columns of other signatures may be in the same table
            ends = {n: end for n, end in called.places.items() if n in model_input}
            rows = {
                name: cells(model_input[name], called.inputs[end])
                for name, end in ends.items()
            }
            answer = self.model.call(called.name, called.request(rows, knobs))
        except ValueError as error:  # MLflow's server answers this one with status 400
            message = called.in_words(str(error)) if called else str(error)
            raise mlflow.MlflowException.invalid_parameter_value(message) from error
        return pd.DataFrame(
            {
                output: request.plain(values)
                if values.dtype == object
                else values.tolist()
                for output, values in answer.items()
            }
        )


def cells(column, spec):
    """Values of one input.

    Args:
        column: Series [N].
        spec: dict, the contract's.

    Returns:
        list of N or array [N]; a missing text is an empty one.
    """
    if spec["dtype"] == "string":
        # pandas has NaN where a text is missing
        return ["" if v is None or v != v else v for v in column]
    if len(spec["shape"]) > 1:
        return [np.asarray(value).tolist() for value in column]
    return column.to_numpy(spec["dtype"])


mlflow.models.set_model(Served())
