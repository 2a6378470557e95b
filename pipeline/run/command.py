"""Run a recipe once."""

import contextlib
import json
from pathlib import Path
from typing import Any

from phistar.pipeline.config.load import Config
from phistar.pipeline.process.terminal import (
    duration,
    is_live,
    note,
    paint,
    titled,
)
from phistar.pipeline.process.writable import require_root
from phistar.pipeline.record.place import Place
from phistar.pipeline.record.runs import read, runs
from phistar.pipeline.run import preflight
from phistar.pipeline.run.execution import Execution, execution
from phistar.pipeline.run.process import require_backend, require_devices
from phistar.pipeline.run.sources import fingerprint, forget, require_network
from phistar.pipeline.run.stages import NAMES, require_inputs, run_stages
from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store


def run_once(
    config: Config,
    root: Path,
    command: list[str],
    *,
    under: Execution | None = None,
    check: bool = False,
    first: str = NAMES[0],
    register: bool = True,
    place: Place | None = None,
    **how: Any,
) -> dict:
    """Run one execution.

    Args:
        config: the resolved config.
        root: project root.
        command: the words that the user typed.
        under: the execution that this one belongs to.
        check: True runs the preflight in any case, not only before long training.
        first: stages before it must be in the store.
        register: False keeps the export out of MLflow's registry.
        place: its place in a larger whole, as that of a trial in a sweep.
        **how: last, force, isolate, ranks, as `run_stages` takes them.

    Returns:
        experiment, run_id, url, stages, metrics, verdict (of evaluate), export, beside.
        Those from metrics on are None if the run stops before them; beside also if
        there is no champion to compare with, else see `paired.beside_champion`.

    Raises:
        Failure: of the stage that failed.
    """
    store = Store(Path(root) / "mlruns")
    if not under:
        forget()
        require(config, store, first)
    complete = how.get("last", NAMES[-1]) == NAMES[-1]
    about = {"register": register, "place": place}
    opened = execution(root, config, command, complete, under, **about)
    with opened as current, contextlib.ExitStack() as at_its_end:
        record = current.record

        def before_train(artifacts: dict[str, Path], key: str, parts: dict) -> None:
            long = preflight.is_long(parts, store, artifacts)
            if check or (long and (place is None or place.preflight)):
                preflight.check(config, store, artifacts, key, record.run_id)
            if complete and not long and not how.get("isolate"):
                from phistar.components.serving import clean  # it imports numpy

                clean.start()  # export needs it in a few seconds
                at_its_end.callback(clean.stop)

        stages = run_stages(
            config,
            store,
            record,
            before_train=before_train,
            report=note_stage,
            **how,
        )
        compared = None if under else beside(current, config, root)
        if compared and current.on_disk:
            record.append("champion", sentence=compared["sentence"])
    metrics = verdict = export = None
    if "evaluate" in stages:
        file = Path(stages["evaluate"]["path"], "metrics.json")
        metrics = json.loads(file.read_text("utf-8"))
        file = file.with_name("verdict.json")
        verdict = json.loads(file.read_text("utf-8")) if file.exists() else None
    if "export" in stages:
        export = str(Path(stages["export"]["path"], "saved_model"))
    shown = {"run_id": current.run_id, "url": current.address()}
    about = {"experiment": config.name} | shown
    about |= {"stages": stages, "metrics": metrics, "verdict": verdict}
    about |= {"export": export}
    return about | {"beside": compared}


def beside(current: Execution, config: Config, root: Path) -> dict | None:
    """The difference of a run to the champion, see `paired.beside_champion`."""
    run = read(current.run_id, current.record.entries(), {})
    if "evaluate" not in run.keys or champions.champion(config.name, root) is None:
        return None
    from phistar.pipeline.run import paired  # it imports numpy

    return paired.beside_champion(run, runs(root), root)


def require(config: Config, store: Store, first: str) -> None:
    """Refuse what cannot be run before any work, and before a run is opened.

    Args:
        config: the resolved config.
        store: the results of all stages.
        first: stages before it must be in the store.

    Raises:
        Failure or ValueError: the first thing that is missing.
    """
    require_backend(config.sections["train"]["backend"])
    require_devices(config.sections["train"]["devices"])
    fingerprint("build", config)
    require_network(config)
    require_root(store.root.parent)
    require_inputs(config, store, first)


def note_stage(name: str, outcome: dict) -> None:
    """Write one line about a stage to stderr, when it starts and when it has ended.

    A terminal shows the work itself, and the key in place of the long path.
    """
    live, status, title = is_live(), outcome["status"], titled(name)
    if status == "running":
        if not live:
            note(f"{title:<9} started")
        return
    took = duration(outcome["seconds"]) if status == "ran" else ""
    place = paint(outcome["key"][:12], "dim") if live else outcome["path"]
    status = paint(f"{status:<7}", "green" if status == "ran" else "dim")
    note(f"{paint(f'{title:<9}', 'bold')} {status} {took:>11}  {place}")
