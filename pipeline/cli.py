"""The command line.

    phistar list | show NAME | plan NAME | run NAME | ui
    phistar ingest|build|train|evaluate|export NAME

`key=value` anywhere on the line overrides a key of the recipe.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from pipeline import config as configs
from pipeline import errors
from pipeline.errors import Failure

STAGES = ("ingest", "build", "train", "evaluate", "export")


def main(arguments=None):
    """Run one command.  -> exit status."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            return run_command(typed)
        finally:
            sys.stdout.flush()  # here, where it can be caught
    except BrokenPipeError:  # who read it has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.BROKEN_PIPE


def run_command(typed):
    """Run what was typed and print its answer.  -> exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        given = parse(typed)
        answer, lines = given.function(given)
    except KeyboardInterrupt:
        return failed(Failure("interrupted", errors.INTERRUPTED), typed)
    except SystemExit as stop:
        if stop.code != errors.TERMINATED:
            raise  # --help
        return failed(Failure("terminated", errors.TERMINATED), typed)
    except BrokenPipeError:
        raise
    except Exception as error:
        return failed(error, typed)
    print(json.dumps(answer) if given.json else "\n".join(lines), flush=True)
    return errors.OK


def on_signal(number, frame):
    """The first signal ends the run in order: what runs in TensorFlow is finished,
    the record gets its end. A second one ends the process at once."""
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, lambda second, _: os._exit(128 + second))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(errors.TERMINATED)


def parse(typed):
    """What was typed.  -> Namespace.

    Raises:
        Failure: if it is no command.
    """
    overrides = [
        word
        for before, word in zip(["", *typed], typed, strict=False)
        if "=" in word and not word.startswith("-") and before != "--root"
    ]
    parser = make_parser()
    given = parser.parse_args([word for word in typed if word not in overrides])
    given.overrides, given.typed = overrides, ["phistar", *typed]
    given.root = find_root(given.root)
    if overrides and not hasattr(given, "recipe"):
        parser.error(f"{given.command} takes no overrides. Received: {overrides}")
    return given


class Parser(argparse.ArgumentParser):
    """argparse, whose errors are ours."""

    def print_help(self, file=None):
        """Print it; argparse's own hides a reader that has gone."""
        print(self.format_help(), end="", file=file or sys.stdout)

    def error(self, message):
        """Say how the command is called; raise Failure."""
        self.print_usage(sys.stderr)
        raise Failure(message, errors.USAGE)


def make_parser():
    """The commands and their options."""
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

    def command(name, function, text):
        added = commands.add_parser(
            name,
            parents=[common],
            help=text,
            description=text,
            allow_abbrev=False,
        )
        added.set_defaults(function=function)
        return added

    command("list", list_names, "recipes, tasks, sources, networks, optimizers")
    for name, function, text in (
        ("show", show, "what a recipe composes to, each key with its meaning"),
        ("plan", plan, "what would run, what is cached, and why"),
    ):
        added = command(name, function, text)
        added.add_argument("recipe", help="name of a recipe, or path of a YAML file")
    for name in ("run", *STAGES):
        text = "all five stages" if name == "run" else "this stage, and what it needs"
        added = command(name, run, text)
        added.add_argument("recipe", help="name of a recipe, or path of a YAML file")
        if name == "run":
            added.add_argument(
                "--from",
                dest="first",
                choices=STAGES,
                default=STAGES[0],
                help="stages before it must be in the store",
            )
            added.add_argument(
                "--to",
                dest="last",
                choices=STAGES,
                default=STAGES[-1],
                help="stop after this stage",
            )
            added.add_argument(
                "--seeds",
                type=positive,
                metavar="N",
                help="N runs with the seeds 0 ... N-1 under one parent",
            )
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
        added.add_argument(
            "--isolate", action="store_true", help="each stage in a process of its own"
        )
    added = command("ui", ui, "MLflow's pages on 127.0.0.1")
    added.add_argument("--port", type=positive, default=5000)
    return parser


def list_names(given):
    """Recipes with their first line, and the names of every table."""
    from pipeline import schema

    recipes = {
        name: headline(path) for name, path in configs.recipes(given.root).items()
    }
    tables = {
        full: schema.choices(section)
        for section, chooser in schema.CHOOSERS.items()
        for full in [f"{section}.{chooser}"]
    }
    width = max(map(len, [*recipes, *tables]), default=0)
    lines = [f"{name:<{width}}  {text}" for name, text in sorted(recipes.items())]
    lines += ["", *(f"{name:<{width}}  {' '.join(n)}" for name, n in tables.items())]
    return {"recipes": recipes, "tables": tables}, lines


def headline(path):
    """The first comment of a recipe that says something."""
    for line in Path(path).read_text("utf-8").splitlines():
        text = line.strip("# ").strip()
        if line.startswith("#") and text and not text.startswith("@package"):
            return text
    return ""


def show(given):
    """Every key of the composed config: value, type, default, meaning."""
    from pipeline.report import table

    config = load(given)
    rows = [["key", "value", "type", "meaning"]]
    answer = []
    for row in configs.keys(config):
        required = row.default is ...
        rows.append([row.key, row.value, row.type, row.meaning])
        answer.append(
            {
                "key": row.key,
                "value": row.value,
                "type": row.type,
                "default": None if required else row.default,
                "required": required,
                "meaning": row.meaning,
            }
        )
    return {"recipe": config.name, "keys": answer}, table(rows)


def plan(given):
    """Per stage: HIT, or what changed."""
    from pipeline.plan import plan as make_plan
    from pipeline.report import plan_table
    from pipeline.store import Store

    config = load(given)
    rows = make_plan(config, Store(given.root / "mlruns"))
    return {"recipe": config.name, "stages": rows}, plan_table(rows)


def run(given):
    """Run the stages from --from to --to."""
    from pipeline.report import metrics_table
    from pipeline.runs import run_once, run_seeds

    how = {
        "first": given.first,
        "last": given.last,
        "force": tuple(given.force),
        "isolate": given.isolate,
        "check": given.preflight,
    }
    if STAGES.index(given.first) > STAGES.index(given.last):
        raise ValueError(
            f"`--from {given.first}` comes after `--to {given.last}`. "
            f"Expected the order {', '.join(STAGES)}."
        )
    config = load(given)
    if given.seeds:
        answer = run_seeds(
            lambda more: load(given, more), given.seeds, given.root, given.typed, **how
        )
        title = f"{config.name}, {given.seeds} seeds, mean ± sd"
    else:
        answer = run_once(config, given.root, given.typed, **how)
        title = config.name
    lines = [title]
    if answer["metrics"]:
        lines += metrics_table(answer["metrics"])
    if answer.get("export"):
        lines.append(f"export  {answer['export']}")
    lines.append(f"MLflow  {answer['url']}  (phistar ui)")
    return answer, lines


def ui(given):
    """Start MLflow's server in this process's place."""
    from pipeline import server

    server.ui(given.root, given.port)
    return {}, []


def load(given, more=()):
    """The config that the command line names; says which keys it dropped."""
    config = configs.load(given.recipe, [*given.overrides, *more], given.root)
    if config.dropped and not more:
        print(
            f"dropped, since another choice: {', '.join(config.dropped)}",
            file=sys.stderr,
        )
    return config


def failed(error, typed):
    """One clear error on stderr.  -> exit status."""
    failure = error if isinstance(error, Failure) else Failure.of(error)
    print(f"phistar: error: {failure}", file=sys.stderr)
    if failure.details and ("--debug" in typed or not failure.expected):
        print(failure.details, file=sys.stderr)
    if "--json" in typed:
        answer = {"error": str(failure), "status": failure.status}
        print(json.dumps(answer), flush=True)
    return failure.status


def find_root(root):
    """The project folder: given, or the nearest parent with conf/, or here."""
    if root is not None:
        return root.expanduser().resolve()
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "conf").is_dir()), here)


def positive(text):
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
