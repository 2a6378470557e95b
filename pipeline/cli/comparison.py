"""The lines of `compare`, in 80 columns: first the effect, then the causes."""

import textwrap

from phistar.pipeline.run.compare_page import change, plain
from phistar.pipeline.run.metrics import number, units

WIDTH = 80
GAP = 2  # columns between two cells


def comparison(answer: dict, ui_command: str) -> list[str]:
    """The differences of two runs.

    Args:
        answer: what `compare.compare` returns.
        ui_command: it starts the pages that the last line leads to.
    """
    out = [line for side in "ab" for line in run_lines(side, answer[side])]
    out += ["", *wrapped(effect(answer["nll"])), ""]
    rows, known = [["metric", "A", "B", "B - A", ""]], units(answer["metrics"])
    for name, of in answer["metrics"].items():
        unit = known.get(name.removeprefix("test_"), "")
        rows.append([name, number(of["a"]), number(of["b"]), change(of), unit])
    out += [*fitted(rows), ""]
    rows = [["config", "A", "B"]]
    rows += [
        [name, plain(v["a"]), plain(v["b"])] for name, v in answer["config"].items()
    ]
    out += [*(fitted(rows) if len(rows) > 1 else ["config: no key differs"]), ""]
    data = [split for split, of in answer["data"].items() if split != "source"]
    other = [s for s in data if answer["data"][s]["a"] != answer["data"][s]["b"]]
    out.append(f"data: {'other ' + ', '.join(other) if other else 'the same'}")
    for what in ("functions", "libraries"):
        out += [f"{what}: {'' if answer[what] else 'the same'}".rstrip()]
        for text in answer[what]:
            out += wrapped(text, "  ")
    out += wrapped(parting(answer["parting"], answer["steps_in_common"]))
    return [*out, f"MLflow  {answer['url']}  ({ui_command})"]


def run_lines(side: str, run: dict) -> list[str]:
    """The names of a run, and the verdict on it."""
    head = wrapped(f"{side.upper()}  {run['run_id'][:8]}  {run['name']}", "", "   ")
    return [*head, *(wrapped(run["sentence"], "   ") if run["sentence"] else [])]


def effect(nll: dict) -> str:
    """The difference of test_nll, as `paired` has measured it, in words."""
    error, n = nll["standard_error"], nll["n"]
    found = f"(no standard error, n = {n})"
    if error is not None:
        found = f"± {error:.4f} (standard error, n = {n})"
    words = f"{nll['verdict']} is better on this test data"
    if nll["verdict"] == "tie":
        words = "a tie, since only seeds differ" if nll["only_seeds"] else "a tie"
    difference = f"{nll['difference']:+.4f}"
    return f"test_nll, B less A, example by example: {difference} {found}: {words}"


def parting(found: dict | None, common: int) -> str:
    """The first step at which the learning curves part, in words."""
    if not common:
        return "learning curves: no step in common"
    if found is None:
        return "learning curves: the same at every step that both have"
    return (
        f"learning curves part at step {found['step']}: {found['curve']} "
        f"{found['a']:.6g} and {found['b']:.6g}"
    )


def wrapped(text: str, indent: str = "", more: str | None = None) -> list[str]:
    """Lines of a text.

    Args:
        text: words.
        indent: put before the first line.
        more: put before the others; by default the same.
    """
    more = indent if more is None else more
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=more)


def fitted(rows: list[list[str]]) -> list[str]:
    """A table whose widest columns are wrapped, until it fits."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = WIDTH - GAP * (len(widths) - 1)
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1
    out = []
    for row in rows:
        cells = [textwrap.wrap(c, w) or [""] for c, w in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            part = [c[i] if i < len(c) else "" for c in cells]
            padded = map(str.ljust, part, widths)
            out.append((" " * GAP).join(padded).rstrip())
    return out
