"""Law: a request alone and in a batch gets one answer, from every signature."""

import numpy as np
import pytest

SIZE = 12


def answers(case, signature, rows):
    """The answers to some rows of the test inputs, each with knobs of its own."""
    request = case.request(rows)
    number = np.arange(SIZE)[rows]
    if signature == "log_prob":
        return case.ask("log_prob", **request, label=np.array(case.test_labels)[rows])
    if signature == "sample":
        temperature, top_p = 0.5 + number / 4, 1 - number / 40
        return case.draw(request, 7 + number, temperature, 1 + number % 4, top_p)
    return case.ask(signature, **request)


@pytest.mark.parametrize(
    "signature", ["serving_default", "predict", "log_prob", "sample"]
)
def test_answer_alone_equals_the_answer_in_a_batch(case, signature):
    together = answers(case, signature, slice(0, SIZE))
    for row in range(0, SIZE, 3):
        alone = answers(case, signature, slice(row, row + 1))
        for name, values in alone.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values[0], together[name][row], atol=1e-5)
            else:
                np.testing.assert_array_equal(values[0], together[name][row])


def test_answer_to_an_empty_batch_is_empty(case):
    answer = case.ask("predict", **empty(case.request(slice(0, 1))))
    assert all(len(values) == 0 for values in answer.values())


def empty(request):
    """No row of a request, its dtypes kept."""
    return {
        name: np.empty(0, "float32" if values.dtype.kind == "f" else "S1")
        for name, values in request.items()
    }
