"""TensorFlow's start-up noise: kept from the terminal, unless something fails."""

import contextlib
import gc
import logging
import os
import sys
import tempfile


def environment(backend="tensorflow"):
    """What a process that runs Keras should have in its environment.  -> dict."""
    # 2 leaves errors; without a GPU driver, looking for one is itself an "error"
    hidden = {} if has_driver() else {"CUDA_VISIBLE_DEVICES": "-1"}
    # memory as it is needed: else the first process takes all of a GPU's
    growth = {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    chosen = {"TF_CPP_MIN_LOG_LEVEL": "2"} | hidden | growth
    return {"KERAS_BACKEND": backend} | {
        name: os.environ.get(name, value) for name, value in chosen.items()
    }


def has_driver():
    """Whether this machine shows a GPU driver (NVIDIA's, or that of WSL)."""
    return any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "dxg"))


@contextlib.contextmanager
def startup():
    """Hold back what is written to stderr meanwhile; show it if the block raises.

    The lines come from C++ before its log level is in force, so the descriptor
    itself is redirected.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
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


class WithoutTensorFlow:
    """An import hook with which TensorFlow is as if it were not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Refuse it; None, so that others are asked, for all else."""
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def import_keras(devices="auto"):
    """Import keras and make its backend say its first words, unheard.

    Args:
        devices: as `train.devices`; other than "auto" in a process of its own only.
    """
    if "keras" in sys.modules:
        return
    if os.environ.get("KERAS_BACKEND") == "jax":
        # Keras looks for TensorFlow on any backend, and imports it where it is:
        # seconds, and a second owner of the GPU's memory
        sys.meta_path.insert(0, WithoutTensorFlow)
    # batches have a few shapes by plan, and each of them is traced once
    logging.getLogger("tensorflow").addFilter(
        lambda record: "triggered tf.function retracing" not in record.getMessage()
    )
    gc.disable()  # a tenth of the import of some thousand modules
    try:
        with startup():
            import keras

            if devices != "auto":
                from components.training.devices import choose

                choose(devices)  # before the first tensor
            keras.ops.convert_to_tensor(0.0)
    finally:
        gc.freeze()
        gc.enable()
