"""Training on one JAX device: steps in one call, over data that lie there.

Keras calls one step at a time on JAX. A small network then waits for Python, and a
large one for its batch, which the host gathers and sends. Here the arrays of train are
sent once, if they fit. A batch is then its row numbers, and one call of the device
makes several steps.
"""

import keras
import numpy as np

from phistar.components.data.arrays import Ragged
from phistar.components.training.fit import Training

SHARE = 4  # the arrays may take 1 / SHARE of the memory of a device


class JaxTraining(Training):
    """Training on one JAX device.

    Args:
        arrays: (inputs, labels) on the device; `x` and `y` of a batch are then row
            numbers. None: batches hold their data.
        way: of the steps of a call. "scan": all at once. "step": one after the other,
            since XLA's loops are slow on a CPU. "split": also the gradient and the
            update are two calls. So only the gradient is compiled for each shape.
        network, task, loss, label_smoothing, augmentation: as in Training.
    """

    def __init__(self, arrays, way, *arguments):
        super().__init__(*arguments)
        self.arrays, self.by_row, self.way = arrays, arrays is not None, way

    def make_train_function(self, force=False):
        """Make the function that `fit` calls: (state, iterator) -> (logs, state)."""
        if self.train_function is not None and not force:
            return
        import jax

        # the old weights are given up, so that their memory holds the new ones
        step, steps, update = (
            jax.jit(function, donate_argnums=0)
            for function in (self.step, self.steps, self.update)
        )
        gradient = jax.jit(self.gradient)

        def train(state, iterator):
            batches = [next(iterator) for _ in range(self.steps_per_execution)]
            if self.way == "scan":
                return steps(state, self.arrays, jax.tree.map(stack, *batches))
            for batch in batches:
                if self.way == "split":
                    logs, gradients, others = gradient(state, batch)
                    state = update(state, gradients, others)
                else:
                    logs, state = step(state, self.arrays, batch)
            return logs, state

        self.train_function = train

    def step(self, state, arrays, batch):
        """One step of Keras.  -> (logs, state)."""
        if arrays is not None:
            rows, _, weights = batch
            batch = *(array[rows] for array in arrays), weights
        return self.train_step(state, batch)

    def steps(self, state, arrays, batches):
        """Several steps; `batches` are stacked.  -> (logs of the last, state)."""
        import jax

        def body(state, batch):
            return self.step(state, arrays, batch)[::-1]

        state, logs = jax.lax.scan(body, state, batches)
        # the loss that Keras reports is the mean so far
        return jax.tree.map(lambda values: values[-1], logs), state

    def gradient(self, state, batch):
        """The first half of Keras's step.

        Returns:
            (logs; gradients; the variables that it has changed: random states, means).
        """
        import jax

        weights, others, optimizer, means = state
        loss = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (_, aux), gradients = loss(
            *(weights, others, means, *batch),
            training=True,
            optimizer_variables=optimizer,
        )
        unscaled, features, others, means = aux
        inputs, labels, sizes = batch
        logs, means = self._update_metrics_variables(
            means, unscaled, inputs, labels, features, sizes
        )
        return logs, gradients, (others, means)

    def update(self, state, gradients, changed):
        """The second half of Keras's step.  -> state."""
        weights, _, optimizer, _ = state
        others, means = changed
        weights, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, weights
        )
        return weights, others, optimizer, means


def make_training(devices, inputs, labels, one_shape, *arguments):
    """The Training for the devices: JaxTraining for one device of JAX.

    Args:
        devices: Devices.
        inputs, labels: of train, as `Dataset.split` gives them.
        one_shape: True if all batches have one shape.
        arguments: of Training.
    """
    if keras.backend.backend() != "jax" or devices.count > 1:
        return Training(*arguments)
    way = "step" if devices.kind == "cpu" else "scan"
    arrays = on_device(inputs, labels, devices.handles[0])
    return JaxTraining(arrays, way if one_shape else "split", *arguments)


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
    # A CPU reports none. There a gather inside XLA makes the step of a small VGG many
    # times slower, and NumPy's takes no time beside it.
    if not memory or inputs.nbytes + labels.nbytes > memory["bytes_limit"] / SHARE:
        return None
    return jax.device_put((np.asarray(inputs), np.asarray(labels)), device)
