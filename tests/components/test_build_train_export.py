"""Every network with every loss that a task allows: builds, takes a step, exports.

The cases are the tables themselves, so a new network or task is covered at once.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from phistar.components import build, evaluate, export, train
from phistar.components.artifacts import Dataset, load_network, make_encoder
from phistar.components.tasks import task as task_class
from phistar.pipeline.config import choices
from tests.helpers import stages
from tests.helpers.data import SMALL, TASKS
from tests.helpers.tables import table
from tests.helpers.verified import verified_here

pytestmark = pytest.mark.usefixtures("narrow_vgg")
NETWORKS = choices.names(table("build.network"))
TASK_NAMES = choices.names(table("task.name"))
OF_TEXTS = ("transformer", "transformer_lm")
TEXTS = {"language": "text", "translation": "pairs"}  # task -> kind of its data
# The configurations of the paper differ in depth only: all but A are slow tests.
DEEPER = ("vgg13", "vgg16c", "vgg16", "vgg19")
# A loss knows only a network's outputs: those of two labels are slow tests for these.
OF_IMAGES = ("vgg11", "vgg_small")


def slow(network, loss):
    """True if `make test` leaves a combination out."""
    return network in DEEPER or (network in OF_IMAGES and loss != "cross_entropy")


COMBINATIONS = [
    pytest.param(network, task, loss, marks=[pytest.mark.slow] * slow(network, loss))
    for network in NETWORKS
    for task in TASK_NAMES
    for loss in task_class(task).losses
    if network not in OF_TEXTS and task not in TEXTS  # see tests/contract
]


def built(make_dataset, folder, network, task):
    """A Dataset of the first kind that the network takes, and the network.

    Returns:
        (folder of the Dataset, folder of the untrained Network).
    """
    refusals = []
    for kind in ("columns", "images", "large images"):
        dataset = make_dataset(kind, task)
        given = {"task": TASKS[task], "dataset": dataset, "network": network}
        given |= SMALL.get(network, {})
        try:
            return dataset, stages.call(build, folder / kind, **given)
        except ValueError as refusal:
            refusals.append(str(refusal))
    pytest.fail(f"{network} takes no kind of inputs: {refusals}")


def test_every_task_has_a_dataset_here():
    assert set(TASKS) == set(TASK_NAMES)


@pytest.mark.parametrize(("network", "task", "loss"), COMBINATIONS)
def test_network_with_loss_builds_takes_a_step_and_exports(
    network, task, loss, make_dataset, tmp_path
):
    dataset, untrained = built(make_dataset, tmp_path, network, task)
    given = {"task": TASKS[task], "dataset": dataset}
    trained = stages.call(
        train, tmp_path, **given, network=untrained, loss=loss, steps=1, batch_size=16
    )
    before, after = (np.load(Path(f) / "weights.npz") for f in (untrained, trained))
    assert any((before[name] != after[name]).any() for name in before)

    report = stages.call(evaluate, tmp_path, **given, network=trained)
    metrics = json.loads((Path(report) / "metrics.json").read_text())
    assert np.isfinite([metrics["test_nll"], metrics["test_accuracy"]]).all()

    with verified_here(asked=False):  # it is asked below
        folder = stages.call(export, tmp_path, **given, network=trained, report=report)
    data = Dataset.load(dataset)
    request = make_encoder(data).request(data.raw(), slice(0, 3))
    inputs = {name: tf.constant(values) for name, values in request.items()}
    model = tf.saved_model.load(str(Path(folder) / "saved_model"))
    answer = model.signatures["predict"](**inputs)
    total = np.exp(answer["log_probs"].numpy()).sum(axis=-1)
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("network", "task", "loss"), [c for c in COMBINATIONS if "hinge" not in c.values]
)
def test_first_loss_is_near_its_uniform_floor(
    network, task, loss, make_dataset, tmp_path
):
    dataset, untrained = built(make_dataset, tmp_path, network, task)
    data = Dataset.load(dataset)
    the_task = task_class(task)(data.space, **keys_of(task))
    model, _ = load_network(untrained)
    inputs, labels = data.split("train")
    weights = np.full(len(labels), 1 / len(labels), "float32")
    features = model.features(np.asarray(inputs), training=False)
    first = float(the_task.loss(features, model.head, labels, weights, loss))
    assert abs(first - np.log(data.space.size)) < 0.5


@pytest.mark.parametrize("task", TASK_NAMES)
def test_task_refuses_a_loss_that_is_not_its_own(task, make_dataset):
    space = Dataset.load(make_dataset(TEXTS.get(task, "columns"), task)).space
    the_task = task_class(task)(space, **keys_of(task))
    logits = np.zeros((2, the_task.num_outputs), "float32")
    with pytest.raises(ValueError, match="Received: 'nonesuch'"):
        the_task.example_loss(logits, np.array(space.values[:2]), "nonesuch")


def keys_of(task):
    """Arguments of a task besides the label space."""
    return {key: value for key, value in TASKS[task].items() if key != "name"}
