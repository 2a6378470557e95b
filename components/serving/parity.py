"""The whole test split, scored again by the SavedModel."""

import math

import numpy as np

from phistar.components import progress
from phistar.components.errors import RejectedModel
from phistar.components.serving.ask import Model
from phistar.components.serving.clean import TOLERANCE
from phistar.components.serving.drift import Drift

BATCH_TOKENS = 2**12  # of texts in one request, padding included
BATCH_NUMBERS = 2**20  # of other inputs


def score(data, encoder, folder, test_nll, context=None):
    """Compare `log_prob` of each example of test with the evaluation; count inputs.

    Args:
        data: Dataset; test is read.
        encoder: of its raw inputs.
        folder: Path of the SavedModel.
        test_nll: float [N], -ln P of each example as evaluated, nats.
        context: tokens that a language model reads at once.

    Returns:
        (dict: test_nll, nats a label (of texts, a token); test_n, the labels;
        test_difference, the largest one of an example, nats a label;
        Drift, the inputs of test).

    Raises:
        RejectedModel: if that is more than 1e-4; of more than 100 nats a label, whose
            float32 is no finer, more than a millionth of them.
    """
    inputs, labels = data.split("test")
    texts = bool(data.kind.sides)
    if texts:
        lengths, most = labels.lengths, BATCH_TOKENS
        sizes = np.maximum(lengths, 0 if inputs is None else inputs.lengths)
        sizes = np.minimum(sizes, context or sizes)
    else:
        lengths = sizes = np.ones(len(labels), int)
        most = max(1, BATCH_NUMBERS // math.prod(inputs.shape[1:]))
    names, raw = np.array(data.space.names), data.raw()
    model = Model(folder, encoder.op_libraries)
    nll, drift = np.empty(len(labels)), Drift(encoder.seen())
    seen = progress.counter("examples", len(labels))
    for rows in batches(sizes, most):
        request = encoder.request(raw, rows)
        drift.add(request)
        if not texts:
            request["label"] = names[data.space.index(labels[rows])]
        nll[rows] = -model.call("log_prob", request)["log_prob"]
        seen(len(rows))
    apart = np.abs(nll - test_nll) / lengths
    apart /= np.maximum(1, np.abs(test_nll) / lengths / 100)
    worst = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
    # `not <=` so that NaN is refused too
    if not apart[worst] <= TOLERANCE:
        raise RejectedModel(
            "the SavedModel does not score test as the evaluation did. Received: "
            f"-ln P = {nll[worst]:.6g} nats of example {worst}, evaluated "
            f"{test_nll[worst]:.6g}; {nll.sum() / lengths.sum():.6g} nats a label in "
            f"all, evaluated {test_nll.sum() / lengths.sum():.6g}. "
            f"Expected {TOLERANCE} nats a label between them at most."
        )
    return {
        "test_nll": float(nll.sum() / lengths.sum()),
        "test_n": int(lengths.sum()),
        "test_difference": float(apart[worst]),
    }, drift


def batches(sizes, most):
    """Examples of similar sizes together.

    Args:
        sizes: int [N].
        most: size of a batch, all its rows being as long as the longest.

    Yields:
        int64 [n], rows.
    """
    order, start = np.argsort(sizes, kind="stable"), 0
    for stop in range(1, len(order) + 1):
        full = stop < len(order) and (stop + 1 - start) * sizes[order[stop]] > most
        if full or stop == len(order):
            yield order[start:stop]
            start = stop
