"""Model that `fit` trains, its optimizer, and the compilation of both."""

import contextlib

import keras

from phistar.components.training.optimizers import optimizer as optimizer_function
from phistar.components.training.steps import GPU_STEPS, execution_steps


class Training(keras.Model):
    """Model that `fit` trains: features in `call`, the loss in `compute_loss`.

    Logits are not the output, because a task may compute its loss without all of them.

    Args:
        network: Network.
        task: Task.
        loss: name of the loss.
        label_smoothing: eps.
        augmentation: Augmentation, or None.
    """

    by_row = False  # True: `x` and `y` of a batch are row numbers

    def __init__(self, network, task, loss, label_smoothing, augmentation=None):
        super().__init__()
        self.network, self.task = network, task
        self.loss_name, self.label_smoothing = loss, label_smoothing
        self.augmentation = augmentation
        # All weights exist. Keras would call it with a mean batch to build them, and
        # the mean of tokens is no token.
        self.built = True

    def call(self, inputs, training=False):
        """Features.  [B, ...] -> [B, D], of texts [B, T, D]."""
        if self.augmentation is not None:
            inputs = self.augmentation(inputs, training=training)
        return self.network.features(inputs, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Mean loss of the step: its weights sum to one.  -> float []."""
        loss = self.loss_name, self.label_smoothing
        return self.task.loss(y_pred, self.network.head, y, sample_weight, *loss)

    def changing(self):
        """All variables that training changes: weights, random states, optimizer."""
        chance = self.augmentation.variables if self.augmentation else []
        return [*self.network.variables, *chance, *self.optimizer.variables]


@contextlib.contextmanager
def dtype_policy(precision):
    """Make the layers and optimizers inside the block with this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_optimizer(name, steps, parts, precision, options):
    """Optimizer of a run, with the loss scaled where float16 needs it.

    Args:
        name: of the optimizer.
        steps: length of the run.
        parts: gradients that are averaged in a step.
        precision: of the layers.
        options: dict of the optimizer's keys.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).
    """
    with dtype_policy(precision):  # Muon iterates in it
        made, at_border = optimizer_function(name)(steps, parts, **options)
    if precision == "mixed_float16":  # gradients below 6e-8 would become 0
        made = keras.optimizers.LossScaleOptimizer(made)
    return made, at_border


def compile_for(devices, training, optimizer, interval, work, one_shape):
    """Compile a Training for the devices; one call makes as many steps as are good.

    Args:
        devices: Devices.
        training: Training.
        optimizer: keras.optimizers.Optimizer.
        interval: steps, as Keras counts them, between two evaluations.
        work: parameters x labels of one of them.
        one_shape: True if all batches have one shape.
    """
    least = GPU_STEPS if devices.kind == "gpu" and one_shape else 1
    # Keras's loop over steps does not run inside MirroredStrategy
    at_once = 1 if devices.strategy else execution_steps(interval, work, least)
    training.compile(
        optimizer=optimizer,
        jit_compile=devices.jit_compile,
        steps_per_execution=at_once,
    )
