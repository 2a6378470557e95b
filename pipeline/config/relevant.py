"""The keys of a config that can change nothing in a run, given its other keys."""

from typing import Any

IMAGES = ("train.flip", "train.crop", "train.scale_jitter")
SEARCH = ("evaluate.beam_size", "evaluate.length_penalty")
SEQUENCES = ("language", "translation")  # tasks whose y is a text


def without_effect(sections: dict[str, dict[str, Any]], kind: str) -> set[str]:
    """The keys that a run never reads, as "train.flip".

    Args:
        sections: of a resolved config.
        kind: of its data: columns, images, text, pairs.
    """
    train, task = sections["train"], sections["task"]["name"]
    found = {
        f"{name}.{key}"
        for name, section in sections.items()
        for key, value in section.items()
        if value is None
    }
    if kind != "images":
        found |= {*IMAGES}
    if task not in SEQUENCES:
        found |= {*SEARCH}
    else:
        found |= {"evaluate.num_bins"}
    if train["loss"] != "cross_entropy":
        found |= {"train.label_smoothing"}
    if train["batch_tokens"] is not None:
        found |= {"train.batch_size"}
    if sections["build"]["weights"] is None:
        found |= {"build.weights_layers"}
    return found
