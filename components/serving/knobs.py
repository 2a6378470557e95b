"""Knobs, the inputs of `sample` beside x; checks of requests; concrete functions."""

from typing import NamedTuple

import tensorflow as tf


class Range(NamedTuple):
    """The numbers that a knob may be.

    Args:
        low: the least.
        high: the largest; None for no limit.
        above: True if `low` itself is refused.
    """

    low: float
    high: float | None = None
    above: bool = False

    def __str__(self):
        if self.high is None:
            return f"at least {self.low}"
        return f"in {'(' if self.above else '['}{self.low}, {self.high}]"

    def holds(self, values):
        """True where a value may be asked for; NaN may not.  [B] -> bool [B]."""
        enough = values > self.low if self.above else values >= self.low
        return enough if self.high is None else enough & (values <= self.high)

    def to_json(self):
        """The range in the words of JSON Schema.  -> plain data."""
        low = "exclusiveMinimum" if self.above else "minimum"
        return {low: self.low} | ({} if self.high is None else {"maximum": self.high})


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
RANGES = {  # of the knobs that have one
    "temperature": Range(0.01, 100.0),
    "top_k": Range(1),
    "top_p": Range(0, 1, above=True),
}
UNITS = {
    "seed": "integer; equal seeds draw equal labels",
    "temperature": f"{RANGES['temperature']}; 1 samples from P",
    "top_k": f"{RANGES['top_k']}; the number of labels or more cuts nothing",
    "top_p": f"{RANGES['top_p']}; 1 cuts nothing",
}


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


def noise(seed, size):
    """Random numbers for `sample`.

    Each row has its own seed: the other rows of a batch change nothing.

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


def concrete(functions, ranges):
    """Concrete functions that check a request before they do anything else.

    Each refuses a knob out of its range, which may ask for more memory than there is.
    Each refuses inputs whose number of rows is not that of its first one. An operation
    inside would repeat a single row for all of them, or fail without the input's name.

    Args:
        functions: name -> (function, its specs).
        ranges: knob -> Range.

    Returns:
        dict of name -> concrete function.
    """

    def checked(function, first):
        def call(**inputs):
            checks = [
                require(ranges[n].holds(values), f"{n} must be {ranges[n]}", values)
                for n, values in inputs.items()
                if n in ranges
            ]
            with tf.control_dependencies([*checks, *same_rows(inputs, first)]):
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
