"""Law: a request alone and in a batch gets one answer, from every signature."""

import numpy as np


def test_answer_alone_equals_the_answer_in_a_batch(case):
    for signature in case.signatures:
        inputs = case.mixed(signature)
        together = case.ask(signature, **inputs)
        for row in range(0, case.SIZE, 3):
            one = {name: values[row : row + 1] for name, values in inputs.items()}
            for name, values in case.ask(signature, **one).items():
                said = f"{signature}, {name} of row {row}"
                assert_same(values[0], together[name][row], said)


def assert_same(alone, together, said):
    """A row of an answer is that of a batch, which is as wide as its longest row."""
    if np.ndim(alone):
        rest = together[len(alone) :]
        # of texts that a narrower beam has not
        assert not rest.any() or (rest == -1e30).all(), said
        together = together[: len(alone)]
    if np.asarray(alone).dtype.kind == "f":
        np.testing.assert_allclose(alone, together, 1e-6, 1e-5, err_msg=said)
    else:
        np.testing.assert_array_equal(alone, together, said)


def test_answer_to_an_empty_batch_is_empty(case):
    for signature in case.signatures:
        inputs = case.mixed(signature)
        none = {name: np.asarray(values)[:0] for name, values in inputs.items()}
        answer = case.ask(signature, **none)
        assert all(len(values) == 0 for values in answer.values()), signature
