"""A program of its own: MLflow's model answers a golden batch as it was evaluated.

    python -m pipeline.prove URI models:/NAME/VERSION FOLDER

asks it through MLflow, by rows whose columns are in another order than the signature's,
and prints the largest difference, nats. FOLDER is that of the SavedModel.
"""

import sys
from pathlib import Path

import numpy as np

from components.verify import apart, golden
from pipeline.contract import read_contract
from pipeline.registry import frame


def main(uri, model, folder):
    """Largest |answer - evaluation's| over the golden batch.

    A decision that is another one is infinitely far away.
    """
    import mlflow

    mlflow.set_tracking_uri(uri)
    loaded, folder = mlflow.pyfunc.load_model(model), Path(folder)
    contract = read_contract(folder)
    requests, expected = golden(folder / contract["golden"])
    differences = []
    for signature, request in requests.items():
        rows = frame(dict(reversed(request.items())), contract)
        answer = loaded.predict(rows, params={"signature": signature})
        for name, values in expected[signature].items():
            given = np.array(answer[name].tolist())
            texts = given.dtype.kind == "U"
            given = np.char.encode(given, "utf-8") if texts else given
            differences.append(apart(given, values))
    return float(np.max(differences))  # NaN if one of them is


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
