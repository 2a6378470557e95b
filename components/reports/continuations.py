"""Greedy continuations of texts, which the SavedModel must find too."""

import numpy as np

from phistar.components.decoding.sample import EOS
from phistar.components.reports import base
from phistar.components.reports.labels import CLEAR

STEPS = 16  # tokens of a continuation


def golden(task, network, encoder, texts, rows):
    """Expected answers of `predict` to the beginnings of texts.

    Here each token is chosen after reading all earlier ones again, in one window. The
    SavedModel caches what it has read: a second way to the same text. Texts with a
    token that is nearly another one are left out.

    Args:
        task: Language.
        network: TransformerLM.
        encoder: Text.
        texts: Ragged, tokens.
        rows: int [R], numbers of the texts to begin with.

    Returns:
        dict, a part of Report.golden; empty if no text is left.
    """
    context = network.windows.context
    steps = min(STEPS, context // 2)
    prompts = []
    for row in rows:
        half = texts[int(row)][: min(texts.lengths[row] // 2, context - steps)]
        prompts.append(encoder.decode(half).encode())
    # the tokens of a part may differ from the part of the tokens
    tokens = [known[:-1][: context - steps] for known in encoder.encode_all(prompts)]
    prompts = [encoder.decode(known).encode() for known in tokens]
    start = np.array([len(known) for known in tokens])  # [R]
    labels = np.zeros((len(tokens), context), "int32")
    for line, known in zip(labels, tokens, strict=True):
        line[: len(known)] = known
    chosen, log_prob, clear = greedy(task, network, labels, start, steps)
    same = [
        np.array_equal(known, again[:-1])
        for known, again in zip(tokens, encoder.encode_all(prompts), strict=True)
    ]
    # a prompt must have the same tokens inside the SavedModel
    kept = np.flatnonzero(clear & same)
    if not len(kept):
        return {}
    ended = chosen[kept] == EOS
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1) + 1, steps)
    written = [
        encoder.decode(line[:length]).encode()
        for line, length in zip(chosen[kept], lengths, strict=True)
    ]
    request = {
        "prompt": np.array([prompts[row] for row in kept], object),
        "max_length": np.full(len(kept), steps, "int32"),
    }
    answer = {
        "tokens": chosen[kept],
        "lengths": lengths.astype("int32"),
        "text": np.array(written, object),
        "log_prob": log_prob[kept],
    }
    return base.golden("predict", request, answer)


def greedy(task, network, labels, start, steps):
    """Choose the most probable token, `steps` times.

    Args:
        task, network: see `golden`.
        labels: int32 [R, C], known tokens; the chosen ones are written into it.
        start: int [R], how many are known; C - steps at most.
        steps: int.

    Returns:
        (int32 [R, steps], tokens, 0 after the end; float64 [R], ln P of all, nats;
        bool [R], True if no other token was nearly as probable).
    """
    rows = np.arange(len(labels))
    chosen = np.zeros((len(labels), steps), "int32")
    total, clear = np.zeros(len(labels)), np.ones(len(labels), bool)
    going = np.ones(len(labels), bool)
    for step in range(steps):
        read = np.pad(labels[:, :-1], [(0, 0), (1, 0)])
        scores = network.predict_on_batch(read)[rows, start + step]  # [R, V]
        log_probs = np.asarray(task.log_probs(scores))
        second, first = np.sort(log_probs, axis=1)[:, -2:].T  # [R] each
        best = log_probs.argmax(axis=1)
        clear &= ~going | (first - second > CLEAR)
        total += np.where(going, first, 0.0)
        chosen[:, step] = labels[rows, start + step] = np.where(going, best, EOS)
        going &= best != EOS
    return chosen, total, clear
