"""What a SavedModel may hold: no file, no Python, no place of this machine."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from phistar.components.serving import ops

PLACE = "/home/someone/words.txt"


def write_file(x):
    tf.raw_ops.SaveV2(
        prefix="draft", tensor_names=["x"], shape_and_slices=[""], tensors=[x]
    )
    return x


def read_file(x):
    return x + tf.cast(tf.strings.length(tf.io.read_file("words.txt")), tf.float32)


def run_python(x):
    return tf.ensure_shape(tf.numpy_function(lambda v: v, [x], tf.float32), [None])


def name_place(x):
    return x + tf.cast(tf.strings.length(tf.constant(PLACE)), tf.float32)


def saved(function, folder):
    """The SavedModel of a variable, and of a function beside it."""
    module = tf.Module()
    module.weight = tf.Variable(2.0)

    def answer(x):
        # in a branch: a function of its own, as loops have them
        return {"y": tf.cond(x[0] > 0, lambda: function(x * module.weight), lambda: x)}

    spec = tf.TensorSpec([None], tf.float32, "x")
    signature = tf.function(answer, autograph=False).get_concrete_function(x=spec)
    signatures = {"serving_default": signature}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def test_variables_are_saved_and_restored_by_the_loader_alone(tmp_path):
    model = saved(tf.nn.relu, tmp_path / "m")
    assert ops.unknown(model) == ops.paths(model) == []
    (meta,) = model.meta_graphs
    held = {node.op for _, node in ops.nodes(meta.graph_def)}
    assert {"SaveV2", "RestoreV2"} <= held


@pytest.mark.parametrize(
    ("function", "op"),
    [(write_file, "SaveV2"), (read_file, "ReadFile"), (run_python, "PyFunc")],
)
def test_an_operation_that_touches_a_file_or_runs_python_is_found(
    function, op, tmp_path
):
    (found,) = ops.unknown(saved(function, tmp_path / "m"))
    assert found.startswith(f"{op} in ")


def test_a_signature_that_calls_the_loader_is_found(tmp_path):
    model = saved(tf.nn.relu, tmp_path / "m")
    (meta,) = model.meta_graphs
    _, savers = ops.saver(meta)
    meta.graph_def.node.add(name="again", op="PartitionedCall").attr[
        "f"
    ].func.name = min(savers)
    assert ops.unknown(model) == ["a call of the loader in the graph"]


def test_an_absolute_path_is_found_unless_it_is_a_word_of_the_data(tmp_path):
    model = saved(name_place, tmp_path / "m")
    assert ops.paths(model) == [f"the path {PLACE}"]
    assert ops.paths(model, {PLACE}) == []
