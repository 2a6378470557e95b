"""One clear error when a step does not fit into the memory of a device."""

import contextlib
import re

GIB = 2**30
UNITS = {"bytes": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": GIB, "TiB": 2**40}
# "Out of memory while trying to allocate 91.34GiB." of XLA, or "... 98000000 bytes."
WANTED = re.compile(r"allocate ([\d.]+) ?(bytes|B|[KMGT]iB)")


@contextlib.contextmanager
def explained(devices, key, size, accumulate):
    """Explain the framework's error about memory, if the block raises one.

    Args:
        devices: Devices.
        key: name of the config key of the batch.
        size: its value.
        accumulate: parts that a batch is read in.

    Raises:
        ValueError: it names a batch that fits, and the parts that keep the batch.
    """
    try:
        yield
    except Exception as error:  # a type of the framework's own
        if not is_memory(error):
            raise
        wanted, free = wanted_bytes(str(error)), devices.free_memory()
        parts, sizes = 2, ""
        if wanted and free:
            sizes = f" It asked for {wanted / GIB:.1f} GiB; {free / GIB:.1f} are free."
            while parts < wanted / free:
                parts *= 2
        fits = max(1, size // parts)
        raise ValueError(
            f"a step does not fit into the memory of the {devices.kind}. Received: "
            f"{key}={size}, train.accumulate={accumulate}.{sizes} Expected less: "
            f"{key}={fits} should fit; train.accumulate={accumulate * parts} keeps the "
            "batch and reads it in parts."
        ) from error


def is_memory(error):
    """True if the framework has found no memory for an array."""
    return "RESOURCE_EXHAUSTED" in str(error) or (
        type(error).__name__ == "ResourceExhaustedError"
    )


def wanted_bytes(message):
    """The bytes that a framework's message says it could not have; None without one."""
    found = WANTED.search(message)
    return float(found[1]) * UNITS[found[2]] if found else None
