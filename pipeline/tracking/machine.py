"""The machine's load while a run works: MLflow's system metrics, under its names.

Source: mlflow/system_metrics/metrics of MLflow 3, whose names and units these are.
"""

from collections.abc import Callable
from contextlib import suppress

import psutil

MEGABYTE = 1e6


def monitors() -> Callable[[], dict]:
    """A function that measures the machine: {"system/<metric>": value}.

    Percentages are 0 to 100. The load of the CPUs covers the time since the call
    before. MLflow lists these first on a run's page, so there are few of them.
    """
    psutil.cpu_percent()  # the first call has no call before it, and returns 0
    measure_gpus = gpus()

    def measure() -> dict:
        memory = psutil.virtual_memory()
        values = measure_gpus() | {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / MEGABYTE,
        }
        return {f"system/{name}": round(value, 3) for name, value in values.items()}

    return measure


def gpus() -> Callable[[], dict[str, float]]:
    """A function that measures the NVIDIA GPUs; {} without one or without pynvml."""
    try:
        import pynvml
    except ImportError:
        return dict
    handles = []
    with suppress(pynvml.NVMLError):  # no driver
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]

    def measure() -> dict[str, float]:
        values = {}
        for i, handle in enumerate(handles):
            # a GPU may not report one of the three: the others still count
            with suppress(pynvml.NVMLError):
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
                percentage = 100 * memory.used / memory.total
                values[f"gpu_{i}_memory_usage_percentage"] = percentage
                values[f"gpu_{i}_memory_usage_megabytes"] = memory.used / MEGABYTE
            with suppress(pynvml.NVMLError):
                load = pynvml.nvmlDeviceGetUtilizationRates(handle)
                values[f"gpu_{i}_utilization_percentage"] = load.gpu
            with suppress(pynvml.NVMLError):
                power = pynvml.nvmlDeviceGetPowerUsage(handle)  # milliwatts, both
                limit = pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)
                values[f"gpu_{i}_power_usage_watts"] = power / 1000
                values[f"gpu_{i}_power_usage_percentage"] = 100 * power / limit
        return values

    return measure
