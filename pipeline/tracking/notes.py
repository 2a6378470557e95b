"""Descriptions in MLflow, in Markdown: of an experiment, and of a run."""

import json
from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.record.journal import Record

TAG = "mlflow.note.content"  # MLflow shows it as the description
SHOWN = {  # rows of the table, in this order: metric -> its name for a reader
    "nll": "-ln P, nats a label",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "top5": "top-5 accuracy",
    "ece": "calibration error (ECE)",
    "perplexity": "perplexity",
    "bits_per_character": "bits a character",
    "bleu": "BLEU",
    "chrf": "chrF",
}
FLOORS = {
    "nll_prior": "guessing by the shares of train",
    "nll_uniform": "guessing all alike",
    "bleu_copy": "BLEU of the copied source",
}


class Result(NamedTuple):
    """Results of evaluate; both are {} if it has not run.

    Args:
        metrics: content of metrics.json.
        verdict: content of verdict.json.
    """

    metrics: dict
    verdict: dict


def result(record: Record) -> Result:
    """The Result of a record's newest evaluation."""
    folder = None
    for entry in record.entries():
        done = entry["kind"] == "stage" and entry["status"] in ("ran", "cached")
        if done and entry["stage"] == "evaluate":
            folder = record.root / "mlruns" / entry["path"]
    if folder is None:
        return Result({}, {})
    return Result(read(folder / "metrics.json"), read(folder / "verdict.json"))


def read(path: Path) -> dict:
    """The content of a JSON file; {} without it."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def experiment_note(question: str) -> str:
    """Description of an experiment: the question of its recipe."""
    return " ".join(question.split())


def run_note(entries: list[dict], found: Result, report: bool = False) -> str:
    """Description of a run.

    Args:
        entries: of its record.
        found: by evaluate.
        report: True if the run has a report.
    """
    start, last = entries[0], entries[-1]
    parts = [experiment_note(start.get("question", ""))]
    if last["kind"] == "end" and last.get("reason"):
        where = f" in `{last['stage']}`" if last["stage"] else ""
        word = "Stopped" if last["status"] == "KILLED" else "Failed"
        parts += [f"**{word}{where}:** {last['reason']}", last["advice"]]
    if sentence := found.verdict.get("sentence"):
        parts.append(f"**{sentence}**")
    for kind in ("champion", "sweep"):
        parts += [e["sentence"] for e in entries if e["kind"] == kind][-1:]
    metrics = found.metrics or means(entries)
    if metrics:
        parts.append(table(metrics, found.verdict.get("baselines", {})))
    if report:
        parts.append("Under *Artifacts*, `report.html` shows all of it.")
    if command := start.get("command"):
        parts.append(f"To repeat it: `{command}`")
    return "\n\n".join(filter(None, parts))


def means(entries: list[dict]) -> dict:
    """The metrics of a parent: means over its children, and `<metric>_sd`."""
    found = [entry["values"] for entry in entries if entry["kind"] == "metrics"]
    return found[-1] if found else {}


def table(metrics: dict, baselines: dict) -> str:
    """Test results with intervals, floors and baselines.

    Args:
        metrics: of evaluate, or means over runs.
        baselines: name -> -ln P, nats a label.
    """
    spread = "± sd" if "test_nll_sd" in metrics else "95 % interval"
    count = f"n = {metrics['test_n']:.0f}" if "test_n" in metrics else ""
    rows = [("test", count, spread), ("---", "---:", ":---:")]
    for name, word in SHOWN.items():
        if (value := metrics.get(f"test_{name}")) is not None:
            rows.append((word, f"**{value:.4f}**", interval(metrics, f"test_{name}")))
    for name, word in FLOORS.items():
        if (value := metrics.get(f"test_{name}")) is not None:
            rows.append((word, f"{value:.4f}", ""))
    known = {cell(word) for word in ("prior", "uniform")}  # two rows above
    for name, value in baselines.items():
        if name not in known:
            rows.append((cell(name), f"{value:.4f}", ""))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def interval(metrics: dict, name: str) -> str:
    """The interval of a metric, or its standard deviation over runs; else ""."""
    if (spread := metrics.get(f"{name}_sd")) is not None:
        return f"± {spread:.4f}"
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def cell(text: str) -> str:
    """A text as a cell of a table: a bar would end it."""
    return text.replace("|", "\\|").replace("\n", " ")
