"""What a SavedModel refuses."""

import pytest
import tensorflow as tf


def assert_refused(case, signature, inputs, *said):
    """The signature refuses these inputs, and says some words."""
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        case.ask(signature, **inputs)
    for words in said:
        assert words in error.value.message


def with_one_bad_row(case, signature, name, value):
    """Two rows, the second one bad, so that no row hides behind another."""
    inputs = {key: values[:2] for key, values in case.mixed(signature).items()}
    return inputs | {name: [inputs[name][0], value]}
