"""Law: a bad request gets one error, which names the input and shows what it held."""

from pathlib import Path

import numpy as np
import pytest

from phistar.components.serving import request
from tests.helpers.saved_models import assert_refused, with_one_bad_row

BAD_KNOBS = [
    ("temperature", 0.0),
    ("temperature", -1.0),
    ("temperature", 1000.0),
    ("temperature", np.nan),
    ("top_k", 0),
    ("top_p", 0.0),
    ("top_p", 1.5),
    ("top_p", np.nan),
]
MOST = {"language": 4096, "translation": 1024}  # tokens that may be asked for
LARGE = 2**24  # of it the broken code makes arrays of 256 MiB, and of 2^31 - 1 8 GiB
MIB = 2**20


@pytest.mark.parametrize(("name", "value"), BAD_KNOBS)
def test_knob_of_sample_out_of_its_range(case, name, value):
    inputs = with_one_bad_row(case, "sample", name, value)
    received = f"Received:] [{value:g}]"
    assert_refused(case, "sample", inputs, f"{name} must be ", received)


@pytest.mark.parametrize("signature", ["predict", "sample"])
def test_length_of_a_text_out_of_its_range(sequence_case, signature):
    most = MOST[sequence_case.task["name"]]
    for value in (0, -3, most + 1):
        inputs = with_one_bad_row(sequence_case, signature, "max_length", value)
        message = f"max_length must be in [1, {most}]. Received:"
        assert_refused(sequence_case, signature, inputs, message, str(value))


def outside(limits):
    """Numbers beside a range, which is given in the words of JSON Schema."""
    if "minimum" in limits:
        yield limits["minimum"] - 1
    if "exclusiveMinimum" in limits:
        yield limits["exclusiveMinimum"]
    if "maximum" in limits:
        yield limits["maximum"] + 1
        yield LARGE


def grown(call):
    """How far the memory of this process rises while something is done, bytes."""

    def memory(word):
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition(f"{word}:")[2].split()[0])

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    call()
    return memory("VmHWM") - before


def test_every_knob_has_a_range_that_is_checked_before_memory_is_taken(case):
    ranges, seen = case.contract["ranges"], set()
    for name in case.signatures:
        called = request.signature(case.contract, name)
        for knob in called.knobs.keys() & ranges.keys():
            for value in outside(ranges[knob]):
                inputs = with_one_bad_row(case, name, knob, value)
                words = f"{knob} must be ", "Received:"
                taken = grown(lambda: assert_refused(case, name, inputs, *words))  # noqa: B023
                assert taken < 100 * MIB, (name, knob, value)
                # the same for `serve`, `predict` and MLflow's model
                with pytest.raises(request.Wrong, match=f"^{knob} must be ") as error:
                    called.settings({knob: value})
                assert (error.value.name, error.value.received) == (knob, str(value))
            seen.add(knob)
    assert seen == ranges.keys() == case.contract["knobs"].keys() - {"seed"}


def test_inputs_that_differ_in_their_rows(case):
    first = next(iter(case.request(slice(0, 1))))
    for signature in case.signatures:
        inputs = {key: values[:3] for key, values in case.mixed(signature).items()}
        for name in inputs.keys() - {first}:
            for size in (1, 2):
                bad = inputs | {name: inputs[name][:size]}
                message = f"{name} must have as many rows as {first}. Received:"
                assert_refused(case, signature, bad, message, f"[{size}]")


def test_unknown_label_with_the_legal_ones(label_case):
    names, inputs = label_case.names, label_case.request(slice(0, 2))
    inputs |= {"label": [names[0], "no such label"]}
    message = f"label must be one of: {', '.join(names)}"
    assert_refused(label_case, "log_prob", inputs, message, "no such label")


@pytest.mark.parametrize(
    ("row", "length", "message"),
    [
        ([1, 99_999], 2, "tokens must be in"),
        ([1, -1], 2, "tokens must be in"),
        ([0, 1], 2, "EOS"),
        ([1, 1], 3, "lengths must be in"),
        ([1, 1], -1, "lengths must be in"),
    ],
)
def test_tokens_that_are_no_text(sequence_case, row, length, message):
    inputs = sequence_case.request(slice(0, 2))
    inputs |= {"tokens": [[1, 1], row], "lengths": [2, length]}
    assert_refused(sequence_case, "log_prob_tokens", inputs, message, "Received:")
