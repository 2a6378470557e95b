"""The report of a language model."""

import numpy as np

from components.data.splits import SPLITS
from components.metrics import token_floors, token_nll
from components.reports.base import Report
from components.reports.labels import plain

GOLDEN_TEXTS, GOLDEN_TOKENS = 4, 2000  # of test, that go with the export


def report(task, data, network, encoder):
    """Score every split with P; train on as many of its texts as test has tokens.

    Args:
        task: Language.
        data: Dataset.
        network: TransformerLM.
        encoder: Text.

    Returns:
        Report.
    """
    limit = data.split("test")[1].offsets[-1]
    metrics, scored = {}, {}
    for split in SPLITS:
        texts = data.split(split)[1]
        if split == "train":
            texts = texts[: 1 + int(np.searchsorted(texts.offsets[1:], limit))]
        log_prob, _ = task.measure(network, None, texts)
        tokens = np.asarray(texts.tokens)
        measured = {
            **token_nll(log_prob, texts.offsets, data.sizes(split)[: len(texts)]),
            **token_floors(tokens, data.description["train_counts"]),
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
        scored[split] = (texts, log_prob)

    texts, log_prob = scored["test"]
    test_nll = -np.add.reduceat(log_prob.astype("float64"), texts.offsets[:-1])
    return Report(metrics, test_nll, golden(data, encoder, texts, log_prob), {})


def golden(data, encoder, texts, log_prob):
    """What `log_prob` must answer for short texts of test.

    Args:
        data: Dataset.
        encoder: Text.
        texts: Ragged, the tokens of test.
        log_prob: float [tokens], of them.

    Returns:
        see Report.
    """
    rows = np.argsort(texts.lengths, kind="stable")[:GOLDEN_TEXTS]
    rows = [row for row in rows if texts.lengths[row] <= GOLDEN_TOKENS] or rows[:1]
    request = encoder.request(data.raw(), rows)
    by_token = np.zeros((len(rows), texts.lengths[rows].max()), "float32")
    for line, row in zip(by_token, rows, strict=True):
        line[: texts.lengths[row]] = log_prob[
            texts.offsets[row] : texts.offsets[row + 1]
        ]
    inputs = {f"log_prob/in/{name}": plain(v) for name, v in request.items()}
    return {**inputs, "log_prob/out/token_log_probs": by_token}
