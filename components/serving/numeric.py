"""The network and P alone, arrays in and ln P out: a SavedModel of its own.

Without strings, tables and pictures' files, so other runtimes take it too: OpenVINO
opens it, tf2onnx makes ONNX of it. In its folder, beside the SavedModel's own files:

    numeric.json    what it takes and answers, and how raw inputs are encoded
    golden.npz      inputs: the first rows of test, encoded; log_probs: as evaluated
"""

import json

import numpy as np
import tensorflow as tf

from components.serving.savedmodel import save

# kind of data -> what its network takes; of texts this is no array of one shape
INPUTS = {
    "columns": "the columns of `encoder`, one behind the other: the numeric ones, "
    "(x - mean) / sqrt(variance), 0 where missing; then, of the numeric ones with "
    "`missing`, 1 where missing, else 0; then, of each categorical one, 1 at the place "
    "of its value, else 0; the first place is that of values not in `values`",
    "images": "pixels, 0 ... 255, [row, column, channel]",
}


def write(folder, server, inputs, log_probs):
    """Write the SavedModel, and ask it for its golden batch.

    Args:
        folder: Path to make.
        server: of components/serving/labels.py.
        inputs: array [N, ...], rows as the network takes them.
        log_probs: float [N, K], ln P of every label of theirs as evaluated, nats.

    Returns:
        float, the largest |difference| of an answer, nats; NaN if an answer is.
    """
    module = tf.Module()
    module.network = server.network  # tracked, so that its weights are saved

    def log_prob(inputs):
        logits = server.scale * server.network(inputs, training=False)
        return {"log_probs": server.task.log_probs(logits)}

    encoder = server.encoder
    spec = tf.TensorSpec([None, *encoder.shape], encoder.dtype, "inputs")
    function = tf.function(log_prob).get_concrete_function(inputs=spec)
    save(module, folder, {"serving_default": function})

    description = {
        "signature": "serving_default",
        "inputs": {
            "name": "inputs",
            "dtype": encoder.dtype,
            "shape": spec.shape.as_list(),  # one row or more
            "meaning": INPUTS[encoder.kind],
        },
        "outputs": {
            "name": "log_probs",
            "dtype": "float32",
            "shape": [None, server.task.space.size],
            "meaning": "ln P(y | x) for every label, nats",
        },
        "labels": list(server.task.space.names),
        "encoder": encoder.to_json(),
        "golden": "golden.npz",
    }
    text = json.dumps(description, indent=2, sort_keys=True) + "\n"
    (folder / "numeric.json").write_text(text, "utf-8")
    np.savez(folder / "golden.npz", inputs=inputs, log_probs=log_probs)

    # from the file, as others will
    asked = tf.saved_model.load(str(folder)).signatures["serving_default"]
    answer = asked(inputs=tf.constant(inputs))["log_probs"].numpy()
    # float32 is no finer than this of hundreds of nats
    scale = np.maximum(1, np.abs(log_probs) / 100)
    return float((np.abs(answer - log_probs) / scale).max())
