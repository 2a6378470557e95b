"""The shared part of the language and translation reports: labels are tokens."""

import numpy as np

from phistar.components import progress
from phistar.components.data.splits import SPLITS
from phistar.components.metrics import token_floors, token_nll


def score(task, data, network, train_rows):
    """Score every split with P; of train some texts only.

    Args:
        task: Language or Translation.
        data: Dataset.
        network: Network.
        train_rows: function of Ragged, the labels of train -> how many to score.

    Returns:
        (metrics, names with their split -> float; ln P of the tokens of test, float
        [tokens], nats).
    """
    metrics = {}
    for split in SPLITS:
        progress.doing(f"scoring {split}")
        inputs, labels = data.split(split)
        if split == "train":
            rows = slice(0, train_rows(labels))
            inputs = None if inputs is None else inputs[rows]
            labels = labels[rows]
        log_prob, _ = task.measure(network, inputs, labels)
        measured = {
            **token_nll(log_prob, labels.offsets, data.sizes(split)[: len(labels)]),
            **token_floors(np.asarray(labels.tokens), data.description["train_counts"]),
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
    return metrics, log_prob  # the last split is test


def floors_of(metrics):
    """-ln P of test under models that do not read x.  -> dict of name -> nats."""
    return {name: metrics[f"test_nll_{name}"] for name in ("prior", "uniform")}


def by_text(log_prob, texts):
    """-ln P of each text.  float [tokens], Ragged -> float64 [N], nats."""
    return -np.add.reduceat(log_prob.astype("float64"), texts.offsets[:-1])


def raw_texts(raw):
    """Texts as the data have them.  Ragged of bytes -> list of N str."""
    texts = (raw[row].tobytes() for row in range(len(raw)))
    return [text.decode("utf-8", "replace") for text in texts]


def padded(log_prob, texts, rows):
    """ln P of the tokens of some texts.  -> float32 [rows, T], 0 after the end."""
    result = np.zeros((len(rows), texts.lengths[rows].max()), "float32")
    for line, row in zip(result, rows, strict=True):
        start, stop = texts.offsets[row], texts.offsets[row + 1]
        line[: stop - start] = log_prob[start:stop]
    return result
