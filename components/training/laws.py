"""Laws of a network before it is trained, each with a name.

Preflight checks them on the network that `build` made and the first batch of train.
That takes minutes; without it, a report would show a broken law after hours.
"""

import keras
import numpy as np
from keras import ops

from phistar.components import artifacts
from phistar.components.data.batches.loader import loader
from phistar.components.errors import RejectedModel
from phistar.components.training.fit import Training

FLOOR = 0.5  # nats between the first loss and ln K, at most
SUM = 1e-4  # between a sum of probabilities and one, at most
SAME = 1e-3  # change of features, relative, that counts as none
ROWS = 8  # of the batch: a whole one may need more memory than there is
OVERFIT_RATES = (0.01, 0.001, 0.1, 0.0001)  # of Adam, one after the other
OVERFIT_STEPS = 60
OVERFIT_SHARE = 0.9  # of the nll of a network that ignores its inputs


def check(task, dataset, network, *, loss, batch_size, batch_tokens, warm):
    """Check all laws of an untrained network.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; train is read.
        network: folder of the Network.
        loss: of the training.
        batch_size, batch_tokens: of the training.
        warm: True if the network has weights of an earlier one: then its first loss
            is not that of the uniform P.

    Raises:
        RejectedModel: with the first law that is broken.
    """
    data = artifacts.Dataset.load(dataset)
    the_task = artifacts.make_task(task, data.space)
    model, _ = artifacts.load_network(network)
    inputs, labels = data.split("train")
    plan = the_task.plan(inputs, labels, model, batch_size, batch_tokens, 0)
    batches = loader(inputs, labels, plan, 0, 1)
    in_graph = hasattr(batches, "as_numpy_iterator")
    # (inputs, labels [B, ...], weights [B, ...]) as NumPy arrays, whatever the loader
    batch = next(batches.as_numpy_iterator()) if in_graph else batches[0]
    few = first_rows(*batch)
    probabilities(the_task, model, few, warm)
    if batch[1].ndim == 2:  # texts
        causal(the_task, model, few)
    padding(the_task, model, few, loss)
    overfit(the_task, model, batch, loss)


def probabilities(task, network, batch, warm=False):
    """Require that P(y | x) sums to one over y, and is nearly uniform at first.

    Args:
        task: Task.
        network: Network.
        batch: (inputs, labels, weights) of the training.
        warm: see `check`.
    """
    inputs, labels, weights = batch
    logits = network(inputs, training=False)
    log_probs = ops.convert_to_numpy(task.log_probs(logits))
    away = np.abs(np.exp(log_probs, dtype="float64").sum(axis=-1) - 1).max()
    require(
        away <= SUM,
        "probabilities sum to one",
        f"sums that are {away:.3g} away from it",
        f"{SUM} at most: look at the task's log_probs",
    )
    nll = mean_nll(task, logits, labels, weights)
    floor = np.log(log_probs.shape[-1])
    require(
        warm or abs(nll - floor) <= FLOOR,
        "the first loss is that of the uniform P",
        f"{nll:.3f} nats a label, and ln K = {floor:.3f} for K = {log_probs.shape[-1]}",
        f"at most {FLOOR} nats between them: look at the initial weights of the head "
        "and the scale of the inputs",
    )


def causal(task, network, batch):
    """Require that features, and so logits, do not depend on later tokens.

    Args:
        task: Task of texts.
        network: Network of texts.
        batch: (inputs, labels, weights). Of several inputs, the last is the text,
            int [B, T].
    """
    inputs, _, _ = batch
    read = keras.tree.flatten(inputs)[-1]
    # the second half of each text changes, the first half must not notice
    half = read.shape[1] // 2
    other = read.copy()
    other[:, half:] = (read[:, half:] + 1) % task.num_outputs
    changed = (*inputs[:-1], other) if isinstance(inputs, tuple) else other
    one, two = (
        ops.convert_to_numpy(network.features(tokens, training=False))
        for tokens in (inputs, changed)
    )
    away = apart(one[:, :half], two[:, :half])
    require(
        away <= SAME,
        "logits are causal",
        f"a change of {away:.3g} in features before the tokens that were changed",
        "none: look at the mask of the attention",
    )


def padding(task, network, batch, loss):
    """Require that rows and tokens of weight 0 change neither features nor loss.

    Args:
        task: Task.
        network: Network.
        batch: (inputs, labels, weights).
        loss: its name.
    """

    def measured(inputs, labels, weights):
        """(loss, features)."""
        features = network.features(inputs, training=False)
        value = task.loss(features, network.head, labels, weights, loss)
        return float(ops.convert_to_numpy(value)), ops.convert_to_numpy(features)

    inputs, labels, weights = batch
    # the first half of the rows again, with weight 0
    half = (len(labels) + 1) // 2
    nothing = np.zeros_like(weights)
    last = inputs, labels, nothing
    longer = keras.tree.map_structure(
        lambda part, again: np.concatenate([part, again[:half]]), batch, last
    )
    if isinstance(inputs, tuple):  # pairs: padding tokens, too
        longer = keras.tree.map_structure(
            lambda part: np.pad(part, [(0, 0), (0, 3)]), longer
        )
    one, features = measured(*batch)
    two, other_features = measured(*longer)
    # All losses of an untrained network are nearly ln K: features show more.
    there = tuple(slice(size) for size in labels.shape)
    away = apart(features, other_features[there], weights > 0)
    require(
        away <= SAME and abs(one - two) <= SAME * max(1.0, abs(one)),
        "padding changes nothing",
        f"a loss of {one:.5f}, and {two:.5f} with rows and tokens of weight 0, which "
        f"change features by {away:.3g}",
        "the same: look at the masks",
    )
    none, _ = measured(inputs, labels, nothing)
    require(
        none == 0,
        "padding changes nothing",
        f"a loss of {none:.5f} of a batch whose weights are all 0",
        "0: look at means that are not weighted",
    )


def apart(one, two, where=...):
    """Largest difference of features, relative to the largest feature or to 1.

    Logits would not do: if the weights of the head are 0, so are all logits.

    Args:
        one, two: float [B, ..., D].
        where: bool [B, ...], features to compare; default: all.
    """
    scale = max(1.0, np.abs(one).max(initial=0))
    return np.abs(one - two)[where].max(initial=0) / scale


def overfit(task, network, batch, loss):
    """Require that training learns two examples by heart.

    Its nll must fall below that of a network that knows only how often each label
    occurs. A network whose gradients do not reach its weights gets no further.

    Args:
        task: Task.
        network: Network; it is trained, and keeps the new weights.
        batch: (inputs, labels, weights).
        loss: its name.
    """
    few = two_examples(*batch)
    if few is None:
        return
    inputs, labels, weights = few
    keras.utils.set_random_seed(0)  # of dropout
    # no single rate suits all networks: each gets a new start
    before = artifacts.get_weights(network)
    start = nll = mean_nll(task, network(inputs, training=True), labels, weights)
    bound = OVERFIT_SHARE * (entropy(labels[weights > 0]) or start)
    for rate in OVERFIT_RATES:
        artifacts.set_weights(network, before)
        training = Training(network, task, loss, 0.0)
        training.compile(optimizer=keras.optimizers.Adam(rate), jit_compile=False)
        for step in range(1, OVERFIT_STEPS + 1):
            training.train_on_batch(*few)
            if step % 10 == 0:
                logits = network(inputs, training=True)
                nll = mean_nll(task, logits, labels, weights)
                if nll < bound:
                    return
    require(
        False,
        "one batch can be overfitted",
        f"{nll:.3f} nats a label after {OVERFIT_STEPS} steps on two examples of train "
        f"({start:.3f} before)",
        f"less than {bound:.3f}, which their labels alone would do: look at gradients "
        "that do not reach the weights, and at the scale of the inputs",
    )


def two_examples(inputs, labels, weights):
    """Two rows of a batch whose labels differ and whose inputs differ most.

    Returns:
        (inputs, labels, weights) of the two, weights that sum to one; None if all
        inputs are equal.
    """
    real = np.flatnonzero(weights.reshape(len(weights), -1).sum(axis=1) > 0)
    if labels.ndim == 2:
        rows = real[:2]
    else:
        flat = inputs.reshape(len(inputs), -1).astype("float32")
        apart = ((flat - flat[real[0]]) ** 2).sum(axis=1)
        others = real[labels[real] != labels[real[0]]]
        others = others if len(others) else real
        rows = np.array([real[0], others[np.argmax(apart[others])]])
        if apart[rows[1]] == 0:
            return None
    return taken(rows, inputs, labels, weights)


def first_rows(inputs, labels, weights):
    """First rows of a batch that are not padding, ROWS at most."""
    real = np.flatnonzero(weights.reshape(len(weights), -1).sum(axis=1) > 0)
    return taken(real[:ROWS], inputs, labels, weights)


def taken(rows, inputs, labels, weights):
    """Rows of a batch, with weights that sum to one again."""
    batch = inputs, labels, weights / weights[rows].sum()
    return keras.tree.map_structure(lambda part: part[rows], batch)


def entropy(labels):
    """Entropy of the labels' frequencies, nats a label.  int [N] -> float."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def mean_nll(task, logits, labels, weights):
    """Mean -ln P of a batch's labels, nats a label.  -> float."""
    log_prob = ops.convert_to_numpy(task.log_prob(logits, labels))
    return float(-(log_prob * weights).sum(dtype="float64") / weights.sum())


def require(holds, law, received, expected):
    """Raise RejectedModel unless a law holds."""
    if not holds:
        raise RejectedModel(
            f"this law is broken: {law}. Received: {received}. Expected {expected}."
        )
