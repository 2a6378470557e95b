"""Stage 3, train: Dataset, Network -> the Network with the least valid_nll."""

import contextlib
import hashlib
from pathlib import Path
from typing import Annotated, Literal

import keras
from pydantic import Field

from components.artifacts import (
    Dataset,
    load_network,
    make_task,
    save_network,
    set_weights,
    write_json,
)
from components.data.batches.buckets import BucketPlan
from components.data.batches.loader import loader
from components.data.batches.passes import Parts
from components.training.augmentation import Augmentation
from components.training.checkpoints import machine
from components.training.devices import place
from components.training.fit import Border, Training
from components.training.optimizers import optimizer as optimizer_function

# One execution is what the compiled function does at a call: between two of them
# the loss is looked at, so it must stay short (a second, not a minute), and a call
# costs about 1 ms, so tiny networks need many steps in one.
MAX_EXECUTION_STEPS = 128
MAX_EXECUTION_WORK = 2**27  # parameters x labels


def run(
    task,
    dataset,
    network,
    out_dir,
    log,
    *,
    loss: Literal["logistic", "hinge", "cross_entropy"],
    optimizer: str = "adamw",
    batch_size: Annotated[int, Field(ge=1)] = 32,
    batch_tokens: Annotated[int, Field(ge=1)] | None = None,
    steps: Annotated[int, Field(ge=1)] | None = None,
    epochs: Annotated[int, Field(ge=1)] | None = None,
    eval_every: Annotated[int, Field(ge=1)] | None = None,
    accumulate: Annotated[int, Field(ge=1)] = 1,
    stop_after: Annotated[int, Field(ge=1)] | None = None,
    average: Annotated[int, Field(ge=1)] = 1,
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    flip: bool = False,
    crop: Annotated[int, Field(ge=0)] = 0,
    scale_jitter: Annotated[float, Field(ge=0)] = 0.0,
    seed: Annotated[int, Field(ge=0)] = 0,
    backend: Literal["tensorflow", "jax"] = "tensorflow",
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32",
    devices: Literal["auto", "cpu", "gpu"] | Annotated[int, Field(ge=1)] = "auto",
    **options,
):
    """Minimise the mean loss on train; keep the weights with the least valid_nll.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; train and valid are read.
        network: folder of the Network to start from.
        out_dir: folder to write the trained Network to.
        log: Journal.
        loss: what is minimised; the task says which it may be.
        optimizer: how it is minimised.
        batch_size: examples a step; of texts, windows.
        batch_tokens: target tokens a step, padding included; of sentence pairs,
            instead of batch_size.
        steps: length of the run in optimizer updates; or give `epochs`.
        epochs: length of the run in passes over train; or give `steps`.
        eval_every: steps between two evaluations on valid, a divisor of the steps;
            default: one pass, or the largest divisor below.
        accumulate: parts that the batch of a step is read in, to save memory.
        stop_after: evaluations in a row without a new least valid_nll that end it.
        average: of how many of the last evaluations the weights are averaged; the
            average is kept if its valid_nll is the least.
        label_smoothing: eps of `cross_entropy`, spread over all labels.
        flip: mirror each image left and right with probability 1/2, in training only.
        crop: pixels of 0 around each image before a random crop of its own size.
        scale_jitter: enlarge each image by up to this share before the crop.
        seed: of the order of the examples, of augmentation and of dropout.
        backend: what Keras runs on.
        precision: of the layers; weights and logits are float32 in any case. The loss
            is scaled where float16 needs it.
        devices: what trains: auto (every GPU, else the CPU), cpu, gpu, or how many; a
            count without GPUs makes as many logical CPUs. Each batch is split.
        **options: keys of the optimizer.

    Raises:
        FloatingPointError: if the loss or a weight is not finite.
        ValueError: if the steps are not a multiple of `eval_every`; if what are no
            images is to be augmented; if `batch_tokens` are given of what are no
            sentence pairs.
    """
    keras.utils.set_random_seed(seed)
    data = Dataset.load(dataset)
    inputs, labels = data.split("train")
    placed = place(devices)
    the_task = make_task(task, data.space)
    with placed.scope(), _policy(precision):
        model, description = load_network(network)
    split = placed.count * accumulate
    plan = the_task.plan(inputs, labels, model, batch_size, batch_tokens, seed, split)
    steps, eval_every = length(plan, steps, epochs, eval_every)
    if steps % eval_every:
        raise ValueError(
            "the run must end with an evaluation. Received: "
            f"{steps} steps (a pass has {plan.steps_per_epoch}), train.eval_every="
            f"{eval_every}. Expected a divisor of {steps}."
        )
    with placed.scope():
        augmentation = augmentation_of(data, flip, crop, scale_jitter, seed)
        trained = Training(model, the_task, loss, label_smoothing, augmentation)
        with _policy(precision):
            make = optimizer_function(optimizer)
            chosen, at_border = make(steps, accumulate, **options)
        if precision == "mixed_float16":  # its smallest number is 6e-8
            chosen = keras.optimizers.LossScaleOptimizer(chosen)
        trained.compile(
            optimizer=chosen,
            jit_compile=placed.jit_compile,
            # Keras's loop over steps does not run inside MirroredStrategy
            steps_per_execution=1
            if placed.strategy
            else execution_steps(
                eval_every * accumulate,
                model.count_params() * plan.step_labels // accumulate,
            ),
        )
    scorer = None
    if placed.strategy:
        model.synchronize()
        scorer, _ = load_network(network)
    border = Border(
        trained,
        data.split("valid"),
        log,
        steps,
        eval_every,
        at_border,
        checkpoints=Path(out_dir) / "checkpoints",
        arguments={
            "loss": loss,
            "optimizer": optimizer,
            "batch_size": batch_size,
            "batch_tokens": batch_tokens,
            "steps": steps,
            "eval_every": eval_every,
            "accumulate": accumulate,
            "stop_after": stop_after,
            "average": average,
            "label_smoothing": label_smoothing,
            "flip": flip,
            "crop": crop,
            "scale_jitter": scale_jitter,
            "seed": seed,
            "backend": backend,
            "precision": precision,
            "devices": devices,
            **options,
            "train": data.digests["train"],
            "valid": data.digests["valid"],
            "network": _sha256(Path(network) / "weights.npz"),
            "keras": keras.__version__,
        },
        machine=machine() | placed.description(),
        scorer=scorer,
        accumulate=accumulate,
        stop_after=stop_after,
        average=average,
    )
    with placed.scope():
        start = border.restore()
    if start < steps and not border.stopped():
        parts = plan if accumulate == 1 else Parts(plan, accumulate)
        trained.fit(
            loader(inputs, labels, parts, start * accumulate, steps * accumulate),
            # Keras's epoch is our evaluation interval
            steps_per_epoch=eval_every * accumulate,
            initial_epoch=start // eval_every,
            epochs=steps // eval_every,
            shuffle=False,
            verbose=0,
            callbacks=[border],
        )
    border.average_last()
    set_weights(model, border.best_weights)
    save_network(out_dir, model, {**description, "scale": border.best_scale})
    write_json(Path(out_dir) / "history.json", border.history)
    log.params({"train.total_steps": steps, "train.best_step": border.best_step})
    if isinstance(plan, BucketPlan):
        log.params({"train.padding": plan.padding["both"]})
    peak = f"{placed.peak_memory():.0f}"
    log.tags(placed.description() | border.speed() | {"device_peak_memory_mib": peak})
    border.forget()


def length(plan, steps, epochs, eval_every):
    """(steps of the run, steps between two evaluations) of what the keys say.

    Args:
        plan: of the batches, which knows the steps of a pass.
        steps, epochs: one of them.
        eval_every: or None.
    """
    steps = steps or epochs * plan.steps_per_epoch
    return steps, eval_every or largest_divisor(steps, plan.steps_per_epoch)


@contextlib.contextmanager
def _policy(precision):
    """Layers made inside have this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def augmentation_of(data, flip, crop, scale_jitter, seed):
    """The layer that changes training's images; None if nothing is asked for.

    Raises:
        ValueError: if the inputs are no images.
    """
    given = {"flip": flip, "crop": crop, "scale_jitter": scale_jitter}
    asked = {f"train.{name}": value for name, value in given.items() if value}
    if not asked:
        return None
    if not data.kind.augmentable:
        kind = data.description["inputs"]["kind"]
        raise ValueError(
            f"only images can be flipped, cropped or enlarged. Received: {asked} for "
            f"inputs that are {kind}. Leave these keys out."
        )
    return Augmentation(**given, seed=seed)


def execution_steps(eval_every, work):
    """Steps per call of the compiled function, a divisor of the interval.

    Args:
        eval_every: steps between two evaluations.
        work: parameters x labels of one step.

    Returns:
        int, from 1 to 128.
    """
    bound = min(eval_every, MAX_EXECUTION_STEPS, max(1, MAX_EXECUTION_WORK // work))
    return largest_divisor(eval_every, bound)


def largest_divisor(number, bound):
    """The largest divisor of `number` up to `bound`."""
    return next(n for n in range(min(number, bound), 0, -1) if number % n == 0)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
