"""The runs below a root, as `phistar runs` lists them: the best first.

They are read from the records and results on disk. Neither keras nor mlflow is
imported, so that a hundred runs take half a second.
"""

from pathlib import Path

from phistar.pipeline.config.recipes import recipes
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.record.runs import Run, recipe_of, runs
from phistar.pipeline.run.ranking import (
    NLL,
    Row,
    best_first,
    differing,
    present,
    require_order,
    scored,
)
from phistar.pipeline.store import champions


def listing(word: str | None, root: Path, by: str = NLL) -> list[dict]:
    """The runs of one recipe, or of all.

    A recipe's runs on its present data come first, by valid_nll; trials of sweeps are
    among them. Runs on other data follow, whose valid_nll cannot be compared with
    these. Then come trials over folds, sweeps, seeds, each after its parent, and runs
    without a result, the newest first. The trainings of single folds are left out.

    Args:
        word: a recipe's name or file; None for all recipes.
        root: project root.
        by: a metric of valid to sort by, or "time".

    Returns:
        A dict of plain data for each run:

        - run_id, mlflow_run_id, recipe, name, time, parent, seeds
        - group: "present", "other", "folds", "sweeps", "seeds" or "none"
        - differs: key -> value, where runs of the group "present" differ
        - data: their digest; valid_nll, test_nll, verdict, sentence: None without one
        - valid_nll_low, valid_nll_high: its 95 % interval
        - status, and last, the last stage with a result
        - stage, reason, advice: of a failure
        - champion: its version if it is the champion

    Raises:
        ValueError: no run of such a recipe.
    """
    known = runs(root)
    names = list(dict.fromkeys(run.recipe for run in reversed(known)))
    if word is not None:
        require(recipe_of(word), names, root)
        names = [recipe_of(word)]
    found = []
    for name in names:
        of_it = [run for run in known if run.recipe == name]
        found += of_recipe(name, word or name, of_it, root, by)
    return found


def require(recipe: str, names: list[str], root: Path) -> None:
    """Refuse a word that is not the name of a recipe with runs.

    Raises:
        ValueError: it is not; a recipe that has not run is told apart.
    """
    if recipe in names:
        return
    if recipe in recipes(root):
        raise ValueError(
            f"no run of this recipe yet. Received: {recipe}. Begin with "
            f"`{command('run', recipe, root=root)}`."
        )
    expected = ", ".join(names) or "a recipe that has run: `phistar run NAME`"
    raise ValueError(
        f"no runs of such a recipe. Received: {recipe}. Expected one of: {expected}."
        f"{nearest(recipe, names)}"
    )


def of_recipe(
    name: str, word: str, known: list[Run], root: Path, by: str = NLL
) -> list[dict]:
    """The runs of a recipe, in the order of `listing`."""
    rows = [row for row in scored(known, root) if not row.run.fold]
    require_order(by, rows)
    data, _ = present(word, rows, root)
    ranked = best_first(rows, by)
    ours = [row for row in ranked if row.score.data == data]
    others = dict.fromkeys(
        row.score.data
        for row in sorted(ranked, key=lambda row: -row.run.time)
        if row.score.data != data
    )
    parents = [row for row in reversed(rows) if row.run.seeds]
    seeds = []
    for parent in parents:
        children = [row for row in rows if row.run.parent == parent.run.run_id]
        seeds += [parent, *children]
    folded = [row for row in rows if row.run.folds and row.mean() is not None]
    folded.sort(key=Row.mean)
    sweeps = [row for row in reversed(rows) if row.run.sweep]
    placed = {row.run.run_id for row in [*ranked, *folded, *sweeps, *seeds]}
    rest = [row for row in reversed(rows) if row.run.run_id not in placed]
    crowned = crown(name, root)
    groups = {
        "present": ours,
        "other": [row for of in others for row in ranked if row.score.data == of],
        "folds": folded,
        "sweeps": sweeps,
        "seeds": seeds,
        "none": rest,
    }
    keys = differing(ours)
    return [
        about(row, group, crowned, keys if group == "present" else [])
        for group, members in groups.items()
        for row in members
    ]


def crown(name: str, root: Path) -> tuple[str, int] | None:
    """The run of a recipe's champion and its version; None without a champion."""
    champion = champions.champion(name, root)
    if champion is None:
        return None
    return champions.read_origin(champion)["run_id"], int(champion.name)


def about(
    row: Row, group: str, crowned: tuple[str, int] | None, keys: list[str]
) -> dict:
    """A run as plain data, see `listing`; `keys` are those that differ."""
    run, score = row
    verdict = (score and score.verdict) or {}
    failure = run.failure or {"stage": "", "reason": "", "advice": ""}
    measured = score._asdict() if score else {}
    ends = [run.means.get(f"valid_nll_{end}") for end in ("low", "high")]
    low, high = measured.get("interval") or ends
    return {
        "run_id": run.run_id,
        "mlflow_run_id": run.mlflow_run_id,
        "recipe": run.recipe,
        "name": run.name,
        "group": group,
        "differs": {name: run.params.get(name) for name in keys},
        "data": measured.get("data"),
        "valid_nll": measured.get("valid_nll", run.means.get("valid_nll")),
        "valid_nll_low": low,
        "valid_nll_high": high,
        "test_nll": measured.get("test_nll", run.means.get("test_nll")),
        "verdict": verdict.get("verdict"),
        "sentence": verdict.get("sentence"),
        "status": run.status,
        "last": next(reversed(run.keys), None),
        **failure,
        "champion": crowned[1] if crowned and crowned[0] == run.run_id else None,
        "parent": run.parent,
        "seeds": run.seeds,
        "time": run.time,
    }
