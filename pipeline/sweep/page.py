"""The page of a sweep and its figures, beside its record: MLflow gets them there."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phistar.pipeline.process.terminal import duration
from phistar.pipeline.record.journal import Record
from phistar.pipeline.sweep.setting import Sweep
from phistar.pipeline.sweep.study import COMPLETE, FAIL, PRUNED, RUNNING

BEST = "best.yaml"
WORDS = {COMPLETE: "finished", PRUNED: "pruned", FAIL: "failed", RUNNING: "running"}
CURSE = (
    "The best of many is partly lucky on valid: its valid_nll is too low on average. "
    "Its test_nll is not: test was looked at once, for this trial alone."
)


def put(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_name(f"{path.name}.tmp")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    draft.replace(path)


def write_page(common: Sweep, record: Record, answer: dict) -> None:
    """Write the page of the sweep and its figures, beside its record."""
    from phistar.components.reports.page import html
    from phistar.components.reports.plots import style

    experiment, folder = answer["experiment"], common.study.folder / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    drawn = style.save(figures(common, answer), folder, experiment)
    for name in drawn:
        target = record.path.with_suffix(f".{name}.png")
        put(target, (folder / f"{name}.png").read_bytes())
    pictures = {
        "parallel_coordinates": "one line for each trial, dark where valid_nll is low",
        "importance": "share of each key in the variance of valid_nll",
    }
    entries = record.entries()
    began = time.gmtime(entries[0]["time"] / 1000)
    typed = [entry["command"] for entry in entries if "command" in entry]
    facts = [
        ("recipe", experiment),
        ("command", typed[-1]),
        *((d.key, d.text()) for d in common.space.dimensions),
        ("began", time.strftime("%Y-%m-%d %H:%M UTC", began)),
    ]
    title = f"Sweep of {experiment}"
    sections = {
        "The best": [html.facts(best_facts(answer))],
        "The keys": [html.picture(svg, pictures[name]) for name, svg in drawn.items()],
        "Trials": [html.table(*table(answer, html.measured))],
        "What ran": [html.facts(facts)],
    }
    parts = [
        html.Markup("<h1>{}</h1>").format(title),
        html.paragraph(answer["sentence"], "verdict"),
        html.paragraph(CURSE),
        html.contents(sections),
        *(html.section(name, *body) for name, body in sections.items()),
    ]
    put(record.path.with_suffix(".report.html"), html.document(title, parts))


def figures(common: Sweep, answer: dict) -> dict[str, Any]:
    """The figures by name; importance only where the trials tell it."""
    from phistar.components.reports.plots import sweep as plots

    rows = [r for r in answer["trials"] if r["state"] in ("finished", "pruned")]
    axes = [
        plots.Axis(d.key, [r["values"][d.key] for r in rows], d.words, d.log)
        for d in common.space.dimensions
    ]
    nll = [r["valid_nll"] if r["state"] == "finished" else float("nan") for r in rows]
    best = [r["number"] for r in rows].index(answer["best"]["number"])
    found = {"parallel_coordinates": plots.parallel_coordinates(axes, nll, best)}
    if answer["importance"]:
        found["importance"] = plots.importance(answer["importance"])
    return found


def best_facts(answer: dict) -> list[tuple[str, str]]:
    """Facts of the best trial, name and value."""
    best, metrics = answer["best"], answer["metrics"]
    tested = between(metrics, "test_nll_low", "test_nll_high")
    return [
        ("trial", f"{best['number']}, run {best['run_id']}"),
        *((key, str(value)) for key, value in best["values"].items()),
        ("valid_nll", f"{best['valid_nll']:.4f}{between(best)}, nats a label"),
        ("test_nll", f"{metrics['test_nll']:.4f}{tested}, nats a label"),
        ("as a recipe", f"{BEST}, beside this page in MLflow"),
    ]


def ordered(rows: list[dict]) -> list[dict]:
    """Trials, the best first: finished, pruned, failed."""
    words = list(WORDS.values())
    return sorted(
        rows,
        key=lambda r: (words.index(r["state"]), r["valid_nll"] or 0.0, r["number"]),
    )


def table(answer: dict, measured: Callable) -> tuple[list[str], list[list]]:
    """Head and rows of the table of trials.

    Args:
        answer: see `write`.
        measured: `html.measured`, which gives a value with its interval.
    """
    swept = list(answer["best"]["values"])
    rows = []
    for trial in ordered(answer["trials"]):
        values = {
            "nll": trial["valid_nll"],
            "nll_low": trial["low"],
            "nll_high": trial["high"],
        }
        nll = measured(values, "nll") if trial["valid_nll"] is not None else ""
        took = "" if trial["seconds"] is None else duration(trial["seconds"])
        rows.append(
            [
                str(trial["number"]),
                trial["state"],
                nll,
                *(str(trial["values"][key]) for key in swept),
                took,
                trial["run_id"][:8],
                trial["reason"] or "",
            ]
        )
    return ["trial", "", "valid_nll", *swept, "took", "run", "reason"], rows


def between(values: dict, low: str = "low", high: str = "high") -> str:
    """An interval in brackets; "" without one."""
    if values.get(low) is None:
        return ""
    return f" [{values[low]:.4f}, {values[high]:.4f}]"
