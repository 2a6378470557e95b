"""Devices to train on: one, or several with a copy of the network each.

    train.devices   a machine with G GPUs    a machine without
    auto            all G                    the CPU
    cpu             the CPU                  the CPU
    gpu             all G                    refused
    a count N       the first N; N <= G      N logical CPUs, to try several devices

Several devices split each batch between them. With TensorFlow that is
`tf.distribute.MirroredStrategy`, with JAX `keras.distribution.DataParallel`.
CUDA_VISIBLE_DEVICES hides GPUs from either. Several ranks (ranks.py) have the devices
of each of them; a count is that of each.
"""

import contextlib
import importlib.util
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

MIB = 2**20


@dataclass(frozen=True)
class Devices:
    """Devices that train.

    Args:
        kind: "cpu" or "gpu".
        handles: objects of the framework, one a device.
        strategy: tf.distribute.Strategy where TensorFlow has several, else None.
        rank, ranks: number of this process, and of all that train together.
    """

    kind: str
    handles: tuple
    strategy: Any = None
    rank: int = 0
    ranks: int = 1

    @property
    def count(self):
        """Number of devices; the rows of a batch are split between them."""
        return len(self.handles)

    @property
    def jit_compile(self):
        """Use of XLA, as `compile` takes it: "auto" or False.

        On a CPU, TensorFlow's own kernels (oneDNN) run a small VGG's step 1.5 times
        as fast as XLA's, which also compiles for seconds (bench/overhead.py). Inside
        XLA, MirroredStrategy cannot add its gradients. JAX always uses XLA.
        """
        if keras.backend.backend() == "jax":
            return "auto"
        return "auto" if self.kind == "gpu" and self.strategy is None else False

    def scope(self):
        """Context to create the variables in that training changes."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def description(self):
        """Facts for the log.

        Returns:
            {"device": name, "device_count", "device_driver", "processes"}, the last if
            there are several.
        """
        facts = {"device": self._name(), "device_count": self.count}
        if self.ranks > 1:
            facts["processes"] = self.ranks
        driver = Path("/proc/driver/nvidia/version")
        if self.kind == "gpu" and driver.exists():
            facts["device_driver"] = driver.read_text().splitlines()[0]
        return facts

    def peak_memory(self):
        """Largest memory of one device so far, MiB; of a CPU, that of this process."""
        if self.kind == "cpu":  # Linux counts in KiB
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if keras.backend.backend() == "jax":
            own = [h for h in self.handles if h.process_index == self.rank]
            peaks = [handle.memory_stats()["peak_bytes_in_use"] for handle in own]
        else:
            import tensorflow as tf

            names = [f"GPU:{i}" for i in range(self.count)]
            peaks = [tf.config.experimental.get_memory_info(n)["peak"] for n in names]
        return max(peaks) / MIB

    def free_memory(self):
        """Bytes of the first GPU that are not in use; None where nothing reports it."""
        if self.kind == "cpu" or keras.backend.backend() != "jax":
            return None
        own = next(h for h in self.handles if h.process_index == self.rank)
        memory = own.memory_stats()
        return memory["bytes_limit"] - memory["bytes_in_use"]

    def _name(self):
        """Name of the first device; several are of one kind."""
        if self.kind == "cpu":
            return processor()
        if keras.backend.backend() == "jax":
            return self.handles[0].device_kind
        import tensorflow as tf

        gpu = tf.config.list_physical_devices("GPU")[0]
        return tf.config.experimental.get_device_details(gpu)["device_name"]


def choose(devices):
    """Configure the framework's devices, before it makes its first tensor.

    Args:
        devices: "auto", "cpu", "gpu" or a count, as above.
    """
    count = devices if isinstance(devices, int) else None
    if keras.backend.backend() == "jax":
        import jax

        if devices == "cpu":
            jax.config.update("jax_platforms", "cpu")
        if count:
            jax.config.update("jax_num_cpu_devices", count)
        return
    import tensorflow as tf

    # TensorFlow fixes its devices at the first tensor: later calls would raise
    gpus = tf.config.list_physical_devices("GPU")
    if devices == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif count and gpus:
        tf.config.set_visible_devices(gpus[:count], "GPU")
    elif count:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        tf.config.set_logical_device_configuration(cpu, parts)


def place(devices):
    """Devices to train on; with JAX, batches are split over them from now on.

    Args:
        devices: "auto", "cpu", "gpu" or a count, as above.

    Returns:
        Devices.

    Raises:
        ValueError: if they do not exist.
    """
    jax = keras.backend.backend() == "jax"
    kind, handles = _jax_devices() if jax else _tensorflow_devices()
    if devices == "gpu" and kind == "cpu":
        raise ValueError(
            "`train.devices=gpu` needs a GPU. Received: a machine on which "
            f"{keras.backend.backend()} finds none. {_advice()}"
        )
    rank, ranks = _place_among_ranks() if jax else (0, 1)
    if isinstance(devices, int):
        groups = [handles]
        if ranks > 1:
            groups = [
                [h for h in handles if h.process_index == number]
                for number in range(ranks)
            ]
        if (least := min(map(len, groups))) < devices:
            raise ValueError(
                f"`train.devices={devices}` needs as many devices. Received: "
                f"{least} ({kind}). Lower it. {_advice()}"
            )
        handles = tuple(handle for group in groups for handle in group[:devices])
    if len(handles) == 1:
        return Devices(kind, handles)
    if not jax:
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy([handle.name for handle in handles])
        return Devices(kind, handles, strategy)
    names = [f"{kind}:{handle.id}" for handle in handles]
    # each rank reads its own rows
    split = keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
    keras.distribution.set_distribution(split)
    return Devices(kind, handles, rank=rank, ranks=ranks)


@contextlib.contextmanager
def alone():
    """Make and use networks in the block on this process's first device alone."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def processor():
    """Name of the CPU, from the system."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "CPU"


def _tensorflow_devices():
    """(kind, handles): the GPUs, else the CPUs."""
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return "gpu", tuple(gpus)
    return "cpu", tuple(tf.config.list_logical_devices("CPU"))


def _jax_devices():
    """(kind, handles) of JAX's default platform."""
    import jax

    handles = tuple(jax.devices())
    return handles[0].platform, handles


def _place_among_ranks():
    """(rank of this process, number of ranks), as JAX has joined them."""
    import jax

    return jax.process_index(), jax.process_count()


def _advice():
    """Advice on what may be missing.  -> str."""
    name, package = "JAX", "jax[cuda12]"
    if keras.backend.backend() == "tensorflow":
        name, package = "TensorFlow", "tensorflow[and-cuda]"
        if importlib.util.find_spec("nvidia"):
            return "`nvidia-smi` shows what the system has."
    return f"{name} sees NVIDIA's GPUs with `pip install '{package}'`."
