"""Training on one JAX device: a scan over several steps, over data that lie there.

Keras calls one step at a time on JAX. A small network then waits for Python, and a
large one for its batch, which the host gathers and sends. Here the arrays of train are
sent once, if they fit. A batch is then its row numbers, and one call of the device
makes several steps.
"""

import keras
import numpy as np

from components.data.arrays import Ragged
from components.training.fit import Training

SHARE = 4  # the arrays may take 1 / SHARE of the memory of a device


class ScannedTraining(Training):
    """Training whose steps are a scan, on JAX.

    Args:
        arrays: (inputs, labels) on the device; `x` and `y` of a batch are then row
            numbers. None: batches hold their data.
        together: True makes the steps of a call in one scan, if their batches have
            one shape; else one after the other, as XLA's loops are slow on a CPU.
        network, task, loss, label_smoothing, augmentation: as in Training.
    """

    def __init__(self, arrays, together, *arguments):
        super().__init__(*arguments)
        self.arrays, self.by_row = arrays, arrays is not None
        self.together = together

    def make_train_function(self, force=False):
        """Make the function that `fit` calls: (state, iterator) -> (logs, state)."""
        if self.train_function is not None and not force:
            return
        import jax

        def one(state, arrays, batch):
            if arrays is not None:
                rows, _, weights = batch
                batch = *(array[rows] for array in arrays), weights
            return self.train_step(state, batch)

        def scan(state, arrays, batches):
            def body(state, batch):
                return one(state, arrays, batch)[::-1]

            state, logs = jax.lax.scan(body, state, batches)
            # the loss that Keras reports is the mean so far
            return jax.tree.map(lambda values: values[-1], logs), state

        # the old weights are given up, so that their memory holds the new ones
        one_step, many = (jax.jit(call, donate_argnums=0) for call in (one, scan))

        def train(state, iterator):
            batches = [next(iterator) for _ in range(self.steps_per_execution)]
            if self.together and len({shapes(batch) for batch in batches}) == 1:
                return many(state, self.arrays, jax.tree.map(stack, *batches))
            for batch in batches:  # also sentence pairs, in batches of several shapes
                logs, state = one_step(state, self.arrays, batch)
            return logs, state

        self.train_function = train


def make_training(devices, inputs, labels, *arguments):
    """The Training for the devices: ScannedTraining for one device of JAX.

    Args:
        devices: Devices.
        inputs, labels: of train, as `Dataset.split` gives them.
        arguments: of Training.
    """
    if keras.backend.backend() != "jax" or devices.count > 1:
        return Training(*arguments)
    arrays = on_device(inputs, labels, devices.handles[0])
    return ScannedTraining(arrays, devices.kind == "gpu", *arguments)


def shapes(batch):
    """Shapes of the arrays of a batch.  -> tuple."""
    return tuple(array.shape for array in keras.tree.flatten(batch))


def stack(*parts):
    """One array of the parts, where they are: NumPy's stay on the host."""
    if isinstance(parts[0], np.ndarray):
        return np.stack(parts)
    return keras.ops.stack(parts)


def on_device(inputs, labels, device):
    """The arrays of train on a JAX device, or None if they are large or texts.

    Args:
        inputs, labels: as `Dataset.split` gives them.
        device: jax.Device.
    """
    import jax

    if isinstance(labels, Ragged):  # the plan lays texts end to end, in NumPy
        return None
    memory = device.memory_stats()
    # A CPU reports none. There a gather inside XLA makes a step of a small VGG take
    # 17 times as long, and NumPy's takes no time beside it.
    if not memory or inputs.nbytes + labels.nbytes > memory["bytes_limit"] / SHARE:
        return None
    return jax.device_put((np.asarray(inputs), np.asarray(labels)), device)
