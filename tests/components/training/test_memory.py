"""A step that does not fit into a GPU's memory: what the user is told."""

import pytest

from phistar.components.training import memory
from phistar.components.training.devices import Devices

# as XLA and TensorFlow word it
XLA = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 91.34GiB."


class Gpu:
    """A GPU with 10 GiB that are free, as JAX shows one."""

    process_index = 0

    def memory_stats(self):
        return {"bytes_limit": 12 * memory.GIB, "bytes_in_use": 2 * memory.GIB}


@pytest.fixture
def devices(monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    return Devices("gpu", (Gpu(),))


def test_a_batch_that_fits_is_named(devices):
    with pytest.raises(ValueError) as raised:  # noqa: SIM117
        with memory.explained(devices, "train.batch_size", 256, 2):
            raise RuntimeError(XLA)
    # 91.34 / 10 is more than 8 and less than 16
    assert "asked for 91.3 GiB; 10.0 are free" in str(raised.value)
    assert "train.batch_size=16 should fit" in str(raised.value)
    assert "train.accumulate=32 keeps the batch" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (XLA, 91.34 * memory.GIB),
        ("trying to allocate 98000 bytes.", 98000),
        ("OOM when allocating tensor with shape[3,4]", None),
    ],
)
def test_bytes_are_read_from_the_message(text, expected):
    assert memory.wanted_bytes(text) == expected


def test_other_errors_are_left_alone(devices):
    with pytest.raises(RuntimeError, match="shapes"):  # noqa: SIM117
        with memory.explained(devices, "train.batch_size", 256, 1):
            raise RuntimeError("shapes differ")
