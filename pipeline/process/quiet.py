"""TensorFlow's start-up messages, hidden from the terminal unless something fails.

A process is a command's own, or a user's, as in a notebook. In a user's nothing is
hidden from other imports, and garbage is collected as before.
"""

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord

INFO = 20  # of the package logging, whose import takes a while
# settings of Keras that change a result, as it has them without a user's own: those
# come from ~/.keras/keras.json, and from variables such as KERAS_MAX_EPOCHS
KERAS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
_shared = False  # with a user's code, as in a notebook
_redirecting = threading.RLock()  # a process has one stderr


def share_process() -> None:
    """Hide nothing from the other code of this process, from now on."""
    global _shared
    _shared = True


def environment(backend: str = "tensorflow") -> dict[str, str]:
    """The environment variables of a process that runs Keras.

    Variables that the user has set keep their values.
    """
    # Level 2 leaves errors. Without a GPU driver TensorFlow logs an error when it
    # looks for one, so it must not look.
    chosen = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    if not has_driver():
        chosen["CUDA_VISIBLE_DEVICES"] = "-1"
    # Memory as it is needed; otherwise the first process takes all of a GPU's.
    chosen["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    chosen["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    chosen = {name: os.environ.get(name, value) for name, value in chosen.items()}
    return chosen | {"KERAS_BACKEND": backend}


def backend_name() -> str:
    """Name of the framework that Keras runs on, as people write it."""
    jax = os.environ.get("KERAS_BACKEND") == "jax"
    return "JAX" if jax else "TensorFlow"


def has_driver() -> bool:
    """True if this machine has a GPU driver, NVIDIA's or that of WSL."""
    return any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "dxg"))


@contextlib.contextmanager
def startup() -> Iterator[None]:
    """Hold back stderr in the block; show it if the block raises.

    The lines come from C++ before its log level is in force, so the descriptor
    itself is redirected.
    """
    import tempfile

    with _redirecting, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def hide_libraries() -> None:
    """Write to stderr from Python only, from now on: for a child process.

    What JAX's C++ writes while ranks end is a consequence of an error, told elsewhere.
    """
    sys.stderr.flush()
    sys.stderr = open(os.dup(2), "w", buffering=1, errors="replace")  # noqa: SIM115
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


@contextlib.contextmanager
def without_gc() -> Iterator[None]:
    """Collect no garbage in the block, nor later what it made: modules, syntax trees.

    A search for garbage among them takes a tenth of an import, a fifth of a plan.
    """
    if _shared:  # a user's garbage would be kept too
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load_library() -> None:
    """Load TensorFlow's shared library, a gigabyte, before the import does.

    On a cold disk that takes seconds. Inside an import all other threads would wait for
    it, and the progress on the terminal would stand still.
    """
    import ctypes
    import importlib.util

    found = importlib.util.find_spec("tensorflow")
    if backend_name() != "TensorFlow" or found is None or not found.origin:
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    with startup():
        for path in sorted(Path(found.origin).parent.glob("libtensorflow_*.so.*")):
            dlopen(os.fsencode(path), os.RTLD_NOW)  # the import reports a failure


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Hide packages in the block, as if they were not installed.

    TensorFlow and Keras import some that only functions need which are not ours. That
    takes seconds. In a user's process they may be needed, now or later.
    """
    hidden = [name for name in names if not _shared and name not in sys.modules]
    sys.modules |= dict.fromkeys(hidden)  # None refuses an import
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def worth_reading(record: "LogRecord") -> bool:
    """False for a log line of TensorFlow that no one can act on.

    In a notebook TensorFlow tells where it writes. Batches have a few shapes by plan,
    and each is traced once: no fault to report.
    """
    retraced = "triggered tf.function retracing" in record.getMessage()
    return record.levelno > INFO and not retraced


def require_tensorflow() -> None:
    """Refuse a process in which Keras runs on another backend.

    Raises:
        ValueError: it was imported with one.
    """
    keras = sys.modules.get("keras")
    if keras is None or keras.config.backend() == "tensorflow":
        return
    raise ValueError(
        "Keras has another backend in this process. Received: "
        f"{keras.config.backend()}. Expected tensorflow: restart Python (in a notebook "
        'its kernel), and set os.environ["KERAS_BACKEND"] = "tensorflow" before keras '
        "is imported; or import phistar alone, which does so."
    )


def configure(settings: dict) -> dict:
    """Give Keras, which is imported, some settings.

    Args:
        settings: with the names of KERAS.

    Returns:
        those that it had.
    """
    config = sys.modules["keras"].config
    before = {name: getattr(config, name)() for name in settings}
    for name, value in settings.items():
        getattr(config, f"set_{name}")(value)
    return before


class WithoutTensorFlow:
    """An import hook that hides TensorFlow: Keras looks into sys.modules too."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse TensorFlow; for all else None: the next hook looks."""
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def import_keras(devices: str = "auto", ranks: dict | None = None) -> None:
    """Import keras and start its backend, without its start-up messages.

    Args:
        devices: as `train.devices`; other than "auto" only in a child process.
        ranks: arguments of `ranks.join`, if this process is one of several that train.
    """
    if "keras" in sys.modules:
        return
    unused = ["pandas", "sklearn"]
    if os.environ.get("KERAS_BACKEND") == "jax":
        # Keras imports TensorFlow on any backend if it is installed. TensorFlow would
        # take GPU memory too, so it stays hidden.
        sys.meta_path.insert(0, WithoutTensorFlow)
    else:
        unused.append("jax")
    if not _shared:
        import logging

        logging.getLogger("tensorflow").addFilter(worth_reading)
    with without_gc(), startup(), without(*unused):
        import keras

        configure(KERAS)
        if devices != "auto":
            from phistar.components.training.devices import choose

            choose(devices)  # before the first tensor
        if ranks:
            from phistar.components.training.ranks import join

            join(**ranks)
        keras.ops.convert_to_tensor(0.0)
