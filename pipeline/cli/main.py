"""The command line.

    phistar init DIR --data PATH
    phistar list | show NAME | plan NAME | run NAME | ui | completion SHELL
    phistar ingest|build|train|evaluate|export NAME
    phistar launch [-n N] run NAME
    phistar predict RUN FILE
    phistar sweep NAME key=a,b key=1..6
    phistar compare RUN RUN
    phistar runs | promote RUN | rollback NAME | serve NAME
    phistar push|pull URL [NAME] | prune | doctor

`key=value` anywhere on the line overrides a key of the recipe.

SIGTERM and Ctrl-C (SIGINT) arrive in `on_signal`. The exit status of an error comes
from process/errors.py.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterable
from types import FrameType
from typing import Any

from phistar.pipeline.cli.arguments import STAGES, make_parser, parse
from phistar.pipeline.cli.following import again, next_commands
from phistar.pipeline.process import errors, output, parent, quiet, terminal
from phistar.pipeline.process.errors import Failure

UNWRITTEN = "the answer could not be written to stdout; all else is done."
Answer = tuple[dict, list[str]]  # what --json prints, and the lines for a person


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    with output.streams():
        try:
            try:
                return run_command(typed)
            finally:
                sys.stdout.flush()  # here, where it can be caught
        except BrokenPipeError:  # the reader has closed the pipe, as `head` does
            output.discard(sys.stdout.fileno())
            return errors.BROKEN_PIPE
        except OSError as error:  # a full disk
            output.discard(sys.stdout.fileno())
            return failed(Failure(f"{UNWRITTEN} Received: {error}."), [])


def run_command(typed: list[str]) -> int:
    """Run what was typed, print its answer, and return the exit status."""
    if threading.current_thread() is threading.main_thread():  # no other may
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
    given = None
    parent.end_with_parent()
    try:
        given = parse(typed)
        if given.command not in (None, "completion", "doctor", "ui"):
            catch_up(given)
        with waiting(given):
            answer, lines = FUNCTIONS.get(given.command, run)(given)
    except KeyboardInterrupt:
        return failed(Failure(f"interrupted{again(given)}", errors.INTERRUPTED), typed)
    except SystemExit as stop:
        if stop.code != errors.TERMINATED:
            raise  # --help
        return failed(Failure(f"terminated{again(given)}", errors.TERMINATED), typed)
    except BrokenPipeError:
        raise
    except Exception as error:
        return failed(error, typed)
    if given.json or lines:
        print(json.dumps(answer) if given.json else "\n".join(lines), flush=True)
    # of doctor: it has found something that is still there
    return errors.FAILED if answer.get("sound") is False else errors.OK


def on_signal(number: int, frame: FrameType | None) -> None:
    """End the run in order at the first signal; at a second one end the process.

    In order: TensorFlow finishes its current call, and the record gets its end.
    """
    for further in (signal.SIGTERM, signal.SIGINT):
        signal.signal(further, lambda second, _: os._exit(128 + second))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(errors.TERMINATED)


def catch_up(given: Namespace) -> None:
    """Have MLflow get what it lacks of earlier runs, while this command works."""
    from phistar.pipeline.record.marks import marked

    if hasattr(given, "root") and marked(given.root):
        from phistar.pipeline.tracking import follower

        with contextlib.suppress(OSError):  # of another user: not this command's matter
            follower.catch_up(given.root)


def waiting(given: Namespace) -> contextlib.AbstractContextManager:
    """Show work in progress where a command has no progress to show but its name."""
    if given.command in ("promote", "rollback"):
        return terminal.working(given.command, "looking into the store")
    return contextlib.nullcontext()


def no_command(given: Namespace) -> Answer:
    """Print the version, or the help where nothing was typed."""
    if given.version:
        from importlib.metadata import version

        return {"version": version("phistar")}, [f"phistar {version('phistar')}"]
    make_parser()[0].print_help()
    return {}, []


def complete(given: Namespace) -> Answer:
    """Print a shell's script, or the words with which a command line may continue."""
    from phistar.pipeline.cli import completion

    if given.line is None:
        return {}, completion.SCRIPTS[given.shell].splitlines()
    return {}, completion.words(given.line)


def init(given: Namespace) -> Answer:
    """Write a recipe for the user's files."""
    from phistar.pipeline.cli.printing import init_lines
    from phistar.pipeline.init.command import init as write

    with quiet.without_gc():
        answer = write(given.folder, given.data, given.label, given.name)
    return answer, init_lines(answer, terminal.width())


def list_names(given: Namespace) -> Answer:
    """List the recipes with their first line, and the names of every table."""
    from phistar.pipeline.cli.printing import table
    from phistar.pipeline.config import choices, recipes

    found = recipes.recipes(given.root)
    heads = {name: recipes.headline(path) for name, path in found.items()}
    tables = {
        key: choices.names(errors.ROOT / file) for key, file in choices.TABLES.items()
    }
    rows = [*heads.items(), ["", ""]]
    rows += [[name, " ".join(known)] for name, known in tables.items()]
    lines = table(rows, terminal.width())
    if terminal.width():
        lines += ["", "phistar show NAME tells more; phistar run NAME runs a recipe"]
    return {"recipes": heads, "tables": tables}, lines


def show(given: Namespace) -> Answer:
    """Show every key of the config: value, type, default, meaning."""
    from phistar.pipeline.cli.printing import keys_table
    from phistar.pipeline.config import recipes
    from phistar.pipeline.config.idle import idle
    from phistar.pipeline.config.load import keys as rows_of

    config = load(given)
    of_no_use = idle(config.sections)
    keys = [
        row._asdict()
        | {"default": None if row.default is ... else row.default}
        | {"required": row.default is ..., "chosen": row.key in config.chosen}
        | {"idle": of_no_use.get(row.key)}
        for row in rows_of(config)
    ]
    # those that the recipe sets first, those that mean nothing here last
    keys.sort(key=lambda row: (row["idle"] is not None, not row["chosen"]))
    question = recipes.headline(recipes.layers(given.recipe, given.root)[1][-1].path)
    lines = keys_table(keys, terminal.width())
    if terminal.width():
        lines = [*terminal.wrapped(question), "", *lines]
    return {"recipe": config.name, "question": question, "keys": keys}, lines


def plan(given: Namespace) -> Answer:
    """Tell per stage: HIT, or what changed."""
    config = load(given)  # its errors do not wait for the imports

    from phistar.pipeline.cli.printing import plan_table
    from phistar.pipeline.run.plan import plan as make_plan
    from phistar.pipeline.store.store import Store

    store = Store(given.root / "mlruns")
    if given.hosts or given.link:
        return plan_hosts(given, config, store)
    with quiet.without_gc():
        rows = make_plan(config, store)
    return {"recipe": config.name, "stages": rows}, plan_table(rows, terminal.width())


def plan_hosts(given: Namespace, config: Any, store: Any) -> Answer:
    """Tell the time of the training on several hosts."""
    from phistar.pipeline.cli.printing import hosts_lines
    from phistar.pipeline.run.hosts import hosts_plan

    answer = hosts_plan(config, store, given.hosts, given.link)
    return {"recipe": config.name} | answer, hosts_lines(answer, terminal.width())


def launch(given: Namespace) -> Answer:
    """Run a recipe whose training several processes share."""
    if given.on is not None:
        return launch_on(given)
    from phistar.pipeline.launch.command import join

    leader = join(given.processes, given.typed, given.root)
    if leader is None:  # the lines are those of rank 0
        return {}, []
    with leader:
        return run(given, leader)


def launch_on(given: Namespace) -> Answer:
    """Run a recipe whose training several nodes of a Ray cluster share."""
    from phistar.pipeline.cli.printing import result
    from phistar.pipeline.launch import on_ray

    config = load(given)
    words = on_ray.words_of(given.typed)
    answer = on_ray.launch(given.processes, words, given.root, given.on)
    return answer, result(config.name, answer, next_commands(given, config, answer))


def run(given: Namespace, ranks: Any = None) -> Answer:
    """Run the stages from --from to --to.

    Args:
        given: the command line.
        ranks: the other processes of the training, if there are any.
    """
    how = {
        "first": given.first,
        "last": given.last,
        "force": tuple(given.force),
        "isolate": given.isolate,
        "check": given.preflight,
        "register": not given.no_register,
        "ranks": ranks,
    }
    if STAGES.index(given.first) > STAGES.index(given.last):
        raise ValueError(
            f"`--from {given.first}` comes after `--to {given.last}`. "
            f"Expected the order {', '.join(STAGES)}."
        )
    if given.on is not None and not given.seeds:
        raise ValueError(
            f"one run has nothing to spread. Received: --on {given.on}. Expected it "
            "with --seeds N, or phistar launch -n N --on ADDRESS run NAME."
        )
    if given.verify:
        from phistar.components.digests import VERIFY  # it imports sqlite3

        os.environ[VERIFY] = "1"  # child processes too
    config = load(given)  # its errors do not wait for the imports
    if ranks is not None:
        ranks.require(config)

    from phistar.pipeline.cli.printing import card_lines, result
    from phistar.pipeline.record import place
    from phistar.pipeline.run.command import run_once
    from phistar.pipeline.run.data_card import data_card
    from phistar.pipeline.run.seeds import run_seeds

    words = given.root, given.typed
    with terminal.working("", "looking into the store"):
        if given.seeds:
            answer = run_seeds(
                *(lambda more: load(given, more), given.seeds, *words),
                **(how | {"on": given.on}),
            )
        else:
            answer = run_once(config, *words, place=place.taken(), **how)
    title, lines = config.name, []
    if given.seeds:
        title += f", {given.seeds} seeds, mean ± sd"
    elif given.last == "ingest":
        answer["data_card"], page = data_card(given.root, answer)
        lines = card_lines(answer["data_card"], terminal.width())
        lines += ["", f"as a page: {page}", ""]
    following = next_commands(given, config, answer)
    return answer, [*lines, *result(title, answer, following)]


def sweep(given: Namespace) -> Answer:
    """Run trials over lists and ranges of keys; test and export the best."""
    from phistar.pipeline.cli.trials import sweep_lines
    from phistar.pipeline.sweep.command import sweep as run_sweep

    answer = run_sweep(
        given.recipe,
        given.overrides,
        given.root,
        given.typed,
        trials=given.trials,
        workers=given.workers,
        prune=given.prune,
        folds=given.folds,
        seed=given.seed,
        on=given.on,
    )
    return answer, sweep_lines(answer, given.recipe, given.root)


def predict(given: Namespace) -> Answer:
    """Ask an export; its answers are printed as they come."""
    from phistar.pipeline.serving.predict.command import predict as ask
    from phistar.pipeline.store.contract import KNOBS

    answer = ask(
        given.run,
        given.files,
        given.root,
        signature=given.signature,
        knobs={name: vars(given)[name] for name in KNOBS},
        batch_size=given.batch_size,
        column=given.column,
        label=given.label,
        missing=given.missing,
        own=given.id,
        out=given.output,
    )
    return answer, []


def compare(given: Namespace) -> Answer:
    """Compare two runs: what differs, and the effect."""
    from phistar.pipeline.cli.comparison import comparison
    from phistar.pipeline.run.compare import compare as compare_runs
    from phistar.pipeline.tracking.address import ui_command
    from phistar.pipeline.tracking.follower import send_pages

    answer = compare_runs(given.runs, given.root)
    send_pages(given.root, [answer[side]["run_id"] for side in "ab"])
    return answer, comparison(answer, ui_command(given.root))


def runs(given: Namespace) -> Answer:
    """List runs, the best valid_nll of a recipe first."""
    from phistar.pipeline.cli.ranks import runs_table
    from phistar.pipeline.run.listing import listing

    found = listing(given.name, given.root, given.by)
    top = None if given.all else given.top
    return {"runs": found}, runs_table(found, top, given.root, bool(given.name))


def promote(given: Namespace) -> Answer:
    """Make a run's export the champion of its recipe."""
    from phistar.pipeline.cli.ranks import published
    from phistar.pipeline.process.root import command
    from phistar.pipeline.serving import publish

    answer = publish.promote(given.run, given.root, given.anyway)
    following = command("serve", answer["name"], root=given.root)
    return answer, [*published(answer), f"next:    {following}"]


def rollback(given: Namespace) -> Answer:
    """Make the champion before this one the champion again."""
    from phistar.pipeline.cli.ranks import published
    from phistar.pipeline.serving import publish

    answer = publish.rollback(given.name, given.root)
    return answer, published(answer)


def serve(given: Namespace) -> Answer:
    """Answer requests with a name's champion until a signal comes."""
    from phistar.pipeline.serving.http import server

    server.serve(
        given.name, given.root, given.host, given.port, access_log=not given.quiet
    )
    return {}, []


def share(given: Namespace) -> Answer:
    """Copy results to or from an address that machines share."""
    if given.overrides and given.recipe is None:
        raise ValueError(
            "overrides belong to a recipe. Received: "
            f"{' '.join(given.overrides)}. Expected its name before them."
        )
    config = load(given) if given.recipe else None

    from phistar.pipeline.cli.printing import shared_lines
    from phistar.pipeline.run import sharing
    from phistar.pipeline.store.store import Store

    copy = {"push": sharing.push, "pull": sharing.pull}[given.command]
    answer = copy(given.url, config, Store(given.root / "mlruns"))
    return answer, shared_lines(given.command, answer)


def prune(given: Namespace) -> Answer:
    """Remove old runs and results, or tell which."""
    from phistar.pipeline.cli.pruned import pruned_lines
    from phistar.pipeline.process.root import command
    from phistar.pipeline.run.prune import prune as remove

    with terminal.working("prune", "looks into the store"):
        answer = remove(given.root, given.days, given.yes, given.pin, given.unpin)
    words = "prune", "--days", str(given.days), "--yes"
    return answer, pruned_lines(answer, command(*words, root=given.root))


def doctor(given: Namespace) -> Answer:
    """Look for what is not as it should be, and mend what is safe with --mend."""
    from phistar.pipeline.cli.printing import doctor_lines
    from phistar.pipeline.doctor.command import doctor as look

    answer = look(given.root, given.mend)
    return answer, doctor_lines(answer, terminal.width())


def ui(given: Namespace) -> Answer:
    """Serve MLflow's pages until Ctrl-C."""
    from phistar.pipeline.tracking import ui

    ui.ui(given.root, given.port)
    return {}, []


def load(given: Namespace, more: Iterable[str] = ()) -> Any:
    """Load the Config that the command line names; print the keys it dropped."""
    with quiet.without_gc():
        from phistar.pipeline.config import load as configs

        config = configs.load(given.recipe, [*given.overrides, *more], given.root)
    if not more:
        terminal.note_dropped(config.dropped)
    return config


def failed(error: BaseException, typed: list[str]) -> int:
    """Print one clear error on stderr and return the exit status."""
    failure = error if isinstance(error, Failure) else Failure.of(error)
    head = terminal.paint(errors.HEAD, "red")
    print(*failure.lines(head, "--debug" in typed), sep="\n", file=sys.stderr)
    if "--json" in typed:
        answer = {"error": str(failure), "status": failure.status}
        print(json.dumps(answer), flush=True)
    return failure.status


FUNCTIONS = {  # every other command is `run`
    None: no_command,
    "completion": complete,
    "init": init,
    "launch": launch,
    "list": list_names,
    "show": show,
    "plan": plan,
    "predict": predict,
    "sweep": sweep,
    "compare": compare,
    "runs": runs,
    "promote": promote,
    "rollback": rollback,
    "serve": serve,
    "push": share,
    "pull": share,
    "prune": prune,
    "doctor": doctor,
    "ui": ui,
}


if __name__ == "__main__":
    sys.exit(main())
