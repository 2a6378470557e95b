"""The metrics of a run: the headlines, their units, and means over seeds."""

import statistics
from collections.abc import Collection

HEADLINE = (
    *("nll", "bits", "n", "accuracy", "auroc", "top5", "ece"),
    *("perplexity", "bits_per_character", "bleu", "bleu_copy", "chrf"),
)


def units(names: Collection[str]) -> dict[str, str]:
    """Units of headlines.

    Args:
        names: of all metrics of a run. One that has a perplexity is of tokens.
    """
    one = "token" if "test_perplexity" in names else "label"
    return {
        "nll": f"nats per {one}",
        "bits": f"bits per {one}",
        "n": f"{one}s",
        "bleu_copy": "BLEU of the source, copied",
    }


def summary(runs: list[dict[str, float]]) -> dict[str, float]:
    """Mean and standard deviation over runs of one recipe.

    Args:
        runs: metric -> value, the same metrics in each.

    Returns:
        Each metric's mean, and `<metric>_sd` (n - 1 in the denominator) for
        two runs or more. Intervals of single runs are left out.
    """
    names = [name for name in runs[0] if not name.endswith(("_low", "_high"))]
    result = {name: statistics.mean(run[name] for run in runs) for name in names}
    if len(runs) > 1:
        result |= {
            f"{name}_sd": statistics.stdev(run[name] for run in runs) for name in names
        }
    return result


def number(value: float) -> str:
    """A number with four digits after the point; a whole number without them."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4f}"
