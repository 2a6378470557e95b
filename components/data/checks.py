"""Checks of a source's rows for a task.

`require` finds most mistakes in the user's files before TensorFlow is imported, which
takes seconds. Ingest then finds all of them.
"""

from phistar.components.data import examples
from phistar.components.data.kinds import kind as kind_class
from phistar.components.data.splits import split_rows
from phistar.components.labels import labels_of


def require(task, opened, source, valid_fraction, test_fraction, seed, fold=None):
    """Refuse rows that ingest would refuse, as far as the source's overview tells.

    Args:
        task: plain data of the section `task`.
        opened: Source.
        source: its name in the table of sources.
        valid_fraction, test_fraction, seed, fold: as ingest takes them.

    Raises:
        ValueError: the first mistake.
    """
    kind = kind_class(opened.kind)
    require_labels(task, opened, kind, source)
    if opened.overview is None:
        return
    found = opened.overview()
    if not kind.sides and found.labels is not None:
        labels_of(task["name"]).space(task, found.labels, found.num_rows)
    if found.rows is None:
        return
    # so few that a split may be empty, or all of one label
    survey = examples.Survey()
    how = valid_fraction, test_fraction, seed, opened.stratified, fold
    divided = split_rows({"all": found.rows}, *how)
    if kind.sides:
        for split, rows in divided:
            survey.num_rows[split] += len(rows)
    else:
        for _ in survey.train_inputs(divided):
            pass
    require_rows(survey.num_rows, seed)
    if not kind.sides:
        survey.label_space(task)


def require_labels(task, opened, kind, source):
    """Refuse a source whose labels are not those of the task.

    Args:
        task: plain data of the section `task`.
        opened: Source.
        kind: class of its kind of data.
        source: its name in the table of sources.

    Raises:
        ValueError: texts for a task with names as labels, or the other way round.
    """
    needs = labels_of(task["name"]).needs
    if kind.gives != needs:
        raise ValueError(
            f"the task {task['name']} needs {needs}. Received: ingest.source={source}"
            f", a source of {opened.kind}. Choose another source, or another task."
        )


def require_rows(num_rows, seed, num_dropped=None):
    """Refuse an empty split.

    Args:
        num_rows: split -> its number of rows.
        seed: of the split.
        num_dropped: split -> further rows, longer than `task.max_length`.

    Raises:
        ValueError: a split without rows.
    """
    for name, rows in num_rows.items():
        if not rows and num_dropped and num_dropped[name]:
            raise ValueError(
                f"an empty split: {name}. Received: {num_dropped[name]} rows, all of "
                "them too long. Raise `task.max_length` (tokens of either side)."
            )
        if not rows:
            raise ValueError(
                f"an empty split: {name}. Received: {sum(num_rows.values())} rows in "
                f"all, seed={seed}. Expected rows in each of train, valid and test: "
                "raise `ingest.valid_fraction` or `ingest.test_fraction`, or add data."
            )
