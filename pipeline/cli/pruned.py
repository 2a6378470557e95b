"""The lines of `prune`."""

from phistar.pipeline.cli.printing import table
from phistar.pipeline.process.disk import size

WORDS = {
    "pinned": "pinned",
    "served": "served, or to be served after a rollback",
    "running": "running",
    "new": "newer",
}


def pruned_lines(answer: dict, again: str) -> list[str]:
    """The lines about what goes, with its bytes, and what stays.

    Args:
        answer: of `prune.prune`.
        again: the command that removes it.
    """
    rows = [["runs", len(answer["runs"]), ""]]
    for name, text in (
        ("results", "results of stages"),
        ("versions", "earlier champions"),
        ("left", "left by damage and by processes that were stopped"),
    ):
        found = answer[name]
        rows.append([text, len(found), size(sum(one["bytes"] for one in found))])
    if answer["mlflow"] is not None:
        rows.append(["MLflow's copies of these runs", "", size(answer["mlflow"])])
    doubled = answer["twins"]
    rows.append(
        ["kept twice, then once", doubled["number"] or 0, size(doubled["bytes"])]
    )
    rows.append(["in all", "", size(answer["bytes"])])
    kept = [f"{number} {WORDS[reason]}" for reason, number in answer["kept"].items()]
    lines = table(rows)
    lines.append(f"runs that stay: {', '.join(kept) or 'none'}")
    if answer["mlflow"] is None and answer["runs"]:
        lines.append("MLflow's server keeps its copies of these runs")
    if answer["removed"]:
        return [*lines, "removed"]
    return [*lines, f"nothing was removed; this does it:  {again}"]
