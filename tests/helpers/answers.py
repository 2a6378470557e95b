"""Answers of `phistar predict`, and those of the SavedModel itself."""

import json

import numpy as np
import tensorflow as tf


def answers(done):
    """Objects of the lines of a command's output.  Done -> list of dict."""
    assert done.status == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(folder, name, **inputs):
    """Call a SavedModel, one row after the other.  -> list of dict."""
    found = tf.saved_model.load(str(folder)).signatures[name]
    rows = zip(*inputs.values(), strict=True)

    def one(value):
        # a list would make 64 bits of a NumPy number 32
        return tf.constant([value] if isinstance(value, bytes | str) else value[None])

    return [
        {
            key: value.numpy()[0]
            for key, value in found(
                **{n: one(v) for n, v in zip(inputs, row, strict=True)}
            ).items()
        }
        for row in rows
    ]


def same(ours, theirs):
    """Require the SavedModel's answers of the command, to rounding in a batch."""
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert set(our) - {"file", "line"} == set(their)
        for name, value in their.items():
            if isinstance(value, bytes):
                assert our[name] == value.decode()
            elif value.dtype == object:
                assert our[name] == [v.decode() for v in value]
            elif value.dtype.kind == "f":
                np.testing.assert_allclose(our[name], value, rtol=1e-4, atol=1e-5)
            else:
                size = their["lengths"] if name == "tokens" else None
                assert our[name] == (value[:size] if value.ndim else value).tolist()
