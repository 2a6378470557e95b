"""Tables and lines that commands print; `--json` prints one object instead."""

import json
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

from phistar.pipeline.process.terminal import duration, paint, width
from phistar.pipeline.run.metrics import HEADLINE, number, units

FLOORS = {
    "prior": "floor: the shares of train, x not read",
    "uniform": "floor: all labels alike",
}
LABEL = 9  # columns of the words in front of the last lines
LEAST = 20  # columns that a wrapped cell needs


def metrics_rows(metrics: dict[str, float]) -> list[list[str]]:
    """The test metrics with their intervals, and the floors below them.

    Args:
        metrics: "test_nll", "test_nll_low", ... -> value.

    Returns:
        Rows of name, value, unit, note.
    """
    rows, unit = [], units(metrics)
    for name in HEADLINE:
        full = f"test_{name}"
        if full not in metrics:
            continue
        row = [full, number(metrics[full]), unit.get(name, "")]
        if f"{full}_low" in metrics:
            low, high = metrics[f"{full}_low"], metrics[f"{full}_high"]
            row.append(f"95 % in [{number(low)}, {number(high)}]")
        elif f"{full}_sd" in metrics:
            row.append(f"± {number(metrics[f'{full}_sd'])} (sd)")
        else:
            row.append("")
        rows.append(row)
        for floor, meaning in FLOORS.items():
            if f"{full}_{floor}" in metrics:
                value = number(metrics[f"{full}_{floor}"])
                rows.append([f"  {floor}", value, "", meaning])
    return rows


def result(title: str, answer: dict, following: list[str]) -> list[str]:
    """The last lines of a run: its result, the verdict, and what to type next.

    Args:
        title: the first line.
        answer: of `run_once` or `run_seeds`.
        following: commands.
    """
    # a gap between the stages and the result, where both are on one terminal
    lines = [""] if width() else []
    lines.append(paint(title, "bold", sys.stdout))
    if answer["metrics"]:
        lines += table(metrics_rows(answer["metrics"]))
    rows = []
    if verdict := answer.get("verdict"):
        style = "red" if verdict["verdict"] == "not better" else "green"
        rows += _sentence("verdict", verdict["sentence"], style)
    if answer.get("beside"):
        rows += _sentence("champion", answer["beside"]["sentence"])
    if answer.get("export"):
        rows.append(("export", answer["export"]))
    rows.append(("MLflow", answer["url"]))
    rows += zip(["next:", ""], following, strict=True)
    return lines + [f"{name:<{LABEL}}{value}" for name, value in rows]


def init_lines(answer: dict, columns: int | None) -> list[str]:
    """The last lines of `init`: what was found, what is doubtful, what to type next.

    Args:
        answer: of pipeline/init/command.py.
        columns: of the terminal; None for a pipe.
    """
    rows = [("found", sentence) for sentence in answer["found"]]
    rows += [("question", sentence) for sentence in answer["questions"]]
    rows.append(("recipe", answer["recipe"]))
    rows += zip(["next:", ""], answer["next"], strict=True)
    names = ["", *(name for name, _ in rows[:-1])]
    # a word in front of the first of several lines alone
    shown = [
        ("" if name == before else name, text)
        for (name, text), before in zip(rows, names, strict=True)
    ]
    return table(shown, columns)


def card_lines(parts: list[dict], columns: int | None) -> list[str]:
    """The data card.

    Args:
        parts: of `page.data_card`.
        columns: of the terminal; None for a pipe.
    """
    lines = []
    for part in parts:
        lines += ["", paint(part["title"], "bold", sys.stdout)]
        for line in part["lines"]:
            lines += textwrap.wrap(line, columns - 1) if columns else [line]
        if part["head"]:
            cells = [[_cell(value) for value in row] for row in part["rows"]]
            lines += table([part["head"], *cells], columns)
    return lines


def _cell(value: str | float) -> str:
    """A cell as text: numbers as on the pages."""
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else value


def _sentence(name: str, text: str, style: str = "") -> list[tuple[str, str]]:
    """Rows of a sentence: the name in front of its first line."""
    lines = textwrap.wrap(text, (width() or 10**6) - LABEL - 1)
    lines = [paint(line, style, sys.stdout) if style else line for line in lines]
    return list(zip([name, *[""] * len(lines)], lines, strict=False))


def keys_table(keys: list[dict], columns: int | None) -> list[str]:
    """The keys of a config.

    Args:
        keys: rows of `show --json`, in order.
        columns: of the terminal: the meaning stands below its key. None, for a pipe:
            one line for each key.
    """
    if columns is None:
        names = ["key", "value", "type", "meaning"]
        rows = [[_plain(row[name]) for name in names] for row in keys]
        return table([names, *rows])
    lines, wide = [], max(len(row["key"]) for row in keys)
    heads = {
        (False, True): "set by the recipe or the command line",
        (False, False): "defaults",
        (True, False): "of no use here",
    }
    for row in keys:
        idle = row["idle"] is not None
        if head := heads.pop((idle, row["chosen"] and not idle), None):
            lines += ["", paint(head, "bold", sys.stdout)]
        key = paint(f"{row['key']:<{wide}}", "cyan", sys.stdout)
        lines.append(f"  {key}  {row['idle'] if idle else _plain(row['value'])}")
        about = f"{row['meaning'].rstrip('.')} ({row['type']}"
        if row["chosen"] and not row["required"]:
            about += f"; default {_plain(row['default'])}"
        for line in [] if idle else textwrap.wrap(f"{about})", columns - 7):
            lines.append(" " * 6 + paint(line, "dim", sys.stdout))
    return lines[1:]


def plan_table(rows: list[dict], columns: int | None = None) -> list[str]:
    """One line a stage of `plan.plan`: cached, or the reasons to run it.

    Args:
        rows: of `plan.plan`.
        columns: of the terminal; None does not wrap.
    """
    rows = [
        [
            row["stage"],
            "HIT" if row["status"] == "cached" else "run",
            "" if not row["seconds"] else f"about {duration(row['seconds'])}",
            "; ".join(row["reasons"]) or (row["key"] or "")[:12],
        ]
        for row in rows
    ]
    return table(rows, columns)


def shared_lines(command: str, answer: dict) -> list[str]:
    """Lines about what `push` or `pull` has copied, one for each stage."""
    rows = []
    for stage in dict.fromkeys(one["stage"] for one in answer["copied"]):
        sizes = [one["bytes"] for one in answer["copied"] if one["stage"] == stage]
        rows.append([stage, len(sizes), f"{sum(sizes) / 1e6:,.1f} MB"])
    where = "there" if command == "push" else "here"
    lines = table(rows) + [f"{answer['present']} results were {where} already"]
    if answer["missing"]:
        of = "in the store" if command == "push" else f"at {answer['url']}"
        lines.append(f"not {of}: {', '.join(answer['missing'])}")
    return lines


def doctor_lines(answer: dict, columns: int | None) -> list[str]:
    """Lines about what `doctor` has found: problems first, then what is worth knowing.

    Args:
        answer: of pipeline/doctor/command.py.
        columns: of the terminal; None for a pipe.
    """
    rows, found = [], sorted(answer["findings"], key=lambda row: not row["harm"])
    for row in found:
        done = f" Mended: {row['mended']}." if row["mended"] else ""
        advice = f" {row['advice']}" if row["advice"] and not row["mended"] else ""
        rows.append((row["check"], row["place"], f"{row['problem']}{done}{advice}"))
    left = [row for row in found if row["harm"] and not row["mended"]]
    last = f"{len(found)} found, {len(left)} of them to be mended"
    if not left:
        last = "all is well" if not found else f"{len(found)} found, none does harm now"
    if any(row["mendable"] for row in left):
        last += "; `phistar doctor --mend` mends what is safe"
    return [*table(rows, columns), last]


def hosts_lines(plan: dict, columns: int | None = None) -> list[str]:
    """The time of a training on several hosts.

    Args:
        plan: of `hosts.hosts_plan`.
        columns: of the terminal; None does not wrap.
    """
    speed, rows = plan["speed"], [["hosts", "step", "of it link", "efficiency", "all"]]
    rows += [
        [
            row["hosts"],
            f"{1e3 * row['step_seconds']:.3g} ms",
            f"{1e3 * row['link_seconds']:.3g} ms",
            f"{row['efficiency']:.0%}",
            duration(row["seconds"]),
        ]
        for row in plan["hosts"]
    ]
    return [
        *table(rows, columns),
        "",
        f"a step here takes {1e3 * speed['fixed']:.3g} ms, and "
        f"{1e3 * speed['varying']:.3g} ms for its {speed['rows']} rows; gradients "
        f"{speed['bytes'] / 1e6:.3g} MB in {speed['arrays']} arrays",
        f"at most half of the time is lost up to {plan['pays_up_to']} hosts; a step is "
        f"shortest with {plan['fastest']} (of 1, 2, 4, 8 ...)",
    ]


def _plain(value: Any) -> str:
    """A value as it is typed after "key="."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def table(rows: Iterable[Iterable], columns: int | None = None) -> list[str]:
    """One line for each row, its cells left-aligned in columns.

    Args:
        rows: of cells.
        columns: of the terminal: the last cells are wrapped to fit. None: they are not.
    """
    rows = [[str(cell) for cell in row] for row in rows]
    size = max(map(len, rows), default=0)
    rows = [row + [""] * (size - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    before = sum(widths[:-1]) + 2 * (size - 1)
    if columns and before + LEAST <= columns:
        rows = [
            [*row[:-1], part] if first else [""] * (size - 1) + [part]
            for row in rows
            for first, part in _parts(row[-1], columns - before - 1)
        ]
    padded = (map(str.ljust, row, widths) for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]


def _parts(text: str, columns: int) -> Iterable[tuple[bool, str]]:
    """The lines of a cell, and True for the first one."""
    lines = textwrap.wrap(text, columns, break_on_hyphens=False) or [""]
    return ((number == 0, line) for number, line in enumerate(lines))
