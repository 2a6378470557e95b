"""The functions of Python: `phistar.run`, `phistar.load`, `phistar.runs`.

They are the commands of the same names, with the same functions beneath. Each raises
`phistar.Failure` with the text that the command prints.
"""

import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phistar.components.serving.request import SHOWN
from phistar.guest import failing, guest
from phistar.pipeline.config import load as configs
from phistar.pipeline.config import parse
from phistar.pipeline.process import quiet, terminal
from phistar.pipeline.process.root import find_root
from phistar.pipeline.run.command import run_once
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.serving import exports
from phistar.result import Run

if TYPE_CHECKING:
    import pandas as pd

# of the table of `runs`, those that a person reads first
COLUMNS = [
    *("recipe", "name", "valid_nll", "test_nll", "verdict", "status", "champion"),
    *("run_id", "mlflow_run_id", "time", "last", "parent", "seeds", "group", "data"),
    *("sentence", "stage", "reason", "advice", "valid_nll_low", "valid_nll_high"),
    "differs",
]
# A process has one stderr, and what a run writes there is its log.
_turn = threading.RLock()


def run(
    recipe: str | os.PathLike,
    overrides: Mapping[str, Any] | None = None,
    *,
    to: str = NAMES[-1],
    force: str | Iterable[str] = (),
    register: bool = True,
    root: str | os.PathLike | None = None,
) -> Run:
    """Run the stages of a recipe, as `phistar run` does.

    Results in the store are used again. A run that was interrupted is continued by the
    same call. In several threads, one run waits for the other.

    Args:
        recipe: a name (`phistar list` shows them), or the path of a YAML file.
        overrides: keys of the recipe and their values, like {"train.epochs": 3}.
        to: the last stage: ingest, build, train, evaluate or export.
        force: stages to run even if they are in the store.
        register: False keeps the export out of MLflow's registry.
        root: the folder of conf/ and mlruns/; default: the nearest parent with conf/,
            else the working directory.

    Returns:
        Run.

    Raises:
        Failure: what the command would print. KeyboardInterrupt if it is interrupted.
    """
    with failing("The same call continues where this one has stopped."), _turn:
        recipe, words = name_of(recipe, "recipe"), typed(overrides or {})
        forced = (force,) if isinstance(force, str) else tuple(force)
        for name in (to, *forced):
            require_stage(name)
        quiet.require_tensorflow()
        place = find_root(None if root is None else Path(root))
        with guest():
            config = configs.load(recipe, words, place)
            terminal.note_dropped(config.dropped)
            options = ["--to", to] * (to != NAMES[-1])
            options += [word for name in forced for word in ("--force", name)]
            options += ["--no-register"] * (not register)
            options += ["--root", str(place)] * (place != find_root())
            command = ["phistar", "run", recipe, *words, *options]
            how = {"last": to, "force": forced, "register": register}
            with terminal.working("", "looking into the store"):
                answer = run_once(config, place, command, **how)
        return Run.of_answer(answer, place)


def load(word: str | os.PathLike, *, root: str | os.PathLike | None = None) -> Run:
    """Find a run that has an export, as `phistar predict` does.

    Args:
        word: a recipe, for its champion, or, if nothing was promoted, its newest run.
            Or a run's id or name, or the folder of an export. Or MLflow's address of a
            model or a run, like models:/digits@champion.
        root: as `run` takes it.

    Returns:
        Run.

    Raises:
        Failure: there is no such export.
    """
    with failing():
        place = find_root(None if root is None else Path(root))
        with guest():
            return Run.of_export(exports.find(name_of(word, "word"), place), place)


def runs(
    recipe: str | os.PathLike | None = None,
    *,
    root: str | os.PathLike | None = None,
) -> "pd.DataFrame":
    """List runs, as `phistar runs` does: the best on valid first.

    Args:
        recipe: its name or file; None for all.
        root: as `run` takes it.

    Returns:
        A row for each run, with the columns of COLUMNS; None where it has no value.

    Raises:
        Failure: no run of such a recipe.
    """
    with failing():
        import pandas as pd

        from phistar.pipeline.run.listing import listing

        place = find_root(None if root is None else Path(root))
        word = None if recipe is None else name_of(recipe, "recipe")
        found = pd.DataFrame(listing(word, place), columns=COLUMNS)
        return found.assign(time=pd.to_datetime(found["time"], unit="ms", utc=True))


def name_of(value: str | os.PathLike, argument: str) -> str:
    """A name or a path as text.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, str | os.PathLike):
        raise ValueError(
            f"{argument} must be a name or a path. Received: {SHOWN.repr(value)} of "
            f'type {type(value).__name__}. Expected text, like "digits".'
        )
    return os.fspath(value)


def require_stage(name: str) -> None:
    """Refuse what is not the name of a stage.

    Raises:
        ValueError: it is not.
    """
    if name not in NAMES:
        raise ValueError(
            f"no such stage. Received: {name!r}. Expected one of {', '.join(NAMES)}."
            f"{terminal.nearest(name, NAMES)}"
        )


def typed(overrides: Mapping[str, Any]) -> list[str]:
    """The overrides as a command line has them: ["train.epochs=3"].

    Raises:
        ValueError: not a dict of keys and plain data.
    """
    if not isinstance(overrides, Mapping):
        raise ValueError(
            f"overrides must be a dict. Received: {overrides!r}. Expected keys of the "
            'recipe and their values, like {"train.epochs": 3}.'
        )
    return [f"{key}={word(key, value)}" for key, value in overrides.items()]


def word(key: str, value: Any) -> str:
    """A value as it is typed behind "key=": as it is, or as JSON if that is needed."""
    try:
        text = json.dumps(value, default=plain, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{key} must have plain data as its value. Received: {value!r} of type "
            f"{type(value).__name__}. Expected a number, a text, a list or None."
        ) from error
    if isinstance(value, str) and "," not in value and readable(value) == value:
        return value
    return text


def plain(value: Any) -> Any:
    """A path, or a number or an array of NumPy, as JSON has it."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def readable(text: str) -> Any:
    """The value that a command line reads from a text; None if it reads none."""
    try:
        return parse.value(text)
    except parse.Unreadable:
        return None
