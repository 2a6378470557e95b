"""The shared part of the binary and multiclass reports: a label is one of K names."""

import numpy as np

from phistar.components import progress
from phistar.components.data.splits import SPLITS
from phistar.components.metrics import entropy, floors, nll, reliability
from phistar.components.reports import baselines
from phistar.components.reports.base import Report, golden
from phistar.components.reports.page import labels as page
from phistar.components.reports.plots import calibration
from phistar.components.reports.plots.confusion import confusion_matrix

GOLDEN = 32  # test examples that go with the export, with their ln P
SHOWN_LABELS = 20  # of which predictions.parquet has a column each
CLEAR = 1e-3  # nats between two labels: below it, rounding may change the decision


def report(task, data, network, scale, encoder, num_bins, metrics_of, figures_of=None):
    """Score every split with P.

    Args:
        task: Binary or Multiclass.
        data: Dataset.
        network: Network.
        scale: the factor of the logits before P is taken.
        encoder: of the raw inputs, like Columns or Images.
        num_bins: bins of the calibration error and of the reliability diagram.
        metrics_of: function of (LabelSpace, logits, labels, weights) -> dict of
            float, the task's own metrics of a split.
        figures_of: function of (LabelSpace, logits, labels) of test -> dict of Figure;
            None for no other figures. A figure counts each row once.

    Returns:
        Report.
    """
    metrics = {}
    for split in SPLITS:
        progress.doing(f"scoring {split}")
        inputs, labels = data.split(split)
        labels, weights = np.asarray(labels), data.weights(split)
        logits = network.logits(inputs)
        # P is that of scale x logits; the decision does not depend on the scale
        calibrated = scale * logits
        log_probs = np.asarray(task.log_probs(calibrated))
        log_prob = np.asarray(task.log_prob(calibrated, labels))
        index = data.space.index(labels)
        ece, bins = reliability(log_probs, index, num_bins, weights)
        measured = {
            **nll(log_prob, weights),
            **floors(index, data.description["train_counts"], weights),
            **metrics_of(data.space, logits, labels, weights),
            "ece": ece,
            "entropy": entropy(log_probs, weights),
        }
        metrics |= {f"{split}_{name}": value for name, value in measured.items()}
    # the last split is test: the rest of the report is about it
    names, counts = data.space.names, data.description["train_counts"]
    decision = np.asarray(task.predict(logits))
    figures = {
        "confusion_matrix": confusion_matrix(index, decision, names),
        "reliability": calibration.reliability(
            bins, metrics["test_ece"], len(names), num_bins
        ),
        **(figures_of(data.space, logits, labels) if figures_of else {}),
    }
    rows = slice(0, GOLDEN)
    request = encoder.request(data.raw(), rows)
    scored = request | {"label": np.array(names)[index[rows]]}
    answer = {"log_probs": log_probs[rows]}
    second, first = np.sort(log_probs[rows], axis=1)[:, -2:].T  # [GOLDEN] each
    if (first - second).min() > CLEAR:
        answer["label"] = np.array(names)[decision[rows]]
    requests = golden("log_prob", scored, {"log_prob": log_prob[rows]})
    requests |= golden("predict", request, answer)
    trained, train_labels = data.split("train")
    train = trained, data.space.index(np.asarray(train_labels))
    given = data.weights("train")
    return Report(
        metrics=metrics,
        test_nll=-log_prob,
        golden=requests,
        figures=figures,
        unit="label",
        counts=np.ones(len(index), int),
        correct=decision == index,
        baselines=[
            *baselines.floors(index, counts, names),
            *baselines.logistic_regression(train, (inputs, index), counts, given),
        ],
        weights=weights,
        predictions=predictions(names, index, decision, log_probs, log_prob, weights),
        sections=page.sections(names, data.raw(), index, decision, log_probs),
    )


def predictions(names, index, decision, log_probs, log_prob, weights):
    """Columns of predictions.parquet.

    Args:
        names: K names.
        index, decision: int [N], positions in `names`.
        log_probs: float [N, K], nats.
        log_prob: float [N], of the label.
        weights: float [N] or None, of the rows.

    Returns:
        dict of name -> array [N]; ln P of every label if there are 20 at most.
    """
    rows, known = np.arange(len(index)), np.array(names)
    columns = {
        "row": rows,
        "label": known[index],
        "predicted": known[decision],
        "log_prob": log_prob,
        "log_prob_predicted": log_probs[rows, decision],
    }
    if len(names) <= SHOWN_LABELS:
        each = zip(names, log_probs.T, strict=True)
        columns |= {f"log_prob[{name}]": values for name, values in each}
    return columns if weights is None else columns | {"weight": weights}
