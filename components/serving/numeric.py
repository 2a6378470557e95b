"""The network and P alone, arrays in and ln P out: a second SavedModel.

It has no strings, lookup tables or image files, so other runtimes take it too: OpenVINO
opens it, tf2onnx makes ONNX of it. In its folder, beside the SavedModel's own files:

    numeric.json    its inputs and outputs, and how raw inputs are encoded
    golden.npz      inputs: the first rows of test, encoded; log_probs: as evaluated
"""

import json

import numpy as np
import tensorflow as tf

from phistar.components.serving.ask import load
from phistar.components.serving.clean import require_close
from phistar.components.serving.request import differences


def write(folder, server, inputs, log_probs):
    """Write the SavedModel, and call it with its golden batch.

    Args:
        folder: Path to make.
        server: LabelServer.
        inputs: array [N, ...], rows as the network takes them.
        log_probs: float [N, K], ln P of every label of theirs as evaluated, nats.

    Returns:
        float, the largest |difference| of an answer, nats.

    Raises:
        RejectedModel: if an answer differs from the evaluation's.
    """
    module = tf.Module()
    module.network = server.network  # tracked, so that its weights are saved

    def log_prob(inputs):
        logits = server.scale * server.network(inputs, training=False)
        return {"log_probs": server.task.log_probs(logits)}

    encoder = server.encoder
    spec = tf.TensorSpec([None, *encoder.shape], encoder.dtype, "inputs")
    function = tf.function(log_prob, [spec], autograph=False).get_concrete_function()
    signatures = {"serving_default": function}
    tf.saved_model.save(module, str(folder), signatures=signatures)

    description = {
        "signature": "serving_default",
        "inputs": {
            "name": "inputs",
            "dtype": encoder.dtype,
            "shape": spec.shape.as_list(),  # one row or more
            "meaning": encoder.array,
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
    asked = load(folder).signatures["serving_default"]
    answer = asked(inputs=tf.constant(inputs))["log_probs"].numpy()
    difference = float(differences(answer, log_probs).max())
    require_close(difference, "the numeric SavedModel")
    return difference
