"""Requests of test that go with a SavedModel, in its folder assets.extra:

    tf_serving_warmup_requests      what TensorFlow Serving asks a version before it is
                                    available: each signature, one row and several
    golden/NAME.request.json        a request of signature NAME in the form of its REST
    golden/NAME.answer.json         API, and the answer
    batching_parameters.txt         how it may answer several requests at once

Strings are text, but of images: {"b64": "..."}.
"""

import base64
import json

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARMUP = "tf_serving_warmup_requests"
ROWS = 3  # of a golden request

BATCHING = "batching_parameters.txt"
BATCHING_TEXT = """\
# TensorFlow Serving: --enable_batching --batching_parameters_file=THIS_FILE
# A row's answer does not depend on the others. But a request that is refused takes
# those in its batch with it: leave batching off where clients send nonsense.

# rows of a batch, and of a request, at most
max_batch_size {{ value: {max_rows} }}
# a request waits 1 ms for others at most
batch_timeout_micros {{ value: 1000 }}
# batches at once; make it the server's cores
num_batch_threads {{ value: 4 }}
# batches that wait; what comes then is refused, rather than answered too late
max_enqueued_batches {{ value: 16 }}
"""
PAD_TEXT = """\
# tokens are [B, T]: rows of less than T are filled up, and `lengths` says what counts
pad_variable_length_inputs: true
"""


def write(folder, contract, golden, signatures):
    """Write all of them.

    Args:
        folder: Path of the SavedModel.
        contract: dict, its contract.
        golden: arrays of the evaluation by "signature/in/name": rows of test.
        signatures: name -> concrete function.
    """
    extra = folder / "assets.extra"
    (extra / "golden").mkdir()
    (extra / BATCHING).write_text(batching(contract), "utf-8")
    with tf.io.TFRecordWriter(str(extra / WARMUP)) as warmup:
        for name, function in signatures.items():
            inputs = request(contract, golden, name)
            tensors = {key: tf.constant(values) for key, values in inputs.items()}
            for rows in (1, ROWS):
                warmup.write(record(name, tensors, rows))
            asked = {"signature_name": name, "inputs": plain(inputs, contract)}
            answers = {k: v.numpy() for k, v in function(**tensors).items()}
            outputs = plain(answers, contract)
            if len(outputs) == 1:  # that API does not name a single one
                (outputs,) = outputs.values()
            for what, content in (("request", asked), ("answer", {"outputs": outputs})):
                path = extra / "golden" / f"{name}.{what}.json"
                path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def batching(contract):
    """The text form of TensorFlow Serving's BatchingParameters.  -> str."""
    text = BATCHING_TEXT.format(max_rows=contract["max_rows"])
    inputs = (s["inputs"].values() for s in contract["signatures"].values())
    ragged = any(None in end["shape"][1:] for ends in inputs for end in ends)
    return text + (PAD_TEXT if ragged else "")


def request(contract, golden, name):
    """What a signature is asked: rows of test, and the knobs' defaults.

    Args:
        contract, golden: see `write`.
        name: of the signature.

    Returns:
        dict of name -> array [ROWS, ...].
    """
    x = contract["signatures"]["serving_default"]["inputs"]
    known = {}
    for key, values in golden.items():
        _, side, of = key.split("/")
        if side == "in":
            known.setdefault(of, values[:ROWS])
    rows = len(known[next(iter(x))])
    made = {}
    for key, spec in contract["signatures"][name]["inputs"].items():
        if key in contract["knobs"] and key not in x:
            made[key] = np.full(rows, contract["knobs"][key], spec["dtype"])
        elif key == "tokens":  # the empty text: EOS
            made[key] = np.zeros((rows, 1), spec["dtype"])
        elif key == "lengths":
            made[key] = np.ones(rows, spec["dtype"])
        else:
            made[key] = known[key]
    return made


def record(name, tensors, rows):
    """One warm-up request.  -> bytes, a PredictionLog."""
    asked = predict_pb2.PredictRequest()
    asked.model_spec.signature_name = name
    for key, tensor in tensors.items():
        proto = tf.make_tensor_proto(tensor[:rows])
        asked.inputs[key].CopyFrom(proto)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(asked)
    return log.SerializeToString(deterministic=True)


def plain(arrays, contract):
    """Arrays as JSON data.  dict of name -> array -> dict of name -> list."""

    def of(name, values):
        if values.dtype.kind not in "SO":  # numbers, or NumPy's own text
            return values.tolist()
        if contract["kind"] == "images" and name == "image":
            return [{"b64": base64.b64encode(v).decode()} for v in values.tolist()]
        return np.vectorize(lambda v: v.decode("utf-8", "replace"), otypes=[object])(
            values
        ).tolist()

    return {name: of(name, np.asarray(values)) for name, values in arrays.items()}
