"""What `sample` takes beside x, whatever the labels; and how signatures are made."""

import tensorflow as tf

TEMPERATURE = (0.01, 100.0)  # range that `sample` accepts


def knob(name, dtype):
    """A number for each row."""
    return tf.TensorSpec([None], dtype, name)


KNOBS = {
    "seed": knob("seed", tf.int64),
    "temperature": knob("temperature", tf.float32),
    "top_k": knob("top_k", tf.int32),
    "top_p": knob("top_p", tf.float32),
}
KNOB_UNITS = {
    "seed": "integer; equal seeds draw equal labels",
    "temperature": f"in [{TEMPERATURE[0]}, {TEMPERATURE[1]}]; 1 samples from P",
    "top_k": "at least 1; the number of labels or more cuts nothing",
    "top_p": "in (0, 1]; 1 cuts nothing",
}


def knobs_in_range(temperature, top_k, top_p):
    """Assertions that refuse a request with a knob out of range.  -> list."""
    low, high = TEMPERATURE
    return [
        require((temperature >= low) & (temperature <= high), "temperature", low, high),
        tf.debugging.Assert(tf.reduce_all(top_k >= 1), ["top_k must be at least 1"]),
        tf.debugging.Assert(
            tf.reduce_all((top_p > 0) & (top_p <= 1)), ["top_p must be in (0, 1]"]
        ),
    ]


def require(condition, name, low, high):
    """The assertion that a knob is in its range, in every row."""
    message = f"{name} must be in [{low}, {high}]"
    return tf.debugging.Assert(tf.reduce_all(condition), [message])


def noise(seed, size):
    """Numbers of each row's own seed, so that a batch changes nothing.

    Args:
        seed: int64 [B].
        size: int, numbers a row.

    Returns:
        float32 [B, size], in [0, 1).
    """
    return tf.map_fn(
        lambda s: tf.random.stateless_uniform([size], [s, 0]),
        seed,
        fn_output_signature=tf.TensorSpec([size], tf.float32),
    )


def concrete(functions):
    """{name: (function, its specs)} -> {name: concrete function}."""
    return {
        name: tf.function(function).get_concrete_function(**specs)
        for name, (function, specs) in functions.items()
    }
