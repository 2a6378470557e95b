"""Tables and lines that commands print; `--json` prints one object instead."""

import json
from collections.abc import Iterable
from typing import Any

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


def published(answer: dict) -> list[str]:
    """A new champion, as `publish.promote` describes it."""
    champion = f"{answer['name']} {answer['version']} is the champion"
    if answer["difference"] is None:
        return [f"{champion} already", answer["folder"]]
    nats = f"test_nll {number(answer['test_nll'])}"
    if answer["before"]:
        nats += f" (that of version {answer['before']}: "
        nats += f"{number(answer['before_test_nll'])})"
    return [
        f"{champion}: run {answer['run_id'][:8]}, {nats}; "
        f"{answer['difference']:.2g} nats from what was evaluated",
        answer["folder"],
    ]


def comparison(answer: dict, ui_command: str) -> list[str]:
    """The differences of two runs.

    Args:
        answer: what `compare.compare` returns.
        ui_command: it starts the pages that the last line leads to.
    """
    out = [f"{side.upper()}  {_name(answer[side])}" for side in "ab"]
    rows = [["config", "A", "B"]]
    rows += [
        [name, _shown(v["a"]), _shown(v["b"])] for name, v in answer["config"].items()
    ]
    out += ["", *(table(rows) if len(rows) > 1 else ["config: no key differs"])]
    data = [split for split, of in answer["data"].items() if split != "source"]
    other = [s for s in data if answer["data"][s]["a"] != answer["data"][s]["b"]]
    out += ["", f"data: {'other ' + ', '.join(other) if other else 'the same'}"]
    for what in ("functions", "libraries"):
        out += [f"{what}: {'' if answer[what] else 'the same'}".rstrip()]
        out += [f"  {change}" for change in answer[what]]
    rows = [["metric", "A", "B", "B - A", ""]]
    for name, of in answer["metrics"].items():
        change = of["b"] - of["a"]
        sign = "+" if change > 0 else ""
        unit = UNITS.get(name.removeprefix("test_"), "")
        rows.append(
            [name, number(of["a"]), number(of["b"]), sign + number(change), unit]
        )
    out += ["", *table(rows), "", _verdict(answer["nll"]), _parting(answer["parting"])]
    return [*out, f"MLflow  {answer['url']}  ({ui_command})"]


def _verdict(nll: dict) -> str:
    error, found = nll["standard_error"], f"no standard error, n = {nll['n']}"
    if error is not None:
        found = f"± {error:.4f}, its standard error, n = {nll['n']}"
    found = (
        f"test_nll, B less A, example by example: {nll['difference']:+.4f} ({found}): "
    )
    if nll["verdict"] != "tie":
        return f"{found}{nll['verdict']} is better on this test data"
    if nll["only_seeds"]:
        return f"{found}a tie, since only seeds differ"
    return f"{found}a tie"


def _parting(parting: dict | None) -> str:
    if parting is None:
        return "learning curves: the same at every step that both have"
    return (
        f"learning curves part at step {parting['step']}: {parting['curve']} "
        f"{parting['a']:.6g} and {parting['b']:.6g}"
    )


def _name(side: dict) -> str:
    return f"{side['run_id'][:8]}  {side['name']}"


def _shown(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False).strip('"')


def table(rows: Iterable[Iterable]) -> list[str]:
    """One line for each row, its cells left-aligned in columns."""
    rows = [[str(cell) for cell in row] for row in rows]
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (map(str.ljust, row, widths) for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]
