"""TensorFlow's start-up noise: kept from the terminal, unless something fails."""

import contextlib
import gc
import os
import sys
import tempfile


def environment(backend="tensorflow"):
    """What a process that runs Keras should have in its environment.  -> dict."""
    # 2 leaves errors; without a GPU driver, looking for one is itself an "error"
    driver = any(os.path.exists(f"/dev/{name}") for name in ("nvidiactl", "dxg"))
    hidden = {} if driver else {"CUDA_VISIBLE_DEVICES": "-1"}
    return (
        {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        | hidden
        | {
            name: os.environ[name]
            for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES")
            if name in os.environ
        }
    )


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


def import_keras():
    """Import keras and make TensorFlow say its first words, unheard."""
    if "keras" in sys.modules:
        return
    gc.disable()  # a tenth of the import of some thousand modules
    try:
        with startup():
            import keras

            keras.ops.convert_to_tensor(0.0)
    finally:
        gc.freeze()
        gc.enable()
