"""The machine's metrics are those that MLflow measures, under its names."""

import importlib
import sys
import time
import types

import pytest

from phistar.pipeline.record.journal import read
from phistar.pipeline.tracking import follower
from phistar.pipeline.tracking.machine import monitors
from tests.helpers import records
from tests.helpers.commands import until


def mlflows():
    """MLflow's own monitors of CPU and memory, read once."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor

    monitor = CPUMonitor()
    monitor.collect_metrics()
    values = monitor.aggregate_metrics()
    return {f"system/{name}": value for name, value in values.items()}


class Devices(types.ModuleType):
    """Two GPUs as NVIDIA's package shows them; the second has no power meter."""

    class NVMLError(Exception):
        pass

    nvmlInit = staticmethod(lambda: None)
    nvmlDeviceGetCount = staticmethod(lambda: 2)
    nvmlDeviceGetHandleByIndex = staticmethod(lambda i: i)

    def nvmlDeviceGetMemoryInfo(self, handle):
        return types.SimpleNamespace(used=3 * 10**9 + handle, total=80 * 10**9)

    def nvmlDeviceGetUtilizationRates(self, handle):
        return types.SimpleNamespace(gpu=40 + handle)

    def nvmlDeviceGetPowerUsage(self, handle):
        if handle:
            raise self.NVMLError("not supported")
        return 123_456

    def nvmlDeviceGetEnforcedPowerLimit(self, handle):
        return 700_000


def test_a_failing_write_does_not_end_the_metrics(tmp_path, monkeypatch):
    monkeypatch.setattr(follower, "SAMPLE_SECONDS", 0.01)
    record = records.start(tmp_path)
    path = record.path.with_suffix(".system.jsonl")
    path.mkdir()  # nothing can be written there
    sampler = follower.Sampler(tmp_path, [record.run_id], lambda: lambda: {"a": 1.0})
    sampler.begin()
    time.sleep(0.05)
    assert sampler.is_alive()
    path.rmdir()
    until(lambda: len(read(path)[0]) > 1)
    sampler.stop()
    steps = [entry["step"] for entry in read(path)[0]]
    assert steps == list(range(len(steps)))


def gpu(name):
    return name.startswith("system/gpu_")


def test_monitors_measure_what_mlflow_measures():
    measured, expected = monitors()(), mlflows()
    own = {name for name in measured if not gpu(name)}
    assert own == {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
    }
    assert own <= expected.keys()
    # a busy machine moves it a little
    memory = "system/system_memory_usage_megabytes"
    assert measured[memory] == pytest.approx(expected[memory], rel=0.2)
    assert 0 <= measured["system/cpu_utilization_percentage"] <= 100


def test_gpus_are_measured_as_mlflow_measures_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Devices("pynvml"))
    module = "mlflow.system_metrics.metrics.gpu_monitor"
    monkeypatch.delitem(sys.modules, module, raising=False)
    monitor = importlib.import_module(module).GPUMonitor()
    monitor.collect_metrics()
    expected = monitor.aggregate_metrics()
    assert expected["gpu_0_power_usage_watts"] == 123.5
    assert "gpu_1_power_usage_watts" not in expected
    measured = monitors()()
    assert {n: v for n, v in measured.items() if gpu(n)} == {
        f"system/{name}": pytest.approx(value, abs=0.051)
        for name, value in expected.items()
    }
