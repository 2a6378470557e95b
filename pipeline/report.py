"""What commands print: tables for people; `--json` prints one object instead."""

import statistics

HEADLINE = (
    *("nll", "bits", "n", "accuracy", "auroc", "top5", "ece"),
    *("perplexity", "bits_per_character", "bleu", "bleu_copy", "chrf"),
)
UNITS = {
    "nll": "nats per label",
    "bits": "bits per label",
    "n": "labels",
    "bleu_copy": "BLEU of the source, copied",
}


def metrics_table(metrics):
    """The test metrics with their intervals and floors.

    Args:
        metrics: dict of "test_nll", "test_nll_low", ... -> float.

    Returns:
        list of str.
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


def summary(runs):
    """Mean and standard deviation over runs of one recipe.

    Args:
        runs: list of dict of metric -> float, the same metrics in each.

    Returns:
        dict: each metric's mean, and `<metric>_sd` (n - 1 in the denominator) for
        two runs or more. Intervals of single runs are left out.
    """
    names = [name for name in runs[0] if not name.endswith(("_low", "_high"))]
    result = {name: statistics.mean(run[name] for run in runs) for name in names}
    if len(runs) > 1:
        result |= {
            f"{name}_sd": statistics.stdev(run[name] for run in runs) for name in names
        }
    return result


def plan_table(rows):
    """What a run would do.  list of `plan.plan` -> list of str."""
    return table(
        [
            row["stage"],
            "HIT" if row["status"] == "cached" else "run",
            "" if not row["seconds"] else f"about {row['seconds']:.1f} s",
            "; ".join(row["reasons"]) or (row["key"] or "")[:12],
        ]
        for row in rows
    )


def table(rows):
    """Rows of str, left-aligned in columns.  -> list of str."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (map(str.ljust, row, widths) for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]


def number(value):
    """Four digits after the point; whole numbers as they are."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4f}"
