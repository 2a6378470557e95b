"""The bytes of a SavedModel are a function of its content."""

import numpy as np
import tensorflow as tf

from components.serving.savedmodel import save


def scaled(weight, traced_before=0):
    """A module with a branch and a loop, and its signature."""
    for number in range(traced_before):  # each moves TensorFlow's counter
        tf.function(lambda x, n=number: x + n).get_concrete_function(tf.constant(1.0))
    module = tf.Module()
    module.weight = tf.Variable(weight)

    @tf.function
    def inner(x):
        return x * module.weight

    @tf.function
    def signature(x):
        x = tf.map_fn(inner, x)
        return {"y": tf.cond(tf.reduce_all(x > 0), lambda: inner(x), lambda: -x)}

    spec = tf.TensorSpec([None], tf.float32, "x")
    return module, {"serving_default": signature.get_concrete_function(spec)}


def test_bytes_do_not_depend_on_what_was_traced_before(tmp_path):
    contents = []
    for traced_before in (0, 7, 120):  # numbers of one, two and three digits
        folder = tmp_path / str(traced_before)
        module, signatures = scaled(3.0, traced_before)
        save(module, folder, signatures)
        contents.append((folder / "saved_model.pb").read_bytes())
    assert contents[0] == contents[1] == contents[2]
    assert not (tmp_path / "0" / "fingerprint.pb").exists()


def test_a_renamed_model_answers_as_the_module_did(tmp_path):
    module, signatures = scaled(3.0, traced_before=11)
    save(module, tmp_path, signatures)
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    for x in ([1.0, 2.0], [-1.0, 2.0], []):
        x = tf.constant(x, tf.float32)
        expected = signatures["serving_default"](x=x)["y"]
        np.testing.assert_array_equal(loaded(x=x)["y"], expected)
