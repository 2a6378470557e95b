"""The commands and options after `phistar`."""

import argparse
from functools import partial
from pathlib import Path

from phistar.pipeline.cli.usage import Parser, refuse, usage
from phistar.pipeline.process import errors
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.process.root import find_root
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.store.contract import KNOBS

ABOUT = {
    "ingest": "read, split and encode the data",
    "build": "the untrained network, and what comes before it",
    "train": "the trained network, and what comes before it",
    "evaluate": "metrics and figures, and what comes before them",
    "export": "a SavedModel that answers as evaluated, and all before it",
}
STAGES = tuple(ABOUT)
SIGNATURES = ("predict", "log_prob", "sample")
SHELLS = ("bash", "zsh", "fish")
RUN = "a run's id, or its beginning; its name; a recipe, for its newest run"
RECIPE = "name of a recipe (`phistar list` shows them), or path of a YAML file"
NAME = "of a recipe that was promoted"
LINE = "--line"
CLUSTER = "ray, which this machine belongs to; or ray://HOST:PORT"


def parse(typed: list[str]) -> argparse.Namespace:
    """The command that was typed, with its overrides and root.

    Raises:
        Failure: if it is no command.
    """
    overrides = [
        word
        for before, word in zip(["", *typed], typed, strict=False)
        if is_override(word) and before not in ("--root", LINE)
    ]
    words = (word for word in typed if not word.startswith("-"))
    command = next((word for word in words if word not in overrides), "")
    if command in ("init", "predict", "compare", "promote"):
        overrides = []  # a run's name may hold an equals sign, and so may a file's
    parser, commands = make_parser()
    if command and command not in commands:
        raise Failure(
            f"no such command. Received: {command}. Expected one of: "
            f"{', '.join(commands)}.{nearest(command, commands)} `phistar --help` "
            "describes them.",
            errors.USAGE,
        )
    words = [word for word in typed if word not in overrides]
    given, unknown = parser.parse_known_args(words)
    if given.command is None and not unknown:
        return given
    unknown += vars(given).pop("words", [])
    if unknown:
        refuse(unknown, given, typed, commands)
    given.overrides, given.typed = overrides, ["phistar", *typed]
    given.root = find_root(given.root)
    if overrides and not hasattr(given, "recipe"):
        raise Failure(
            f"`phistar {given.command}` takes no overrides. Received: "
            f"{' '.join(overrides)}. Expected: {usage(commands[given.command])}.",
            errors.USAGE,
        )
    return given


def is_override(word: str) -> bool:
    """True for key=value; not for an option, nor for a file with = in its name."""
    key, equals, _ = word.partition("=")
    if not equals or word.startswith("-") or "/" in key:
        return False
    return not (word.endswith((".yaml", ".yml")) and Path(word).is_file())


def make_parser() -> tuple[Parser, dict[str, Parser]]:
    """The parser of all commands and their options, and that of each by its name."""
    common = Parser(add_help=False)
    common.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="project folder, holds conf/experiment and mlruns "
        "(default: the nearest parent with conf/, else the working directory)",
    )
    common.add_argument(
        "--json", action="store_true", help="the last line of stdout is a JSON object"
    )
    common.add_argument("--debug", action="store_true", help="show the traceback")
    parser = Parser(
        prog="phistar",
        description="Train, evaluate, export and serve classifiers, translators and "
        "language models: argmin E[-ln P(y|x)].",
        epilog="`phistar COMMAND --help` shows its options and an example. key=value "
        "anywhere overrides a key of the recipe; `phistar show NAME` lists the keys. "
        "First steps: phistar run breast_cancer",
        formatter_class=partial(argparse.HelpFormatter, max_help_position=20),
    )
    parser.set_defaults(json=False)
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, text: str, *examples: str) -> Parser:
        """Add a command with one line about it, and examples without `phistar`."""
        return commands.add_parser(
            name,
            parents=[common],
            help=text,
            description=text,
            epilog="\n".join(["examples:", *(f"  phistar {e}" for e in examples)]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    command("list", "recipes, tasks, sources, networks, optimizers", "list")
    added = command(
        "init",
        "a recipe for your own files, with reasons and questions",
        "init . --data customers.csv --label churned",
        "init . --data photos/",
        "init . --data train.en train.de",
    )
    text = "project folder, to hold conf/experiment and mlruns; . is this one"
    added.add_argument("folder", metavar="DIR", type=Path, help=text)
    text = "a table (also of images), texts, a folder, or a pattern in quotes; a file "
    text += "for each split; two files of lines are sentence pairs"
    added.add_argument("--data", metavar="PATH", nargs="+", required=True, help=text)
    text = "of a table, also of images: the column to predict"
    added.add_argument("--label", metavar="COLUMN", help=text)
    text = "of the recipe (default: the name of the data)"
    added.add_argument("--name", metavar="NAME", help=text)
    for name, text, example in (
        ("show", "what a recipe composes to, each key with its meaning", "digits"),
        ("plan", "what would run, what is cached, and why", "digits train.epochs=5"),
    ):
        added = command(name, text, f"{name} {example}")
        add_recipe(added)
    text = "also the time on so many hosts, like 1,8,64, from a step measured here"
    added.add_argument("--hosts", metavar="N,N", help=text)
    text = "bandwidth between them, like 100Gbit"
    added.add_argument("--link", metavar="BANDWIDTH", help=text)
    for name in ("run", *STAGES):
        text = ABOUT.get(name, "run all five stages of a recipe")
        examples = [f"{name} breast_cancer", f"{name} digits train.epochs=5"]
        if name == "run":
            examples.append("run breast_cancer --seeds 3 --to evaluate")
        add_run(name, command(name, text, *examples))
    add_sweep(
        command(
            "sweep",
            "trials over lists and ranges of keys; the best is tested and exported",
            "sweep breast_cancer train.learning_rate=0.01,0.03,0.1",
            "sweep digits train.learning_rate=log:1e-4..1e-2 build.width=8..32 "
            "--trials 30 --prune",
            "sweep digits train.weight_decay=0..0.1 --trials 20 --folds 5 --workers 2",
        )
    )
    added = command(
        "launch",
        "run a recipe whose training several processes share",
        "launch -n 2 run digits train.backend=jax",
        "launch run digits train.backend=jax --root /shared/project",
        "launch -n 4 --on ray run digits train.backend=jax --root /shared/project",
    )
    text = "processes on this machine; on several hosts their variables tell the number"
    added.add_argument("-n", dest="processes", type=positive, metavar="N", help=text)
    text = "the command, with its options: only `run` has something to share"
    added.add_argument("launched", metavar="run", type=shared, help=text)
    add_run("run", added)
    add_predict(
        command(
            "predict",
            "an export's answers: one JSON object for each input, or a file",
            "predict breast_cancer patients.csv",
            "predict breast_cancer new.parquet --id patient --output answers.csv",
            "predict digits photos/ > answers.jsonl",
            "predict kjv_quick prompts.txt --signature sample --temperature 0.7",
        )
    )
    added = command(
        "runs",
        "the runs of a recipe, or of all, the best valid_nll first",
        "runs",
        "runs breast_cancer",
        "runs breast_cancer --by valid_accuracy --top 5",
    )
    added.add_argument("name", metavar="NAME", nargs="?", help="of a recipe")
    text = "sort by this metric of valid, or by time (default: valid_nll)"
    added.add_argument("--by", metavar="METRIC", default="valid_nll", help=text)
    text = "the first N runs of a recipe (default: 20)"
    added.add_argument("--top", type=positive, metavar="N", default=20, help=text)
    added.add_argument("--all", action="store_true", help="every run")
    added = command(
        "promote",
        "make a run's export the champion of its recipe",
        "promote breast_cancer",
    )
    text = "a recipe, for the run with the least valid_nll on its present data; or a "
    added.add_argument("run", metavar="RUN", help=text + "run's id, or its name")
    text = "also a model that is not better than guessing, or worse than the champion"
    added.add_argument("--anyway", action="store_true", help=text)
    added = command(
        "rollback",
        "make the champion before this one the champion again",
        "rollback breast_cancer",
    )
    added.add_argument("name", metavar="NAME", help=NAME)
    added = command(
        "serve",
        "the champion's answers over HTTP, on 127.0.0.1",
        "serve breast_cancer --port 5001",
    )
    added.add_argument("name", metavar="NAME", help=NAME)
    text = "listen at this address; 0.0.0.0: who reaches the machine and has the token"
    here = "127.0.0.1"
    added.add_argument(
        "--host", default=here, metavar="IP", help=f"{text} (default: {here})"
    )
    add_port(added, 5001)
    text = "write no line to stderr for each request"
    added.add_argument("--quiet", action="store_true", help=text)
    added = command(
        "compare",
        "what differs between two runs, and the effect",
        "compare 3f2a 90bc",
    )
    added.add_argument("runs", metavar="RUN", nargs=2, help=RUN)
    for name, text in (
        ("push", "copy results to an address that machines share"),
        ("pull", "copy results from an address that machines share"),
    ):
        added = command(
            name,
            text,
            f"{name} s3://bucket/team",
            f"{name} /mnt/team digits train.epochs=5",
        )
        text = "a folder, s3://BUCKET/FOLDER, or another address of fsspec"
        added.add_argument("url", metavar="URL", help=text)
        add_recipe(added, optional=True)
    added = command(
        "prune",
        "remove old runs and results; without --yes it only tells what, and the bytes",
        "prune",
        "prune --days 7 --yes",
        "prune --pin 3f2a",
    )
    text = "what is newer, or was used since, stays (default: 30)"
    added.add_argument("--days", type=positive, metavar="N", default=30, help=text)
    added.add_argument("--yes", action="store_true", help="remove it")
    added.add_argument("--pin", metavar="RUN", help="keep this run from now on")
    added.add_argument("--unpin", metavar="RUN", help="keep it no longer")
    added = command(
        "doctor",
        "look for what is damaged, left behind or missing",
        "doctor",
        "doctor --mend",
    )
    text = "mend what is safe, and say what was done; nothing that may be needed is "
    added.add_argument("--mend", action="store_true", help=text + "removed")
    added = command("ui", "MLflow's pages on 127.0.0.1", "ui", "ui --port 5010")
    add_port(added, 5000)
    added = command(
        "completion",
        "a script that lets a shell complete commands, recipes and keys",
        "completion bash >> ~/.bashrc",
        "completion zsh >> ~/.zshrc",
        "completion fish > ~/.config/fish/completions/phistar.fish",
    )
    added.add_argument("shell", choices=SHELLS, help="the shell")
    added.add_argument(LINE, help=argparse.SUPPRESS)  # the script's own question
    return parser, commands.choices


def add_run(name: str, added: Parser) -> None:
    """Add the options of `run` and of the stages."""
    add_recipe(added)
    if name == "run":
        for option, dest, default, text in (
            ("--from", "first", "ingest", "stages before it must be in the store"),
            ("--to", "last", "export", "stop after this stage"),
        ):
            added.add_argument(
                option,
                dest=dest,
                type=stage,
                default=default,
                metavar="STAGE",
                help=f"{text} (default: {default})",
            )
        text = "N runs with the seeds 0 ... N-1 under one parent"
        added.add_argument("--seeds", type=positive, metavar="N", help=text)
        text = "a Ray cluster for the trainings of --seeds, or for the processes of "
        added.add_argument("--on", metavar="ADDRESS", help=f"{text}launch: {CLUSTER}")
    else:
        added.set_defaults(first="ingest", last=name, seeds=None, on=None)
    added.add_argument(
        "--force",
        action="append",
        type=stage,
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
    text = "read the data's files again for their hashes, also where size and time are "
    added.add_argument("--verify", action="store_true", help=text + "as before")


def add_sweep(added: Parser) -> None:
    """Add the options of `sweep`."""
    text = "a,b,c; 1..6; 0.1..0.5; log:1e-4..1e-2; or one value"
    add_recipe(added, "key=values", text)
    for option, kind, default, text in (
        ("--trials", positive, None, "number of trials; lists alone have an end"),
        (
            "--workers",
            positive,
            None,
            "trials at a time (default: 1; --on Ray: all)",
        ),
        ("--folds", folds, None, "a trial is the mean over K folds of train and valid"),
        ("--seed", whole, 0, "of the proposals (default: 0)"),
    ):
        letter = "K" if option == "--folds" else "N"
        added.add_argument(
            option, type=kind, default=default, metavar=letter, help=text
        )
    text = f"a Ray cluster for the trials: {CLUSTER}"
    added.add_argument("--on", metavar="ADDRESS", help=text)
    text = "end trials early that are worse than the median, see the page on sweeps"
    added.add_argument("--prune", action="store_true", help=text)


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
        help="columns: CSV with a header, JSON lines, Parquet, Feather; images: files, "
        "folders, or such a table that names them; texts: lines, or a column of such a "
        "table; .gz too; - is stdin",
    )
    added.add_argument(
        "--signature",
        choices=SIGNATURES,
        default=SIGNATURES[0],
        help="predict: the decision and its probability (default); log_prob: ln P of "
        "the given label or text; sample: a draw from P",
    )
    added.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="inputs of one call (default: up to 8192 rows of columns, 32 of others)",
    )
    added.add_argument(
        "--column",
        metavar="COLUMN",
        help="of texts in a table: the one with the texts (default: source, prompt or "
        "text, as the signature calls it); of images: the one that names them "
        "(default: the only one that names files)",
    )
    added.add_argument(
        "--label",
        metavar="COLUMN",
        help="of columns, and of a table of images: the one with the labels. log_prob "
        "needs it (default: label); predict of columns scores its answers with it. Of "
        "pairs in a table: the one with the translations that log_prob scores "
        "(default: target)",
    )
    added.add_argument(
        "--missing",
        action="append",
        metavar="WORD",
        help="a further missing value as it is written; may be repeated",
    )
    added.add_argument(
        "--id",
        metavar="COLUMN",
        help="of tables: the column that names the rows, in place of file and line",
    )
    added.add_argument(
        "--output",
        metavar="FILE",
        help="write the answers to a .jsonl, .csv or .parquet (default: JSON lines to "
        "stdout)",
    )
    for name, (kind, text) in KNOBS.items():
        added.add_argument(
            "--" + name.replace("_", "-"), type=kind, metavar="N", help=text
        )


def add_recipe(
    added: Parser,
    form: str = "key=value",
    text: str = "override of a key of the recipe (`phistar show RECIPE` lists them)",
    optional: bool = False,
) -> None:
    """Add a recipe and the overrides of its keys."""
    about = f"{RECIPE} (default: all results)" if optional else RECIPE
    nargs = "?" if optional else None
    added.add_argument("recipe", metavar="RECIPE", nargs=nargs, help=about)
    added.add_argument(
        "words",  # those without "=": overrides are taken out before
        metavar=form,
        nargs="*",
        default=[],
        help=text,
    )


def add_port(added: Parser, port: int) -> None:
    """Add the port of a server."""
    added.add_argument(
        "--port",
        type=positive,
        default=port,
        metavar="N",
        help=f"port (default: {port})",
    )


def stage(text: str) -> str:
    """A stage's name, for argparse."""
    if text not in STAGES:
        raise argparse.ArgumentTypeError(
            f"no such stage. Received: {text}. Expected one of "
            f"{', '.join(STAGES)}.{nearest(text, STAGES)}"
        )
    return text


def whole(text: str) -> int:
    """A whole number from 0 on, for argparse."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is below 0")
    return value


def folds(text: str) -> int:
    """A number of folds, for argparse."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{value} folds are too few, at least 2")
    return value


def shared(text: str) -> str:
    """The command that `launch` runs, for argparse."""
    if text != "run":
        raise argparse.ArgumentTypeError(
            f"`phistar launch` runs one command. Received: {text}. Expected run: only "
            "its training is shared, and `run --to train` ends with it"
        )
    return text


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value
