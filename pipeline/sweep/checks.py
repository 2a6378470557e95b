"""Mistakes that a sweep refuses before any work, each in one line."""

from pathlib import Path
from typing import Any, get_args

from phistar.pipeline.config import schema
from phistar.pipeline.config.idle import idle
from phistar.pipeline.config.load import Config, load
from phistar.pipeline.sweep.space import FORMS, Dimension, Space

# Rows are divided by these: valid_nll would be of other rows in every trial.
DIVIDING = (
    *("ingest.source", "ingest.seed", "ingest.fold"),
    *("ingest.valid_fraction", "ingest.test_fraction"),
)
STAGES = ("ingest", "build", "train")  # their keys can change valid_nll


def require_end(trials: int | None, space: Space) -> None:
    """Refuse a sweep of nothing, and one without an end.

    Raises:
        ValueError: the first mistake.
    """
    if not space.dimensions:
        received = " ".join(space.fixed) or "no key with several values"
        raise ValueError(
            f"nothing to sweep. Received: {received}. Expected at least one key with "
            f"several values: key={FORMS}."
        )
    if trials is None and not space.is_grid():
        ranges = next(d for d in space.dimensions if not d.words)
        raise ValueError(
            "a range has no end of its own. Received: "
            f"{ranges.key}={ranges.text()} without --trials. Expected --trials N."
        )


def require_workers(workers: int, slots: int, address: str | None) -> None:
    """Refuse more workers than a place has room for.

    Raises:
        ValueError: there are.
    """
    if workers > slots:
        place = f"of {address}" if address else "of this machine"
        raise ValueError(
            f"more workers than cores. Received: --workers {workers}. Expected at most "
            f"{slots}, the cores {place}."
        )


def checked(
    recipe: str, space: Space, root: Path, folds: int | None
) -> tuple[Config, Space]:
    """The config of the first values, and the space with the types of its keys.

    Args:
        recipe: name or file.
        space: as it was typed.
        root: project root.
        folds: number of folds, or None.

    Raises:
        ConfigError: a key or a value that `run` would refuse.
        ValueError: a key that no sweep can compare.
    """
    config = load(recipe, space.first(), root)
    typed = tuple(wide(one, config) for one in space.dimensions)
    space = space._replace(dimensions=typed)
    for one in space.dimensions:
        require_key(one, config, folds)
        for end in one.ends()[1:]:
            others = [f"{d.key}={d.ends()[0]}" for d in typed if d is not one]
            load(recipe, [*space.fixed, *others, f"{one.key}={end}"], root)
    if folds and config.sections["ingest"]["fold"] is not None:
        raise ValueError(
            "a fold of one's own. Received: ingest.fold with --folds. Expected one or "
            "the other."
        )
    return load(recipe, space.first(), root), space


def wide(one: Dimension, config: Config) -> Dimension:
    """The dimension; a range between whole numbers has all numbers if its key has."""
    section, _, name = one.key.partition(".")
    choice = config.sections[section].get(schema.CHOOSERS.get(section))
    key = schema.section(section, choice)[name]
    return one._replace(whole=False) if one.whole and takes_float(key.type) else one


def takes_float(kind: Any) -> bool:
    """True if a key of this type takes a number with a point."""
    return kind is float or any(takes_float(member) for member in get_args(kind))


def require_key(one: Dimension, config: Config, folds: int | None) -> None:
    """Refuse a key that cannot be compared by valid_nll.

    Raises:
        ValueError: it changes what valid_nll is of, or changes nothing.
    """
    section, received = one.key.partition(".")[0], f"Received: {one.key}={one.text()}"
    if folds and section == "ingest":
        raise ValueError(
            f"a key of ingest cannot vary with --folds. {received} with --folds "
            f"{folds}. Expected keys of build and train, or no --folds."
        )
    if section == "task" or one.key in DIVIDING:
        what = "what a label is" if section == "task" else "the rows of valid"
        raise ValueError(
            f"a key that changes {what}. {received}. Expected keys under which "
            "valid_nll can be compared: others of ingest, build and train. To see the "
            "effect of the split: phistar run NAME --seeds N."
        )
    if section not in STAGES:
        raise ValueError(
            f"a key that does not change valid_nll. {received}. Expected keys of "
            f"{', '.join(STAGES)}."
        )
    if reason := idle(config.sections).get(one.key):
        raise ValueError(f"a key of no use here. {received}. It is {reason}.")
