"""A SavedModel's operations, and its refusals."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel


def operations(folder):
    """Names of a SavedModel's operations, those of its functions too.

    Returns:
        (set of str, the operations; set of str, the functions).
    """
    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    found, functions = set(), set()
    for graph in model.meta_graphs:
        found |= {node.op for node in graph.graph_def.node}
        for function in graph.graph_def.library.function:
            functions.add(function.signature.name)
            found |= {node.op for node in function.node_def}
    return found, functions


def assert_refused(case, signature, inputs, *parts):
    """Require an error of a signature whose message has these parts."""
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        case.ask(signature, **inputs)
    for part in parts:
        assert part in error.value.message


def with_one_bad_row(case, signature, name, value):
    """Inputs of two rows, the second one bad, so that no row hides behind another."""
    inputs = {key: values[:2] for key, values in case.mixed(signature).items()}
    return inputs | {name: [inputs[name][0], value]}
