"""The end of a sweep: the answer, and the best config as a recipe, in its folder."""

import json
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import working
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.naming import BETWEEN
from phistar.pipeline.record.runs import read
from phistar.pipeline.record.scores import read_json, read_verdict
from phistar.pipeline.run.execution import Execution
from phistar.pipeline.store.store import Store
from phistar.pipeline.sweep.page import BEST, WORDS, between, put, write_page
from phistar.pipeline.sweep.setting import Sweep
from phistar.pipeline.sweep.space import Dimension
from phistar.pipeline.sweep.study import COMPLETE, REASON, RUNNING, Study

ANSWER = "sweep.json"


def done(common: Sweep, count: int) -> dict | None:
    """The answer of a sweep that has nothing left to do, else None."""
    trials, study = common.study.trials(), common.study
    known = read_json(study.folder / ANSWER)
    open_ones = [trial for trial in trials if trial.state == RUNNING]
    if known is None or len(trials) < count or open_ones:
        return None
    entries = Record(common.root, study.run_id).entries()
    whole = len(known["trials"]) == len(trials) and entries[-1:]
    if not whole or entries[-1].get("status") != "FINISHED":
        return None
    here = (Path(known["export"]), Path(known["recipe"]))
    return known if all(path.exists() for path in here) else None


def write(common: Sweep, current: Execution, best: FrozenTrial, run_id: str) -> dict:
    """Write all of it but the answer.

    Args:
        common: the sweep.
        current: its execution.
        best: the best trial.
        run_id: of the record of its run to the end.

    Returns:
        The answer: sweep, experiment, run_id, trials (see `row`), counts, best,
        importance (key -> share of the variance), metrics and verdict of the best,
        export, recipe, page, sentence.
    """
    store, study = Store(common.root / "mlruns"), common.study
    run = read(run_id, Record(common.root, run_id).entries(), {})
    evaluated = store.path("evaluate", run.keys["evaluate"])
    metrics = read_json(evaluated / "metrics.json")
    trials = study.trials()
    rows = [row(common, trial) for trial in trials]
    entries = current.record.entries()
    answer = {
        "sweep": study.folder.name,
        "experiment": entries[0]["experiment"],
        "run_id": current.run_id,
        "trials": rows,
        "counts": counts(trials),
        "best": rows[best.number] | {"run_id": run_id},
        "importance": importance(study),
        "metrics": metrics,
        "verdict": read_verdict(evaluated),
        "export": str(store.path("export", run.keys["export"]) / "saved_model"),
        "recipe": str(study.folder / BEST),
        "page": str(current.record.path.with_suffix(".report.html")),
    }
    answer["sentence"] = sentence(answer)
    recipe = recipe_text(common, best, answer, entries[0])
    put(study.folder / BEST, recipe)
    put(current.record.path.with_suffix(f".{BEST}"), recipe)
    with working("sweep", "draws its figures"):
        write_page(common, current.record, answer)
    numbers = {"valid_nll": best.value, "valid_nll_best": best.value}
    numbers["trials"] = len(trials)
    tested = {name: v for name, v in metrics.items() if name.startswith("test_")}
    current.record.append("metrics", step=0, values=numbers | tested)
    current.record.append("sweep", sentence=answer["sentence"])
    return answer


def keep(common: Sweep, answer: dict) -> dict:
    """Write the answer, which tells that nothing is left to do.  -> it"""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    put(common.study.folder / ANSWER, text)
    return answer


def row(common: Sweep, trial: FrozenTrial) -> dict:
    """A trial as plain data.

    Returns:
        number, state in words, valid_nll (of a pruned one, so far), low and high (95 %;
        with folds out of fold), values by key, name, run_id, reason, seconds.
    """
    about = trial.user_attrs
    return {
        "number": trial.number,
        "state": WORDS[trial.state],
        "valid_nll": trial.value,
        **{name: about.get(name) for name in ("low", "high")},
        "values": {
            d.key: plain(d, trial.params[d.key]) for d in common.space.dimensions
        },
        "name": BETWEEN.join(common.values(trial)),
        "run_id": common.study.run_of(trial.number),
        "reason": about.get(REASON),
        "seconds": about.get("seconds"),
    }


def plain(one: Dimension, value: Any) -> Any:
    """A value as the config has it; one of a list as it was typed."""
    return value if one.words or not one.whole else int(value)


def counts(trials: list[FrozenTrial]) -> dict[str, int]:
    """Number of trials by state, in words."""
    found = [WORDS[trial.state] for trial in trials]
    return {word: found.count(word) for word in WORDS.values() if word in found}


def importance(study: Study) -> dict[str, float]:
    """The share of each key in the variance of valid_nll, the largest first.

    {} if the trials do not tell: fewer than two, or all alike.

    Source: Hutter, Hoos and Leyton-Brown, 2014 (fANOVA), as Optuna has it.
    """
    import optuna

    known = [t.value for t in study.trials() if t.state == COMPLETE]
    if len(known) < 2 or min(known) == max(known):
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(
        study.in_memory(), evaluator=evaluator
    )
    return {name: float(share) for name, share in found.items()}


def sentence(answer: dict) -> str:
    """The result in words."""
    best, metrics = answer["best"], answer["metrics"]
    looked = ", ".join(f"{n} {word}" for word, n in answer["counts"].items())
    return (
        f"The best of {len(answer['trials'])} trials ({looked}) by valid_nll is trial "
        f"{best['number']}: {best['valid_nll']:.4f}{between(best)}. Its test_nll, "
        f"looked at once, is {metrics['test_nll']:.4f}"
        f"{between(metrics, 'test_nll_low', 'test_nll_high')} nats a label."
    )


def recipe_text(common: Sweep, best: FrozenTrial, answer: dict, start: dict) -> str:
    """The best config as a recipe, with its origin as comments."""
    path = common.study.folder / BEST
    head = [
        *([start["question"], ""] if start["question"] else []),
        answer["sentence"],
        "",
        f"run      {command('run', str(path), root=common.root)}",
        f"from     {start['command']}",
        *(
            f"swept    {key}: {value}"
            for key, value in answer["best"]["values"].items()
        ),
    ]
    comments = "".join(f"# {line}".rstrip() + "\n" for line in head)
    return f"{comments}\n{common.load(best).to_yaml()}"
