"""The last lines of a sweep."""

import sys
from pathlib import Path

from phistar.pipeline.cli.printing import table
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import paint, width, wrapped
from phistar.pipeline.sweep.page import between, ordered

SHOWN = 10  # trials


def sweep_lines(answer: dict, recipe: str, root: Path) -> list[str]:
    """The best trials, the result in words, and what to type next.

    Args:
        answer: of `sweep`.
        recipe: as it was typed.
        root: project root.
    """
    lines = [""] if width() else []
    lines.append(paint(f"{answer['experiment']}, a sweep", "bold", sys.stdout))
    trials = ordered(answer["trials"])
    rows = [["trial", "valid_nll", "95 % interval", *answer["best"]["values"]]]
    for trial in trials[:SHOWN]:
        finished = trial["state"] == "finished"
        nll = f"{trial['valid_nll']:.4f}" if finished else trial["state"]
        rows.append(
            [trial["number"], nll, between(trial).strip(), *trial["values"].values()]
        )
    lines += table(rows)
    if left := len(trials) - SHOWN:
        lines += [f"and {left} more"] if left > 0 else []
    if shares := answer["importance"]:
        shown = ", ".join(f"{key} {share:.0%}" for key, share in shares.items())
        lines += wrapped(f"share in the variance of valid_nll: {shown}")
    lines += ["", *wrapped(answer["sentence"])]
    following = [
        command("runs", recipe, root=root),
        command("run", answer["recipe"], root=root),
        command("promote", recipe, root=root),
    ]
    rows = [("page", answer["page"]), ("recipe", answer["recipe"])]
    rows += [("export", answer["export"]), ("MLflow", answer["url"])]
    rows += zip(["next:", "", ""], following, strict=True)
    return lines + [f"{name:<9}{value}" for name, value in rows]
