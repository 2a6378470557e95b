"""The runs below a root, as `phistar runs` lists them: the best first.

They are read from the records and results on disk. Neither keras nor mlflow is
imported, so that a hundred runs take half a second.
"""

from pathlib import Path

from phistar.pipeline.config.recipes import recipes
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.record.runs import Run, recipe_of, runs
from phistar.pipeline.run.ranking import Row, best_first, present, scored
from phistar.pipeline.store import champions


def listing(word: str | None, root: Path) -> list[dict]:
    """The runs of one recipe, or of all.

    A recipe's runs on its present data come first, by valid_nll. Runs on other data
    follow, whose valid_nll cannot be compared with these. Then come seeds, each after
    its parent, and runs without a result, the newest first.

    Args:
        word: a recipe's name or file; None for all recipes.
        root: project root.

    Returns:
        A dict of plain data for each run:

        - run_id, mlflow_run_id, recipe, name, time, parent, seeds
        - group: "present", "other", "seeds" or "none"
        - data: their digest; valid_nll, test_nll, verdict, sentence: None without one
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
        found += of_recipe(name, word or name, of_it, root)
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


def of_recipe(name: str, word: str, known: list[Run], root: Path) -> list[dict]:
    """The runs of a recipe, in the order of `listing`."""
    rows = scored(known, root)
    data, _ = present(word, rows, root)
    ranked = best_first(rows)
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
    placed = {row.run.run_id for row in [*ranked, *seeds]}
    rest = [row for row in reversed(rows) if row.run.run_id not in placed]
    crowned = crown(name, root)
    groups = {
        "present": ours,
        "other": [row for of in others for row in ranked if row.score.data == of],
        "seeds": seeds,
        "none": rest,
    }
    return [
        about(row, group, crowned)
        for group, members in groups.items()
        for row in members
    ]


def crown(name: str, root: Path) -> tuple[str, int] | None:
    """The run of a recipe's champion and its version; None without a champion."""
    champion = champions.champion(name, root)
    if champion is None:
        return None
    return champions.read_origin(champion)["run_id"], int(champion.name)


def about(row: Row, group: str, crowned: tuple[str, int] | None) -> dict:
    """A run as plain data, see `listing`."""
    run, score = row
    verdict = (score and score.verdict) or {}
    failure = run.failure or {"stage": "", "reason": "", "advice": ""}
    measured = score._asdict() if score else {}
    return {
        "run_id": run.run_id,
        "mlflow_run_id": run.mlflow_run_id,
        "recipe": run.recipe,
        "name": run.name,
        "group": group,
        "data": measured.get("data"),
        "valid_nll": measured.get("valid_nll", run.means.get("valid_nll")),
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
