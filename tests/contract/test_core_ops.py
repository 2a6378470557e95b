"""Law: the graph holds core TensorFlow operations, those it names, and no Python."""

import tensorflow as tf

from tests.helpers.saved_models import operations

LIBRARIES = {"tensorflow_text": "Sentencepiece"}  # what its operations begin with
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction"}


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
