"""The command line.

    phistar list | show NAME | plan NAME | run NAME | ui
    phistar ingest|build|train|evaluate|export NAME
    phistar predict RUN FILE
    phistar compare RUN RUN
    phistar promote RUN | rollback NAME | serve NAME

`key=value` anywhere on the line overrides a key of the recipe.
"""

import json
import os
import signal
import sys
from pathlib import Path

from pipeline.cli.arguments import STAGES, parse
from pipeline.config import load as configs
from pipeline.process import errors
from pipeline.process.errors import Failure


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
        answer, lines = FUNCTIONS.get(given.command, run)(given)
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
    if given.json or lines:
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


def list_names(given):
    """Recipes with their first line, and the names of every table."""
    from pipeline.config import schema

    recipes = {
        name: headline(path) for name, path in configs.recipes(given.root).items()
    }
    tables = {
        full: schema.names(section)
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
    from pipeline.cli.printing import table

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
    from pipeline.cli.printing import plan_table
    from pipeline.run.plan import plan as make_plan
    from pipeline.store.store import Store

    config = load(given)
    rows = make_plan(config, Store(given.root / "mlruns"))
    return {"recipe": config.name, "stages": rows}, plan_table(rows)


def run(given):
    """Run the stages from --from to --to."""
    from pipeline.cli.printing import metrics_table
    from pipeline.run.command import run_once, run_seeds

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


def predict(given):
    """Answers of an export, printed as they come."""
    from pipeline.serving.predict.command import predict
    from pipeline.store.contract import KNOBS

    answer = predict(
        given.run,
        given.files,
        given.root,
        signature=given.signature,
        knobs={name: vars(given)[name] for name in KNOBS},
        batch_size=given.batch_size,
        label=given.label,
        missing=given.missing,
    )
    return answer, []


def compare(given):
    """What differs between two runs, and what came of it."""
    from pipeline.cli.printing import comparison
    from pipeline.run.compare import compare as compare_runs

    answer = compare_runs(given.runs, given.root)
    return answer, comparison(answer)


def promote(given):
    """Make a run's export the champion of its recipe."""
    from pipeline.serving import publish

    answer = publish.promote(given.run, given.root)
    return answer, published(answer)


def rollback(given):
    """Make the champion before this one the champion again."""
    from pipeline.serving import publish

    answer = publish.rollback(given.name, given.root)
    return answer, published(answer)


def published(answer):
    """What a person reads of a new champion.  -> list of str."""
    from pipeline.run.metrics import number

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


def serve(given):
    """Answer requests with a name's champion until a signal comes."""
    from pipeline.serving.http import server

    server.serve(given.name, given.root, given.port)
    return {}, []


def ui(given):
    """Start MLflow's server in this process's place."""
    from pipeline.tracking import ui

    ui.ui(given.root, given.port)
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


FUNCTIONS = {  # every other command is `run`
    "list": list_names,
    "show": show,
    "plan": plan,
    "predict": predict,
    "compare": compare,
    "promote": promote,
    "rollback": rollback,
    "serve": serve,
    "ui": ui,
}


if __name__ == "__main__":
    sys.exit(main())
