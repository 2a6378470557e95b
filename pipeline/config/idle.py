"""Keys of a stage that mean nothing under a config's choices, and the reason."""

from typing import Any

from phistar.pipeline.config import schema

# Key -> (what decides, the values with which it means something). The keys of tasks,
# sources, networks and optimizers are not here: they exist with their choice only.
NEEDS = {
    "task.vocab_size": ("task.tokenizer", ("sentencepiece",)),
    "build.weights_layers": ("build.weights", ()),
    "train.batch_size": ("task.name", ("binary", "multiclass", "language")),
    "train.batch_tokens": ("task.name", ("translation",)),
    "train.label_smoothing": ("train.loss", ("cross_entropy",)),
    "train.flip": ("kind", ("images",)),
    "train.crop": ("kind", ("images",)),
    "train.scale_jitter": ("kind", ("images",)),
    "train.patience": ("train.schedule", ("plateau",)),
    "evaluate.num_bins": ("task.name", ("binary", "multiclass")),
    "evaluate.beam_size": ("task.name", ("translation",)),
    "evaluate.length_penalty": ("task.name", ("translation",)),
}


def idle(sections: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Keys that mean nothing here -> the reason: "only with task.name=translation".

    Args:
        sections: of a resolved config.
    """
    values = {
        f"{name}.{key}": value
        for name, section in sections.items()
        for key, value in section.items()
    }
    values["kind"] = schema.kind(values["ingest.source"])
    found = {}
    for key, (decides, wanted) in NEEDS.items():
        value = values.get(decides)
        if key not in values or value in wanted or (not wanted and value is not None):
            continue
        if decides == "kind":
            found[key] = f"for {' or '.join(wanted)} only"
        elif wanted:
            found[key] = f"only with {decides}={' or '.join(wanted)}"
        else:
            found[key] = f"only with {decides}"
    return found
