"""Inputs -> batches for a model -> answers as plain data.

An answer does not depend on the other inputs of its batch, so inputs of about one
length are in one batch: padding is small.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from phistar.components.serving.drift import Drift
from phistar.components.serving.request import Signature, listed, wrong
from phistar.pipeline.serving.predict.files import Input
from phistar.pipeline.serving.predict.table import Piece

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model


LABEL = "label"  # the value of an input that is its label


def answered(
    model: "Model",
    called: Signature,
    chunk: list[Input],
    knobs: dict,
    size: int,
    drift: Drift,
    progress: Callable,
) -> list[dict]:
    """The answers to a chunk, in its order.

    Args:
        model: of the export.
        called: the signature.
        chunk: inputs.
        knobs: name -> number.
        size: inputs in a batch.
        drift: counts what was asked and answered.
        progress: called with the number of inputs that have been answered.
    """
    answers = [{}] * len(chunk)
    order = sorted(range(len(chunk)), key=lambda row: chunk[row].size)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        batch = [chunk[row] for row in rows]
        found = call(model, called, batch, knobs, drift)
        for row, answer in zip(rows, found, strict=True):
            answers[row] = answer
        progress(len(rows))
    return answers


def call(
    model: "Model", called: Signature, batch: list[Input], knobs: dict, drift: Drift
) -> list[dict]:
    """The answers to one batch, which is counted.

    Raises:
        ValueError: an input that the model does not take.
    """
    from phistar.components.serving.ask import Refused

    # a line without a prompt continues the empty text
    rows = {n: [one.values.get(n, b"") for one in batch] for n in called.inputs}
    request = called.request(rows, knobs, [one.number for one in batch])
    try:
        outputs = model.call(called.name, request)
        drift.add(request)
        drift.add_answer(called, request, outputs)
        return called.answer(outputs)
    except Refused as refusal:
        if len(batch) == 1:
            raise ValueError(
                f"{batch[0]}: the model does not take this input: "
                f"{called.in_words(str(refusal))}"
            ) from refusal
        together = refusal
    ordered = sorted(batch, key=lambda one: one.number)
    for one in ordered:  # the first one that is refused alone
        call(model, called, [one], knobs, drift)
    raise ValueError(
        f"the model takes each of {len(batch)} inputs, {ordered[0]} the first, "
        f"but not together: {together}. Try a smaller --batch-size."
    )


def of_table(
    model: "Model", called: Signature, piece: Piece, knobs: dict, drift: Drift
) -> dict:
    """The answers to some rows of a table, which are counted.

    Args:
        model: of the export.
        called: the signature.
        piece: the rows; a value "label" that the signature does not take is compared
            with the answers.
        knobs: name -> number.
        drift: counts what was asked and answered.

    Returns:
        name of an output -> array [N, ...].

    Raises:
        ValueError: a row that the model does not take.
    """
    from phistar.components.serving.ask import Refused

    rows = {name: piece.values[name] for name in called.inputs}
    numbers = range(piece.first, piece.first + len(piece))
    request = called.request(rows, knobs, numbers)
    try:
        outputs = model.call(called.name, request)
    except Refused as refusal:
        if len(piece) == 1:
            raise ValueError(
                f"{piece.where(0)}: the model does not take this input: "
                f"{called.in_words(str(refusal))}"
            ) from refusal
        half = len(piece) // 2
        for part in (piece.slice(0, half), piece.slice(half, len(piece))):
            of_table(model, called, part, knobs, drift)
        raise ValueError(
            f"the model takes each of {len(piece)} inputs, {piece.where(0)} the first, "
            f"but not together: {refusal}. Try a smaller --batch-size."
        ) from refusal
    drift.add(request)
    drift.add_answer(called, request, outputs)
    if "label" not in called.y and LABEL in piece.values:
        add_labels(drift, piece, outputs)
    return {name: outputs[name] for name in called.outputs}


def add_labels(drift: Drift, piece: Piece, outputs: dict) -> None:
    """Count the nats of labels that come with rows, though they are not sent.

    Raises:
        ValueError: a label that the model does not know.
    """
    every, first, place = np.unique(
        piece.values[LABEL], return_index=True, return_inverse=True
    )
    known = outputs["labels"][0].tolist()
    for label, row in zip(every.tolist(), first.tolist(), strict=True):
        if label not in known:
            names = listed(name.decode() for name in known)
            raise wrong(f"{piece.where(row)}: no such label", label.decode(), names)
    index = np.array([known.index(label) for label in every])[place]
    drift.labels.add(-outputs["log_probs"][np.arange(len(index)), index])
