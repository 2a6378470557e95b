"""Tables and lines that commands print; `--json` prints one object instead."""

from collections.abc import Iterable

from pipeline.run.metrics import HEADLINE, UNITS, number


def metrics_table(metrics: dict[str, float]) -> list[str]:
    """The test metrics with their intervals and floors.

    Args:
        metrics: "test_nll", "test_nll_low", ... -> value.
    """
    rows = []
    for name in HEADLINE:
        full = f"test_{name}"
        if full not in metrics:
            continue
        row = [full, number(metrics[full]), UNITS.get(name, "")]
        if f"{full}_low" in metrics:
            low, high = metrics[f"{full}_low"], metrics[f"{full}_high"]
            row.append(f"95 % in [{number(low)}, {number(high)}]")
        elif f"{full}_sd" in metrics:
            row.append(f"± {number(metrics[f'{full}_sd'])} (sd)")
        else:
            row.append("")
        if f"{full}_uniform" in metrics:
            row.append(
                f"floors: prior {number(metrics[f'{full}_prior'])}, "
                f"uniform {number(metrics[f'{full}_uniform'])}"
            )
        rows.append(row)
    return table(rows)


def plan_table(rows: list[dict]) -> list[str]:
    """One line a stage of `plan.plan`: cached, or the reasons to run it."""
    return table(
        [
            row["stage"],
            "HIT" if row["status"] == "cached" else "run",
            "" if not row["seconds"] else f"about {row['seconds']:.1f} s",
            "; ".join(row["reasons"]) or (row["key"] or "")[:12],
        ]
        for row in rows
    )


def table(rows: Iterable[Iterable]) -> list[str]:
    """One line for each row, its cells left-aligned in columns."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (map(str.ljust, row, widths) for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]
