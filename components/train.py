"""Stage 3, train: Dataset, Network -> the Network with the least valid_nll."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from pydantic import Field

from phistar.components import artifacts, progress
from phistar.components.data.batches.buckets import BucketPlan
from phistar.components.data.batches.loader import loader
from phistar.components.data.batches.passes import Parts, Share
from phistar.components.training import memory
from phistar.components.training.augmentation import augmentation_of
from phistar.components.training.border import Border
from phistar.components.training.checkpoints import Checkpoints, machine
from phistar.components.training.devices import alone, place
from phistar.components.training.evaluation import Evaluation
from phistar.components.training.fit import compile_for, dtype_policy, make_optimizer
from phistar.components.training.jax_training import make_training
from phistar.components.training.steps import length


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

    A run that was stopped continues from its newest checkpoint, bit for bit. Of several
    ranks (training/ranks.py) each runs this with the same arguments, and the first one
    writes.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; train and valid are read.
        network: folder of the Network to start from.
        out_dir: folder to write the trained Network to.
        log: Journal.
        loss: function to minimise, one of those that the task allows.
        optimizer: method that minimises it.
        batch_size: examples a step; of texts, windows.
        batch_tokens: tokens a step of the longer side, padding included; of sentence
            pairs, instead of batch_size.
        steps: length of the run in optimizer updates; or give `epochs`.
        epochs: length of the run in passes over train; or give `steps`.
        eval_every: steps between two evaluations on valid, a divisor of the steps;
            default: one pass, or the largest divisor below.
        accumulate: parts that the batch of a step is read in, to save memory.
        stop_after: evaluations in a row without a new least valid_nll that end it.
        average: number of last evaluations whose weights are averaged; the average is
            kept if its valid_nll is the least.
        label_smoothing: eps of `cross_entropy`, spread over all labels.
        flip: mirror each image left and right with probability 1/2, in training only.
        crop: pixels of 0 around each image before a random crop of its own size.
        scale_jitter: enlarge each image by up to this share before the crop.
        seed: of the order of the examples, of augmentation and of dropout.
        backend: framework that Keras runs on.
        precision: of the layers; weights and logits are float32 in any case. The loss
            is scaled where float16 needs it.
        devices: auto (every GPU, else the CPU), cpu, gpu, or a count; a count without
            GPUs makes as many logical CPUs. Each batch is split between them.
        **options: keys of the optimizer.

    Raises:
        FloatingPointError: if the loss or a weight is not finite.
        ValueError: if the steps are not a multiple of `eval_every`; if inputs that
            are not images have keys of augmentation; if `batch_tokens` are given for
            data that are not sentence pairs. Also if a step does not fit into a GPU.
    """
    keras.utils.set_random_seed(seed)
    data, placed = artifacts.Dataset.load(dataset), place(devices)
    the_task = artifacts.make_task(task, data.space)
    inputs, labels = data.split("train")
    with placed.scope(), dtype_policy(precision):
        model, description = artifacts.load_network(network)

    # the devices split every part of a batch evenly
    split = placed.count * accumulate
    plan = the_task.plan(inputs, labels, model, batch_size, batch_tokens, seed, split)
    if (row_weights := data.weights("train")) is not None:
        plan = replace(plan, row_weights=row_weights)
    steps, eval_every = length(plan, steps, epochs, eval_every)
    with placed.scope():
        augmentation = augmentation_of(data, flip, crop, scale_jitter, seed)
        how = model, the_task, loss, label_smoothing, augmentation
        one_shape = not isinstance(plan, BucketPlan)
        training = make_training(placed, inputs, labels, one_shape, *how)
        chosen, at_border = make_optimizer(
            optimizer, steps, accumulate, precision, options
        )
        # Keras counts parts of steps
        work = model.count_params() * plan.step_labels // accumulate
        interval = eval_every * accumulate
        compile_for(placed, training, chosen, interval, work, one_shape)
    scorer = None
    if placed.strategy:  # each of its replicas would score every row of valid
        model.synchronize()
    if placed.strategy or placed.ranks > 1:
        with alone():
            scorer, _ = artifacts.load_network(network)

    valid = *data.split("valid"), data.weights("valid")
    keys = placed, average, stop_after
    evaluation = Evaluation(the_task, loss, valid, model, scorer, *keys)
    folder, facts = Path(out_dir) / "checkpoints", placed.description()
    checkpoints = Checkpoints(
        folder, training, evaluation, log, machine() | facts, placed
    )
    with placed.scope():
        start = checkpoints.restore(steps)
    border = Border(
        evaluation, checkpoints, log, at_border, steps, eval_every, accumulate
    )
    if start < steps and not evaluation.stopped():
        parts = plan if accumulate == 1 else Parts(plan, accumulate)
        if placed.ranks > 1:
            parts = Share(parts, placed.rank, placed.ranks)
        first, last = start * accumulate, steps * accumulate
        batches = loader(inputs, labels, parts, first, last, training.by_row)
        name = "train.batch_tokens" if batch_tokens else "train.batch_size"
        progress.doing("compiling, and the first steps")
        with memory.explained(placed, name, batch_tokens or batch_size, accumulate):
            training.fit(
                batches,
                # Keras's epoch is our evaluation interval
                steps_per_epoch=interval,
                initial_epoch=start // eval_every,
                epochs=steps // eval_every,
                shuffle=False,  # the plan has its own order
                verbose=0,
                callbacks=[border],
            )

    progress.doing("scoring the average of the last weights" if average > 1 else "")
    params = evaluation.add_average()
    if placed.rank:
        return
    model = evaluation.scorer  # it is in one place, where that in training may not be
    artifacts.set_weights(model, evaluation.best.weights)
    description["scale"] = evaluation.best.scale
    artifacts.save_network(out_dir, model, description)
    history = {
        "loss": loss,
        "label_smoothing": label_smoothing,
        "average_nll": params.get("train.average_nll"),
        **evaluation.history,
    }
    artifacts.write_json(Path(out_dir) / "history.json", history)
    metrics, examples = evaluation.kept()
    artifacts.write_json(Path(out_dir) / "valid.json", metrics)
    np.savez(Path(out_dir) / "valid_nll.npz", **examples)
    params |= {"train.total_steps": steps, "train.best_step": evaluation.best_step}
    if isinstance(plan, BucketPlan):
        params["train.padding"] = plan.padding["both"]
    log.params(params)
    peak = {"device_peak_memory_mib": f"{placed.peak_memory():.0f}"}
    log.tags(facts | border.speed() | peak)
    checkpoints.remove()
