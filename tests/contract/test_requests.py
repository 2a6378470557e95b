"""Law: what goes with a SavedModel for servers is what it takes and answers."""

import base64
import json

import numpy as np
import tensorflow as tf
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.apis import prediction_log_pb2

from phistar.components.serving.warmup import BATCHING, ROWS, WARMUP


def files(case):
    """The folder of what goes with the SavedModel."""
    return case.saved_model / "assets.extra"


def warmups(case):
    """The warm-up requests, as TensorFlow Serving reads them.  -> list of proto."""
    path = str(files(case) / WARMUP)
    return [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(path)
    ]


def test_warm_up_asks_every_signature_for_one_row_and_for_several(case):
    found = {}
    for request in warmups(case):
        sizes = {tuple(p.tensor_shape.dim)[0].size for p in request.inputs.values()}
        assert len(sizes) == 1
        found.setdefault(request.model_spec.signature_name, []).append(sizes.pop())
    assert found == {name: [1, ROWS] for name in case.signatures}


def test_warm_up_requests_are_answered(case):
    for request in warmups(case):
        name = request.model_spec.signature_name
        specs = case.signatures[name].structured_input_signature[1]
        tensors = {}
        for key, proto in request.inputs.items():
            assert proto.dtype == specs[key].dtype.as_datatype_enum, (name, key)
            tensors[key] = tf.constant(tf.make_ndarray(proto))
        assert set(tensors) == set(specs)
        case.signatures[name](**tensors)


def arrays(values):
    """JSON's lists as arrays; strings as bytes."""

    def decoded(value):
        if isinstance(value, dict):
            return base64.b64decode(value["b64"])
        if isinstance(value, list):
            return [decoded(v) for v in value]
        return value.encode() if isinstance(value, str) else value

    values = decoded(values)
    return np.array(values, object if "bytes" in str(type(flat(values))) else None)


def flat(values):
    """The first leaf of nested lists."""
    while isinstance(values, list):
        values = values[0]
    return values


def test_golden_requests_get_their_golden_answers(case):
    for name in case.signatures:
        request, answer = (
            json.loads((files(case) / "golden" / f"{name}.{what}.json").read_text())
            for what in ("request", "answer")
        )
        assert request["signature_name"] == name
        inputs = {key: arrays(values) for key, values in request["inputs"].items()}
        found, outputs = case.ask(name, **inputs), answer["outputs"]
        if len(found) == 1:  # TensorFlow Serving does not name a single output
            outputs = dict.fromkeys(found, outputs)
        assert set(found) == set(outputs)
        for key, values in outputs.items():
            expected = arrays(values)
            if expected.dtype == object:
                assert found[key].tolist() == expected.tolist(), (name, key)
            else:
                np.testing.assert_allclose(
                    found[key], expected, rtol=0, atol=1e-4, err_msg=f"{name} {key}"
                )


def test_contract_states_a_default_for_every_knob(case):
    x = case.contract["signatures"]["serving_default"]["inputs"]
    data = {*x, "label", "text", "tokens", "lengths"}
    for name, signature in case.contract["signatures"].items():
        assert signature["inputs"].keys() - data <= case.contract["knobs"].keys(), name


def batching_parameters():
    """An empty BatchingParameters: TensorFlow Serving's package has not its proto.

    The fields are those of its session_bundle_config.proto.
    """
    field = descriptor_pb2.FieldDescriptorProto
    numbers = (
        "max_batch_size",
        "batch_timeout_micros",
        "max_enqueued_batches",
        "num_batch_threads",
    )
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="BatchingParameters")
    for number, name in enumerate(numbers, 1):
        message.field.add(
            name=name,
            number=number,
            type=field.TYPE_MESSAGE,
            type_name=".google.protobuf.Int64Value",
        )
    message.field.add(name="pad_variable_length_inputs", number=7, type=field.TYPE_BOOL)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    described = pool.FindMessageTypeByName("BatchingParameters")
    return message_factory.GetMessageClass(described)()


def test_batching_parameters_are_those_of_tensorflow_serving(case):
    text = (files(case) / BATCHING).read_text("utf-8")
    found = text_format.Parse(text, batching_parameters())
    # what it warms up with fits in a batch
    assert found.max_batch_size.value >= ROWS
    assert found.batch_timeout_micros.value > 0
    assert 0 < found.num_batch_threads.value <= found.max_enqueued_batches.value
    tokens = "log_prob_tokens" in case.signatures
    assert found.pad_variable_length_inputs == tokens
