"""Inputs -> batches for a model -> answers as plain data.

An answer does not depend on the other inputs of its batch, so inputs of about one
length are in one batch: padding is small.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from phistar.components.serving.drift import Drift
from phistar.components.serving.request import Signature, listed, wrong
from phistar.pipeline.serving.predict.files import Input

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
        if "label" not in called.y and LABEL in batch[0].values:
            add_labels(drift, batch, outputs)
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


def add_labels(drift: Drift, batch: list[Input], outputs: dict) -> None:
    """Count the nats of labels that come with inputs, though they are not sent.

    Raises:
        ValueError: a label that the model does not know.
    """
    for one, names, log_probs in zip(
        batch, outputs["labels"], outputs["log_probs"], strict=True
    ):
        label, known = one.values[LABEL], names.tolist()
        if label not in known:
            known = [name.decode() for name in known]
            raise wrong(f"{one}: no such label", label.decode(), listed(known))
        drift.labels.add([-log_probs[known.index(label)]])
