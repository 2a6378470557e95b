"""Descriptions, names of metrics and the view of MLflow's pages."""

import json

from phistar.pipeline.tracking import notes, views
from phistar.pipeline.tracking.outbox import Batch, section_name

START = {
    "kind": "start",
    "question": "Is it  malignant?",
    "command": "phistar run breast_cancer train.loss=hinge",
    "params": {"task.name": "binary"},
}
METRICS = {
    "test_n": 115.0,
    "test_nll": 0.06946,
    "test_nll_low": 0.0243,
    "test_nll_high": 0.1145,
    "test_nll_prior": 0.6564,
    "test_nll_uniform": 0.6931,
    "test_accuracy": 0.9913,
}
VERDICT = {
    "verdict": "better",
    "sentence": "Better than guessing by 0.59 ± 0.04 nats a label.",
    "baselines": {"prior": 0.6564, "logistic | regression": 0.0712},
}


def rows(note):
    """The table's rows: name -> the other cells."""
    lines = [line for line in note.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line[2:-2].split(" | ")] for line in lines]
    assert len({len(line) for line in cells}) == 1
    return {line[0]: line[1:] for line in cells}


def test_note_of_a_run_has_question_verdict_results_and_command():
    end = {"kind": "end", "status": "FINISHED"}
    note = notes.run_note([START, end], notes.Result(METRICS, VERDICT))
    first, verdict, *_ = note.split("\n\n")
    assert first == "Is it malignant?"
    assert "Better" in verdict and VERDICT["sentence"] in verdict
    table = rows(note)
    assert table["-ln P, nats a label"] == ["**0.0695**", "0.0243 to 0.1145"]
    assert table["accuracy"] == ["**0.9913**", ""]
    floors = {name for name, cells in table.items() if cells[0] in ("0.6564", "0.6931")}
    assert len(floors) == 2  # the prior once, though it is a baseline too
    assert table["logistic \\| regression"] == ["0.0712", ""]
    assert f"`{START['command']}`" in note


def test_note_of_a_failed_run_has_stage_reason_and_advice():
    end = {"kind": "end", "status": "FAILED", "stage": "train"}
    end |= {"reason": "the loss is not finite.", "advice": "Lower the rate."}
    note = notes.run_note([START, end], notes.Result({}, {}))
    assert "**Failed in `train`:** the loss is not finite." in note
    assert "Lower the rate." in note and "|" not in note


def test_note_of_a_parent_has_means_with_their_spread():
    values = {"test_nll": 0.07, "test_nll_sd": 0.01, "test_n": 115.0, "test_n_sd": 0.0}
    entries = [START, {"kind": "metrics", "values": values}]
    note = notes.run_note(entries, notes.Result({}, {}))
    assert rows(note)["-ln P, nats a label"] == ["**0.0700**", "± 0.0100"]


def test_metrics_are_in_sections_and_few_of_train_and_valid():
    assert section_name("test_nll_low") == "test/nll_low"
    assert section_name("valid_nll") == "valid/nll"
    assert section_name("train_loss") == "train/loss"
    assert section_name("learning_rate") == "train/learning_rate"
    assert section_name("valid_nll_sd") == "valid/nll_sd"
    assert section_name("train_bits") is section_name("valid_n") is None
    assert section_name("system/cpu") == "system/cpu"


def test_facts_and_checks_are_tags():
    batch = Batch()
    batch.add({"kind": "params", "values": {"train.best_step": 160}})
    values = {"export_log_prob_difference": 1.25e-7}
    batch.add({"kind": "metrics", "time": 1, "step": 0, "values": values})
    assert batch.tags == {"train.best_step": 160, "parity.log_prob": "1.25e-07"}
    assert (batch.params, batch.metrics) == ({}, [])


def test_view_shows_results_first_and_fits_into_a_tag():
    value = views.view("binary")
    assert len(value) < 20_000  # MLflow's limit
    state = json.loads(json.loads(value)["state"])
    assert state["selectedColumns"][:2] == [
        "metrics.`valid/nll_best`",
        "metrics.`test/nll`",
    ]
    charts = [
        (chart["type"], chart["metricKey"]) for chart in state["compareRunCharts"]
    ]
    assert charts == [
        ("LINE", "valid/nll"),
        ("LINE", "train/loss"),
        ("BAR", "test/nll"),
    ]
