"""Law: the graph holds core TensorFlow operations, those it says, and no Python."""

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

LIBRARIES = {"tensorflow_text": "Sentencepiece"}  # what its operations begin with
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction"}


def operations(folder):
    """Names of all operations of a SavedModel, functions included; and its functions.

    Returns:
        (set of str, set of str).
    """
    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    found, functions = set(), set()
    for graph in model.meta_graphs:
        found |= {node.op for node in graph.graph_def.node}
        for function in graph.graph_def.library.function:
            functions.add(function.signature.name)
            found |= {node.op for node in function.node_def}
    return found, functions


def test_saved_model_needs_core_operations_and_those_of_its_libraries(case):
    found, functions = operations(case.saved_model)
    assert "MatMul" in found  # the graph was read
    # tf.raw_ops lists what the library was built with, not what was loaded later
    foreign = {op for op in found - functions if not hasattr(tf.raw_ops, op)}
    begin = tuple(LIBRARIES[name] for name in case.contract["op_libraries"])
    assert {op for op in foreign if not op.startswith(begin)} == set()
    assert bool(foreign) == bool(begin)


def test_saved_model_calls_no_python(case):
    found, _ = operations(case.saved_model)
    assert found & PYTHON == set()
