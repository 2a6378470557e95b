"""The lines of `runs`, `promote` and `rollback`."""

import math
import textwrap
import time
from pathlib import Path
from typing import Any

from phistar.pipeline.process.root import command
from phistar.pipeline.record.naming import BETWEEN
from phistar.pipeline.record.naming import special as special_word
from phistar.pipeline.run.metrics import number

WIDTH = 80
COLUMNS = ("", "run", "valid_nll", "test_nll", "verdict", "age", "what is special")
WIDTHS = (1, 8, 9, 8, 10, 10)
TITLES = {
    "present": "",
    "other": "on other data, whose valid_nll cannot be compared with that of others",
    "folds": "trials over folds, the mean of all folds; each fold is in MLflow",
    "sweeps": "sweeps, each with its best trial",
    "seeds": "several seeds, mean of all and each one",
    "none": "without a result",
}
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def runs_table(
    found: list[dict], top: int | None, root: Path, one: bool = False
) -> list[str]:
    """One block of lines for each recipe, at most 80 columns wide.

    Args:
        found: of `listing`.
        top: number of runs of each recipe that are shown; None shows all.
        root: project root.
        one: True for one recipe: of its runs the keys that differ are shown in place of
            their names, and intervals of valid_nll.
    """
    if not found:
        return ["no run yet: phistar run NAME, of phistar list"]
    out = []
    for recipe in dict.fromkeys(run["recipe"] for run in found):
        of_it = [run for run in found if run["recipe"] == recipe]
        shown = of_it[:top]
        out += ["", recipe, line(COLUMNS)]
        data, group = shown[0]["data"], shown[0]["group"]
        for i, run in enumerate(shown):
            new = run["group"] != group or (group == "other" and run["data"] != data)
            if (new or i == 0) and TITLES[run["group"]]:
                out += textwrap.wrap(
                    TITLES[run["group"]],
                    WIDTH,
                    initial_indent="  ",
                    subsequent_indent="  ",
                )
            data, group = run["data"], run["group"]
            out += run_lines(run, one)
        if champions := [run for run in of_it if run["champion"]]:
            out.append(f"* the champion: {recipe} {champions[0]['champion']}")
        if left := of_it[len(shown) :]:
            failed = sum(run["status"] == "failed" for run in left)
            note = f" ({failed} failed)" if failed else ""
            more = command("runs", recipe, "--all", root=root)
            out.append(f"and {len(left)} more{note}: {more}")
    return out[1:]


def run_lines(run: dict, one: bool = False) -> list[str]:
    """A run: its numbers, what is special about it, and why it failed.

    Args:
        run: of `listing`.
        one: see `runs_table`.
    """
    nll = [
        "-" if run[name] is None else number4(run[name])
        for name in ("valid_nll", "test_nll")
    ]
    status = run["status"]
    if status == "finished" or (status == "stopped" and run["verdict"]):
        status = run["verdict"] or "-"
    special = run["name"].removeprefix(run["recipe"]).strip() or "the recipe as it is"
    if one and run["differs"]:
        special = BETWEEN.join(word(*pair) for pair in run["differs"].items())
    if run["status"] == "stopped" and run["last"]:
        special += f" (to {run['last']})"
    mark = "*" if run["champion"] else "-" if run["parent"] else ""
    cells = [mark, run["run_id"][:8], *nll, status, age(run["time"])]
    room = WIDTH - sum(WIDTHS) - 2 * len(WIDTHS)
    first, *more = textwrap.wrap(special, room, max_lines=3, placeholder=" …")
    out = [line([*cells, first]), *(line([""] * len(cells) + [text]) for text in more)]
    if one and run["valid_nll_low"] is not None:
        ends = (number4(run[f"valid_nll_{end}"]) for end in ("low", "high"))
        under = " " * (sum(WIDTHS[:2]) + 4) + " to ".join(ends)  # below valid_nll
        second = out[1] if more else ""
        out[1:2] = [(under + second[len(under) :]).rstrip()]
    if run["status"] == "failed" and (run["reason"] or run["stage"]):
        why = f"at {run['stage']}: " if run["stage"] else ""
        reason = run["reason"] or "the reason was not recorded"
        reason = " ".join(f"{reason} {run['advice']}".split())
        out += textwrap.wrap(
            why + reason,
            WIDTH,
            initial_indent=" " * 3,
            subsequent_indent=" " * 3,
            max_lines=2,
            placeholder=" …",
        )
    return out


def line(cells: list[str] | tuple[str, ...]) -> str:
    """Cells in the columns of the table; the last one is as long as it is."""
    padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False)]
    return "  ".join([*padded, *cells[len(WIDTHS) :]]).rstrip()


def word(key: str, value: Any) -> str:
    """A key with its value in few words."""
    return f"no {key.partition('.')[2]}" if value is None else special_word(key, value)


def number4(value: float) -> str:
    """A number with four digits after the point, if it is finite."""
    return f"{value:.4f}" if math.isfinite(value) else str(value)


def age(began: int, now: float | None = None) -> str:
    """The time since a run began, in its largest unit: "2 h ago".

    Args:
        began: ms since the epoch.
        now: s since the epoch; by default the clock's.
    """
    seconds = max(0, int((now or time.time()) - began / 1000))
    size, unit = next(((s, u) for s, u in UNITS if seconds >= s), (1, "s"))
    return f"{seconds // size} {unit} ago"


def published(answer: dict) -> list[str]:
    """A new champion, as `publish.promote` describes it."""
    name, version, run_id = answer["name"], answer["version"], answer["run_id"][:8]
    out = []
    if choice := answer.get("choice"):
        among = choice["among"]
        of = f"the least of {among} runs" if among > 1 else "the only finished run"
        data = "on this data" if choice["own"] else "on the data of the newest run"
        nll = number(choice["valid_nll"])
        out.append(f"{name}: run {run_id}, valid_nll {nll}, {of} {data}")
    in_mlflow = f"(version {answer['mlflow_version']} in MLflow)"
    if answer["difference"] is None:
        out.append(f"{name} {version} is the champion already {in_mlflow}")
        return [*wrapped(out), answer["folder"]]
    out.append(
        f"{name} {version} is the champion: run {run_id}, test_nll "
        f"{number(answer['test_nll'])} {in_mlflow}"
    )
    out += beside_lines(answer)
    out += [f"promoted anyway: {text}" for text in answer.get("objections", [])]
    out.append(f"its answers are within {answer['difference']:.2g} nats of evaluate's")
    return [*wrapped(out), answer["folder"]]


def wrapped(texts: list[str]) -> list[str]:
    """Lines of texts, each text on lines of its own."""
    return [line for text in texts for line in textwrap.wrap(text, WIDTH)]


def beside_lines(answer: dict) -> list[str]:
    """The comparison with the champion before, if there was one and it is known."""
    if not answer["before"] or "beside" not in answer:
        return []
    if answer["beside"] is None:
        return [
            f"version {answer['before']}, the champion before, cannot be compared: "
            "other test data"
        ]
    return [answer["beside"]["sentence"]]
