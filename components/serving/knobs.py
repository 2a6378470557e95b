"""Knobs, the inputs of `sample` beside x; checks of requests; concrete functions."""

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
DEFAULTS = {"seed": 0, "temperature": 1.0, "top_p": 1.0}  # of requests without them
UNITS = {
    "seed": "integer; equal seeds draw equal labels",
    "temperature": f"in [{TEMPERATURE[0]}, {TEMPERATURE[1]}]; 1 samples from P",
    "top_k": "at least 1; the number of labels or more cuts nothing",
    "top_p": "in (0, 1]; 1 cuts nothing",
}


def knobs_in_range(temperature, top_k, top_p):
    """Assertions that refuse a request with a knob out of range.  -> list."""
    low, high = TEMPERATURE
    warm = (temperature >= low) & (temperature <= high)
    return [
        require(warm, f"temperature must be in [{low}, {high}]", temperature),
        require(top_k >= 1, "top_k must be at least 1", top_k),
        require((top_p > 0) & (top_p <= 1), "top_p must be in (0, 1]", top_p),
    ]


def require(allowed, message, values):
    """The assertion that refuses a request and shows the refused values.

    Args:
        allowed: bool, of each of the values.
        message: the rule, the input's name first.
        values: tensor of the same shape.

    Returns:
        Operation.
    """
    refused = tf.boolean_mask(values, ~allowed)
    return tf.debugging.Assert(
        tf.reduce_all(allowed), [f"{message}. Received:", refused]
    )


def noise(seed, size, temperature, top_k, top_p):
    """Random numbers for `sample`, after its knobs are checked.

    Each row has its own seed: the other rows of a batch change nothing.

    Args:
        seed: int64 [B].
        size: int, numbers a row.
        temperature, top_k, top_p: the other knobs, [B].

    Returns:
        float32 [B, size], in [0, 1).
    """
    with tf.control_dependencies(knobs_in_range(temperature, top_k, top_p)):
        return tf.map_fn(
            lambda s: tf.random.stateless_uniform([size], [s, 0]),
            seed,
            fn_output_signature=tf.TensorSpec([size], tf.float32),
        )


def concrete(functions):
    """{name: (function, its specs)} -> {name: concrete function}.

    Each refuses inputs whose number of rows is not that of its first one. An operation
    inside would repeat a single row for all of them, or fail without the input's name.
    """

    def checked(function, first):
        def call(**inputs):
            with tf.control_dependencies(same_rows(inputs, first)):
                inputs = {name: tf.identity(value) for name, value in inputs.items()}
            return function(**inputs)

        return call

    # without autograph: branches and loops are explicit, and tracing is faster
    return {
        name: tf.function(
            checked(function, next(iter(specs))), autograph=False
        ).get_concrete_function(**specs)
        for name, (function, specs) in functions.items()
    }


def same_rows(inputs, first):
    """The assertion that all inputs have as many rows as the one named `first`.

    One assertion for all of them, of few operations: a table may have many columns.

    Args:
        inputs: name -> tensor [B, ...].
        first: name.

    Returns:
        list of Operation, at most one.
    """
    others = [name for name in inputs if name != first]
    if not others:
        return []
    rows = tf.shape(inputs[first])[0]
    sizes = tf.concat([tf.shape(inputs[name])[:1] for name in others], axis=0)
    wrong = tf.argmax(tf.cast(sizes != rows, tf.int32))  # the first wrong one
    said = [f"{name} must have as many rows as {first}. Received:" for name in others]
    received = tf.gather(said, wrong), tf.gather(sizes, wrong)
    return [tf.debugging.Assert(tf.reduce_all(sizes == rows), received)]
