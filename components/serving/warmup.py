"""Requests of test that go with a SavedModel, in its folder assets.extra:

    tf_serving_warmup_requests      what TensorFlow Serving requests of a version before
                                    it is available: each signature, one row and several
    golden/NAME.request.json        a request of signature NAME in the form of its REST
    golden/NAME.answer.json         API, and the answer
    batching_parameters.txt         limits for several requests in one batch

Strings are text, but of images: {"b64": "..."}.
"""

import base64
import json

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from phistar.components.serving.request import golden_rows, plain, signature

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


def write(folder, contract, signatures):
    """Write all of them.

    Args:
        folder: Path of the SavedModel, its golden batch in it.
        contract: dict, its contract.
        signatures: name -> concrete function.
    """
    extra = folder / "assets.extra"
    (extra / "golden").mkdir()
    (extra / BATCHING).write_text(batching(contract), "utf-8")
    rows = golden_rows(folder / contract["golden"], ROWS)
    with tf.io.TFRecordWriter(str(extra / WARMUP)) as warmup:
        for name, function in signatures.items():
            specs = contract["signatures"][name]["inputs"]
            inputs = request(contract, name, rows)
            tensors = {key: tf.constant(values) for key, values in inputs.items()}
            for size in (1, ROWS):
                warmup.write(record(name, tensors, size))
            outputs = {k: plain(v.numpy()) for k, v in function(**tensors).items()}
            if len(outputs) == 1:  # that API does not name a single one
                (outputs,) = outputs.values()
            given = {key: as_json(inputs[key], spec) for key, spec in specs.items()}
            for what, content in (
                ("request", {"signature_name": name, "inputs": given}),
                ("answer", {"outputs": outputs}),
            ):
                path = extra / "golden" / f"{name}.{what}.json"
                path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def batching(contract):
    """The text form of TensorFlow Serving's BatchingParameters.  -> str."""
    text = BATCHING_TEXT.format(max_rows=contract["max_rows"])
    inputs = (s["inputs"].values() for s in contract["signatures"].values())
    ragged = any(None in end["shape"][1:] for ends in inputs for end in ends)
    return text + (PAD_TEXT if ragged else "")


def request(contract, name, rows):
    """Rows of test for a signature, and the knobs' defaults.

    Args:
        contract: dict.
        name: of the signature.
        rows: name -> array [N, ...], of x and of y that are names or text.

    Returns:
        dict of name -> array [N, ...].
    """
    called = signature(contract, name)
    size = len(rows[next(iter(called.x))])
    # the empty text, which is EOS alone
    rows = rows | {"tokens": [[0]] * size, "lengths": [1] * size}
    given = {key: rows[key] for key in called.inputs}
    return called.request(given, numbers=[0] * size)  # one seed for all rows


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


def as_json(values, spec):
    """One input as that API takes it.  array -> list."""
    if spec["form"] == "image":
        return [{"b64": base64.b64encode(value).decode()} for value in values]
    return values.tolist() if values.dtype.kind == "f" else plain(values)  # NaN stays
