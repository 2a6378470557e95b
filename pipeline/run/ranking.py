"""The runs of a recipe by valid_nll, and the one that `promote NAME` takes.

Two valid_nll can be compared if they are of the same examples. So runs are ranked
within their data, and a recipe's best run is the best of its present data. A run under
a parent, as `--seeds` makes it, has a split to itself and is not taken. The trials of a
sweep share the recipe's split, and are.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.config.load import load
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.record.runs import Run, recipe_of
from phistar.pipeline.record.scores import Score, score
from phistar.pipeline.store.keys import flat
from phistar.pipeline.store.store import Store

DATA = ("task.", "ingest.")  # keys of a config that make the data
NLL, TIME = "valid_nll", "time"
LARGER = ("accuracy", "auroc", "top5", "bleu", "chrf")  # metrics that are best large


class Row(NamedTuple):
    """A run and its score, None without one."""

    run: Run
    score: Score | None

    def ranked(self) -> bool:
        """True if it has a place among the runs of its data."""
        nll = self.score and self.score.valid_nll
        alone = not self.run.parent or self.run.trial is not None
        return nll is not None and math.isfinite(nll) and alone

    def mean(self) -> float | None:
        """The valid_nll of a trial over folds, or None."""
        return self.run.means.get(NLL)


class Choice(NamedTuple):
    """The best run of a recipe.

    Args:
        run: it.
        score: its valid_nll is the least.
        among: the number of different results that were compared.
        own: True if the data are the recipe's own, False if only the newest run's.
    """

    run: Run
    score: Score
    among: int
    own: bool


def scored(known: Iterable[Run], root: Path) -> list[Row]:
    """Runs with their scores."""
    store = Store(Path(root) / "mlruns")
    return [Row(run, score(run, store)) for run in known]


def best_first(rows: Iterable[Row], by: str = NLL) -> list[Row]:
    """The ranked rows, the best first; of equal ones the newest first.

    Args:
        rows: of one recipe.
        by: a metric of valid, or "time" for the newest first. Rows without the metric
            come last.
    """
    sign = -1 if by.removeprefix("valid_") in LARGER else 1

    def place(row: Row) -> tuple[float, int]:
        value = row.score.metrics.get(by, math.inf)
        return 0 if by == TIME else sign * value, -row.run.time

    with_it = [row for row in rows if row.ranked()]
    known = [row for row in with_it if by == TIME or by in row.score.metrics]
    rest = [row for row in with_it if row not in known]
    return [*sorted(known, key=place), *sorted(rest, key=place)]


def require_order(by: str, rows: Iterable[Row]) -> None:
    """Refuse to sort by what no run has, or by a result on test.

    Raises:
        ValueError: with what the runs can be sorted by.
    """
    names = {n for row in rows if row.score for n in row.score.metrics}
    known = sorted(
        n for n in names if n.startswith("valid_") and not n.endswith(("_low", "_high"))
    )
    if by in (NLL, TIME) or by in known:
        return
    why = " Who chooses by test has no test any more." * by.startswith("test_")
    raise ValueError(
        f"runs are not sorted by this. Received: --by {by}. Expected one of: "
        f"{', '.join([*dict.fromkeys([NLL, *known]), TIME])}.{nearest(by, known)}{why}"
    )


def differing(rows: list[Row]) -> list[str]:
    """The keys that do not have one value in all rows, in the order of the config."""
    names = dict.fromkeys(name for row in rows for name in row.run.params)
    return [
        name
        for name in names
        if len({json.dumps(row.run.params.get(name)) for row in rows}) > 1
    ]


def present(word: str, rows: list[Row], root: Path) -> tuple[str, bool]:
    """The digest of a recipe's present data.

    They are those of its newest run with the recipe's own task and source. Without such
    a run, as after a change of the recipe, they are its newest run's.

    Args:
        word: the recipe's name or file.
        rows: runs of the recipe, the oldest first.
        root: project root.

    Returns:
        (digest, True if the data are the recipe's own); ("", False) without a ranked
        run.
    """
    ranked, now = [row for row in rows if row.ranked()], recipe_values(word, root)
    ours = [row for row in ranked if now and reads_as(row.run, now)]
    newest = (ours or ranked)[-1:]
    return newest[0].score.data if newest else "", bool(ours)


def recipe_values(word: str, root: Path) -> dict:
    """The values of a recipe as it is now, flat; {} if it does not load now."""
    try:
        return flat(load(word, [], root).sections)
    except (ValueError, Failure):
        return {}


def reads_as(run: Run, values: dict) -> bool:
    """True if a run has read its data under these values of the config."""
    own = {name: v for name, v in run.params.items() if name.startswith(DATA)}
    # a record holds JSON: a tuple is a list there
    return json.loads(json.dumps({name: values.get(name) for name in own})) == own


def best(word: str, known: list[Run], root: Path) -> Choice:
    """The finished run of a recipe's present data with the least valid_nll.

    Args:
        word: the recipe's name or file.
        known: all runs, the oldest first.
        root: project root.

    Raises:
        ValueError: no run can be chosen.
    """
    recipe = recipe_of(word)
    rows = scored((run for run in known if run.recipe == recipe), root)
    data, own = present(word, rows, root)
    ranked = best_first(row for row in rows if row.score and row.score.data == data)
    whole = [
        row
        for row in ranked
        if row.run.status == "finished" and "export" in row.run.keys
    ]
    if whole:
        among = len({row.run.keys["export"] for row in whole})
        return Choice(*whole[0], among, own)
    children = [row.run for row in rows if row.run.parent and row.score]
    if children and not ranked:
        raise ValueError(
            f"no run of {recipe} can be chosen. Received: {recipe}, whose results are "
            "of seeds, each on a split of its own. Expected a run of the recipe itself "
            f"(`{command('run', word, root=root)}`), or the id of one: {children[-1]}."
        )
    raise ValueError(
        f"no run of {recipe} can be chosen. Received: {recipe}, without a finished run "
        f"on its present data. Run `{command('run', word, root=root)}`, or name a run: "
        f"`{command('runs', recipe, root=root)}` lists them."
    )
