"""The commands and options after `phistar`."""

import argparse
import sys
from pathlib import Path
from typing import TextIO

from pipeline.process import errors
from pipeline.process.errors import Failure
from pipeline.process.root import find_root
from pipeline.store.contract import KNOBS

STAGES = ("ingest", "build", "train", "evaluate", "export")
SIGNATURES = ("predict", "log_prob", "sample")
RUN = "a run's id, or its beginning; its name; a recipe, for its newest run"
RECIPE = "name of a recipe, or path of a YAML file"


def parse(typed: list[str]) -> argparse.Namespace:
    """The command that was typed, with its overrides and root.

    Raises:
        Failure: if it is no command.
    """
    overrides = [
        word
        for before, word in zip(["", *typed], typed, strict=False)
        if "=" in word and not word.startswith("-") and before != "--root"
    ]
    words = (word for word in typed if not word.startswith("-"))
    command = next((word for word in words if word not in overrides), "")
    if command in ("predict", "compare", "promote"):
        overrides = []  # a run's name may hold an equals sign, and so may a file's
    parser = make_parser()
    given = parser.parse_args([word for word in typed if word not in overrides])
    given.overrides, given.typed = overrides, ["phistar", *typed]
    given.root = find_root(given.root)
    if overrides and not hasattr(given, "recipe"):
        parser.error(f"{given.command} takes no overrides. Received: {overrides}")
    return given


class Parser(argparse.ArgumentParser):
    """argparse with our form of errors."""

    def print_help(self, file: TextIO | None = None) -> None:
        """Print the help; argparse's own method hides a broken pipe."""
        print(self.format_help(), end="", file=file or sys.stdout)

    def error(self, message: str) -> None:
        """Print how the command is called; raise Failure."""
        self.print_usage(sys.stderr)
        raise Failure(message, errors.USAGE)


def make_parser() -> Parser:
    """The parser of all commands and their options."""
    common = Parser(add_help=False)
    common.add_argument(
        "--root",
        type=Path,
        help="project folder, holds conf/experiment and mlruns "
        "(default: the nearest parent with conf/, else the working directory)",
    )
    common.add_argument(
        "--json", action="store_true", help="the last line of stdout is a JSON object"
    )
    common.add_argument("--debug", action="store_true", help="show the traceback")
    parser = Parser(
        prog="phistar",
        description="argmin E[-ln P(y|x)]: train, evaluate and export classifiers.",
        epilog="key=value anywhere overrides a key of the recipe; `phistar show NAME` "
        "lists the keys.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> Parser:
        options = {"help": text, "description": text, "allow_abbrev": False}
        return commands.add_parser(name, parents=[common], **options)

    command("list", "recipes, tasks, sources, networks, optimizers")
    for name, text in (
        ("show", "what a recipe composes to, each key with its meaning"),
        ("plan", "what would run, what is cached, and why"),
    ):
        command(name, text).add_argument("recipe", help=RECIPE)
    for name in ("run", *STAGES):
        text = "all five stages" if name == "run" else "this stage, and what it needs"
        add_run(name, command(name, text))
    add_predict(
        command("predict", "an export's answers: one JSON object for each input")
    )
    added = command("runs", "the runs of a recipe, or of all, the best valid_nll first")
    added.add_argument("name", metavar="NAME", nargs="?", help="of a recipe")
    text = "every run, not only the first 20 of a recipe"
    added.add_argument("--all", action="store_true", help=text)
    added = command("promote", "make a run's export the champion of its recipe")
    text = "a recipe, for the run with the least valid_nll on its present data; or a "
    added.add_argument("run", metavar="RUN", help=text + "run's id, or its name")
    text = "also a model that is not better than guessing, or worse than the champion"
    added.add_argument("--anyway", action="store_true", help=text)
    added = command("rollback", "make the champion before this one the champion again")
    added.add_argument("name", metavar="NAME", help="of a recipe that was promoted")
    added = command("serve", "the champion's answers over HTTP, on 127.0.0.1")
    added.add_argument("name", metavar="NAME", help="of a recipe that was promoted")
    added.add_argument("--port", type=positive, default=5001)
    added = command("compare", "what differs between two runs, and the effect")
    added.add_argument("runs", metavar="RUN", nargs=2, help=RUN)
    added = command("ui", "MLflow's pages on 127.0.0.1")
    added.add_argument("--port", type=positive, default=5000)
    return parser


def add_run(name: str, added: Parser) -> None:
    """Add the options of `run` and of the stages."""
    added.add_argument("recipe", help=RECIPE)
    if name == "run":
        for option, dest, default, text in (
            ("--from", "first", STAGES[0], "stages before it must be in the store"),
            ("--to", "last", STAGES[-1], "stop after this stage"),
        ):
            added.add_argument(
                option, dest=dest, choices=STAGES, default=default, help=text
            )
        text = "N runs with the seeds 0 ... N-1 under one parent"
        added.add_argument("--seeds", type=positive, metavar="N", help=text)
    else:
        added.set_defaults(first=STAGES[0], last=name, seeds=None)
    added.add_argument(
        "--force",
        action="append",
        choices=STAGES,
        default=[],
        metavar="STAGE",
        help="run this stage even if it is cached; may be repeated",
    )
    added.add_argument(
        "--preflight",
        action="store_true",
        help="try train, evaluate and export on two batches before training",
    )
    added.set_defaults(no_register=False)
    if name in ("run", "export"):
        text = "keep the export out of MLflow's registry, until it is promoted"
        added.add_argument("--no-register", action="store_true", help=text)
    added.add_argument(
        "--isolate", action="store_true", help="each stage in its own process"
    )


def add_predict(added: Parser) -> None:
    """Add the options of `predict`."""
    added.add_argument(
        "run",
        metavar="RUN",
        help="a run's id, or its beginning; a run's name; a recipe's, for its "
        "champion, or, if nothing was promoted, its newest finished run; or the folder "
        "of an export",
    )
    added.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="columns: CSV with a header; images: files or folders; texts: lines; "
        ".gz too; - is stdin",
    )
    added.add_argument("--signature", choices=SIGNATURES, default=SIGNATURES[0])
    added.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="inputs of one call (default: 1024 rows of columns, 32 of others)",
    )
    added.add_argument(
        "--label",
        metavar="COLUMN",
        help="log_prob of columns: the one with the labels (default: label)",
    )
    added.add_argument(
        "--missing",
        action="append",
        metavar="WORD",
        help="a missing value as it is written, in place of an empty cell, NA and nan; "
        "may be repeated",
    )
    for name, (kind, text) in KNOBS.items():
        added.add_argument(
            "--" + name.replace("_", "-"), type=kind, metavar="N", help=text
        )


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value
