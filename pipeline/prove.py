"""A program of its own: MLflow's model answers a golden batch as it was evaluated.

    python -m pipeline.prove URI models:/NAME/VERSION FOLDER

asks it through MLflow, by rows whose columns are in another order than the signature's,
and prints the largest difference, nats. FOLDER is that of the SavedModel.
"""

import sys
from pathlib import Path

import numpy as np

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
    requests, expected = {}, {}
    with np.load(folder / contract["golden"], allow_pickle=False) as golden:
        for key, values in golden.items():
            signature, side, name = key.split("/")
            half = requests if side == "in" else expected
            half.setdefault(signature, {})[name] = values
    differences = []
    for signature, request in requests.items():
        rows = frame(dict(reversed(request.items())), contract)
        answer = loaded.predict(rows, params={"signature": signature})
        for name, values in expected[signature].items():
            given = np.array(answer[name].tolist())
            if values.dtype.kind == "S":
                same = given == np.char.decode(values, "utf-8")
                differences.append(0.0 if same.all() else np.inf)
            else:
                # float32 is no finer than this of hundreds of nats
                scale = np.maximum(1, np.abs(values) / 100)
                differences.append((np.abs(given - values) / scale).max())
    return float(np.max(differences))  # NaN if one of them is


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
