"""A page of a comparison, one file that needs nothing else: for MLflow, or a mail.

It is `mlruns/runs/<run_id>.compare.html` of both runs, of their newest comparison.
"""

import json
import math
from html import escape
from pathlib import Path
from typing import Any

from phistar.pipeline.run.metrics import number, units

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto;
  padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: .5rem 0 }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; vertical-align: top;
  border-bottom: 1px solid #8886 }
td.n, th.n, td:first-child, th { overflow-wrap: normal }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.a { color: #0b62a4 } .b { color: #c0392b }
@media (prefers-color-scheme: dark) { .a { color: #6cb4ee } .b { color: #ff8a7a } }
svg { width: 100%; height: auto; max-width: 40rem }
svg text { font-size: 12px; fill: currentColor }
"""
PLOT = (640, 260, 56, 28)  # width, height, margin at the left, margin below: pixels
VERDICTS = {"A": "A is better", "B": "B is better", "tie": "A tie"}


def write(answer: dict, histories: list[dict], root: Path) -> dict[str, str]:
    """Write the page beside the records of both runs.

    Args:
        answer: of `compare.compare`.
        histories: of A and of B: step, train_loss, valid_nll.
        root: project root.

    Returns:
        run_id -> path of its file.
    """
    text, paths = page(answer, histories), {}
    for side in ("a", "b"):
        run_id = answer[side]["run_id"]
        path = Path(root) / "mlruns" / "runs" / f"{run_id}.compare.html"
        path.write_text(text, "utf-8")
        paths[run_id] = str(path)
    return paths


def page(answer: dict, histories: list[dict]) -> str:
    """The page as HTML, see `write`."""
    a, b, nll = answer["a"], answer["b"], answer["nll"]
    recipes = dict.fromkeys((a["recipe"], b["recipe"]))
    title = f"Two runs of {' and '.join(recipes)}"
    error = nll["standard_error"]
    shown = "" if error is None else f" ± {error:.4f} (standard error)"
    why = ": only seeds differ" if nll["only_seeds"] else " on this test data"
    known = units(answer["metrics"])
    metrics = [
        [name, number(of["a"]), number(of["b"]), change(of)]
        + [known.get(name.removeprefix("test_"), "")]
        for name, of in answer["metrics"].items()
    ]
    config = [
        [name, plain(v["a"]), plain(v["b"])] for name, v in answer["config"].items()
    ]
    changes = [*answer["functions"], *answer["libraries"]]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p><strong>{VERDICTS[nll['verdict']]}{why}.</strong> "
        f"test_nll, B less A, example by example: {nll['difference']:+.4f}{shown} "
        f"nats a label, n = {nll['n']} examples.</p>",
        *(about(side, answer[side]) for side in ("a", "b")),
        "<h2>Results on test</h2>",
        table(["metric", "A", "B", "B less A", "unit"], metrics, numbers=3),
        "<h2>valid_nll while training</h2>",
        curves(histories),
        "<h2>What differs</h2>",
        table(["key", "A", "B"], config) if config else "<p>No key of the config.</p>",
        *(f"<p>{escape(text)}</p>" for text in changes),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def change(of: dict[str, float]) -> str:
    """The difference of a metric, B less A, with its sign."""
    found = of["b"] - of["a"]
    return f"{'+' if found > 0 else ''}{number(found)}"


def about(side: str, run: dict) -> str:
    """A run's name, and the verdict on it."""
    sentence = f"<br>{escape(run['sentence'])}" if run["sentence"] else ""
    return (
        f'<p><strong class="{side}">{side.upper()}</strong> {escape(run["name"])} '
        f"<small>(run {run['run_id'][:8]})</small>{sentence}</p>"
    )


def table(head: list[str], rows: list[list[str]], numbers: int = 0) -> str:
    """A table.

    Args:
        head: of each column.
        rows: cells of each row.
        numbers: columns after the first that hold numbers.
    """

    def row(tag: str, cells: list[str]) -> str:
        classes = ["", *[' class="n"'] * numbers, *[""] * len(cells)]
        marked = zip(classes, cells, strict=False)
        return "".join(f"<{tag}{of}>{escape(cell)}</{tag}>" for of, cell in marked)

    body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in rows)
    return f'<div class="wide"><table><tr>{row("th", head)}</tr>{body}</table></div>'


def curves(histories: list[dict]) -> str:
    """Both learning curves of valid_nll, as a picture."""
    width, height, left, below = PLOT
    both = [
        [(s, v) for s, v in zip(h["step"], h["valid_nll"], strict=True) if finite(v)]
        for h in histories
    ]
    points = both[0] + both[1]
    if not points:
        return "<p>There is no finite value.</p>"
    last = max(step for step, _ in points)
    low, high = (of(value for _, value in points) for of in (min, max))
    span = (high - low) or 1.0

    def place(step: int, value: float) -> str:
        x = left + (width - left - 8) * step / last
        y = 8 + (height - below - 16) * (1 - (value - low) / span)
        return f"{x:.1f},{y:.1f}"

    lines = [
        f'<g class="{side}"><polyline fill="none" stroke="currentColor" '
        f'stroke-width="2" points="{" ".join(place(*point) for point in of)}"/>'
        + "".join(
            f'<circle r="3" fill="currentColor" cx="{at[0]}" cy="{at[1]}"/>'
            for at in (place(*point).split(",") for point in of)
        )
        + "</g>"
        for side, of in zip("ab", both, strict=True)
    ]
    base = height - below
    axes = (
        f'<path d="M{left} 8V{base}H{width - 8}" fill="none" stroke="#888"/>'
        f'<text x="4" y="16">{high:.4g}</text><text x="4" y="{base}">{low:.4g}</text>'
        f'<text x="{left}" y="{height - 6}">0</text>'
        f'<text x="{width - 8}" y="{height - 6}" text-anchor="end">{last} steps</text>'
    )
    text = f"valid_nll of A and of B, from {low:.4g} to {high:.4g} nats a label"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text}">{axes}'
        + "".join(lines)
        + '</svg><p><span class="a">A</span> and <span class="b">B</span>, nats a '
        "label.</p>"
    )


def finite(value: Any) -> bool:
    """True for a number that can be drawn."""
    return isinstance(value, int | float) and math.isfinite(value)


def plain(value: Any) -> str:
    """A value of a config as a user would write it; "-" for None."""
    return "-" if value is None else json.dumps(value, ensure_ascii=False).strip('"')
