"""Stage 4, evaluate: Dataset, Network -> Report."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from components import plots
from components.artifacts import (
    SPLITS,
    Dataset,
    load_network,
    make_encoder,
    make_task,
    read_json,
    write_json,
)
from components.metrics import floors, nll, reliability

GOLDEN = 32  # test examples that go with the export, with their -ln P


def run(
    task,
    dataset,
    network,
    out_dir,
    log,
    *,
    num_bins: Annotated[int, Field(ge=1)] = 10,
):
    """Score every split with P, save -ln P per test example, draw the figures.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset.
        network: folder of the trained Network.
        out_dir: folder to write the Report to.
        log: Journal.
        num_bins: bins of the calibration error and of the reliability diagram.
    """
    data, folder = Dataset.load(dataset), Path(out_dir)
    the_task = make_task(task, data.space)
    model, description = load_network(network)
    metrics, scored = {}, {}
    for split in SPLITS:
        inputs, labels = data.split(split)
        labels = np.asarray(labels)
        logits = model.logits(inputs)
        # P is taken of scale x logits; the decision does not depend on the scale
        calibrated = description["scale"] * logits
        log_probs = np.asarray(the_task.log_probs(calibrated))
        log_prob = np.asarray(the_task.log_prob(calibrated, labels))
        index = data.space.index(labels)
        ece, bins = reliability(log_probs, index, num_bins)
        measured = {
            **nll(log_prob),
            **floors(index, data.description["train_counts"]),
            **the_task.metrics(logits, labels),
            "ece": ece,
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
        scored[split] = (logits, labels, log_probs, log_prob, index, bins)

    logits, labels, log_probs, log_prob, index, bins = scored["test"]
    write_json(folder / "metrics.json", metrics)
    np.save(folder / "test_nll.npy", -log_prob)
    save_golden(folder, data, log_prob, log_probs, index)

    (folder / "figures").mkdir()
    names = data.space.names
    decision = np.asarray(the_task.predict(logits))
    figures = {
        "confusion_matrix": plots.confusion_matrix(index, decision, names),
        "reliability": plots.reliability(bins, metrics["test_ece"]),
        "learning_curves": plots.learning_curves(
            read_json(Path(network) / "history.json"), metrics["valid_nll_uniform"]
        ),
    }
    if task["name"] == "binary":
        margin = 2.0 * labels * logits[:, 0]
        figures["margin"] = plots.margin(margin, index, names)
    for name, figure in figures.items():
        figure.savefig(folder / "figures" / f"{name}.png", dpi=120)
        log.figure(f"figures/{name}.png")
    log.artifact("test_nll.npy")
    # valid_nll by step is training's; a point at step 0 would break its curve
    log.metrics({k: v for k, v in metrics.items() if k != "valid_nll"}, step=0)


def save_golden(folder, data, log_prob, log_probs, index):
    """Write requests and the answers an export must give to them.

    The first examples of test, raw as the SavedModel takes them, the label's name,
    its ln P, and ln P of every label.
    """
    rows = slice(0, GOLDEN)
    names = np.array(data.space.names)
    request = make_encoder(data).request(data.raw(), rows)
    # fixed-width bytes, since object arrays would need pickle
    inputs = {
        f"input/{name}": np.char.encode(values, "utf-8")
        if values.dtype.kind == "U"
        else (values.astype("S") if values.dtype.kind == "O" else values)
        for name, values in request.items()
    }
    np.savez(
        folder / "golden.npz",
        **inputs,
        label=np.char.encode(names[index[rows]], "utf-8"),
        log_prob=log_prob[rows],
        log_probs=log_probs[rows],
    )
