"""Check numeric exports in OpenVINO and, by tf2onnx, in ONNX Runtime.

    python tests/runtimes/portable.py FOLDER/numeric ...

Each is asked its golden batch, and the same rows three times over. Ends with 1 if an
answer is not within 1e-4 nats of the evaluation's. `make runtimes` runs it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import openvino

TOLERANCE = 1e-4  # nats


def in_openvino(folder):
    """Open it in OpenVINO, which reads the folder itself.

    Returns:
        function: array [B, ...] -> float32 [B, K].
    """
    # what it prefers on some processors has 8 bits of mantissa
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(str(folder), "CPU", hints)
    return lambda inputs: model({"inputs": inputs})["log_probs"]


def in_onnxruntime(folder):
    """Make ONNX of it, and open that in ONNX Runtime.

    Returns:
        function: array [B, ...] -> float32 [B, K].
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "model.onnx")
        convert = [sys.executable, "-m", "tf2onnx.convert", "--opset", "18"]
        convert += ["--saved-model", str(folder), "--output", str(path)]
        done = subprocess.run(convert, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"tf2onnx failed:\n{done.stderr[-2000:]}")
        session = onnxruntime.InferenceSession(path.read_bytes())
    return lambda inputs: session.run(["log_probs"], {"inputs": inputs})[0]


def largest_difference(ask, golden):
    """Largest |answer - evaluation's| over two sizes of batch, nats.

    Args:
        ask: array [B, ...] -> float32 [B, K].
        golden: {"inputs": [N, ...], "log_probs": [N, K]}.

    Returns:
        float; NaN if an answer is.
    """
    differences = []
    for times in (1, 3):
        inputs, expected = (
            np.concatenate([golden[name]] * times) for name in ("inputs", "log_probs")
        )
        answer = ask(inputs)
        assert answer.shape == expected.shape, (answer.shape, expected.shape)
        differences.append(np.abs(answer - expected).max())
    return float(np.max(differences))


def main(folders):
    """Ask all of them, print the differences.  -> exit status."""
    status = 0 if folders else "no folder of a numeric export was given"
    for folder in map(Path, folders):
        stated = json.loads((folder / "numeric.json").read_text("utf-8"))
        with np.load(folder / stated["golden"]) as arrays:
            golden = dict(arrays)
        for open_it in (in_openvino, in_onnxruntime):
            difference = largest_difference(open_it(folder), golden)
            right = difference <= TOLERANCE  # NaN is wrong too
            status = status if right else 1
            verdict = "" if right else f", more than {TOLERANCE}"
            print(f"{folder}: {open_it.__name__}: {difference:.1e} nats{verdict}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
