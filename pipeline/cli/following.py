"""Advice after a run: the next commands, and how a stopped run continues."""

from argparse import Namespace
from typing import Any

from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.process.root import command


def next_commands(given: Namespace, config: Any, answer: dict) -> list[str]:
    """Two commands that may follow a run, as they can be typed here.

    Args:
        given: the command line.
        config: the resolved config.
        answer: of `run_once` or `run_seeds`.
    """
    same = given.recipe, *given.overrides
    verdict = answer.get("verdict") or {}
    if given.seeds or not answer.get("export"):
        words = ("run", *same)  # to its end, once
    elif verdict.get("verdict") == "not better":
        words = ("show", *same)  # it would not be promoted
    else:
        words = ("promote", config.name)
    return [command(*words, root=given.root), command("ui", root=given.root)]


def again(given: Namespace | None) -> str:
    """A hint that a run which was stopped can continue; "" for other commands."""
    if given is None or given.command not in ("run", "sweep", "launch", *STAGES):
        return ""
    return ". The same command continues where this one has stopped."
