"""Stage 1, ingest: a source -> a Dataset, encoded once, in random access.

The rows are read twice, in pieces: once for the label space and the statistics, once
to be written. No array of all rows is ever in memory.
"""

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import Field

from components.artifacts import write_json
from components.data import corpus, examples
from components.data.encoders import encoder
from components.data.sources import source as source_function
from components.data.splits import SPLITS, split_rows
from components.data.texts import SIDES
from components.labels import token_space

# task -> the kind of its source; any other task takes a source whose labels are names
KINDS = {"language": "text", "translation": "pairs"}
WORDS = {"text": "texts", "pairs": "pairs of texts"}


def run(
    task,
    out_dir,
    log,
    *,
    source: str,
    valid_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1,
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.2,
    seed: Annotated[int, Field(ge=0)] = 0,
    **options,
):
    """Read a source, split it, encode it, write arrays.

    Label space and encoder are those of train; valid and test only use them. Which
    split an example is in is decided by a hash of its inputs, so equal inputs are
    in one split and a new row moves no other.

    Args:
        task: plain data of the section `task`.
        out_dir: folder to write the Dataset to.
        log: Journal.
        source: where the examples come from.
        valid_fraction: share of all rows, about, that choose the weights to keep.
        test_fraction: share of all rows, about, that are scored once at the end;
            unused where the source has a test split of its own.
        seed: of the split.
        **options: keys of the source.

    Raises:
        ValueError: an unknown label, an empty split, one class only; with the row.
    """
    opened = source_function(source)(**options)
    require_labels(task, opened, source)
    folder = Path(out_dir)
    split = split_rows(opened.read(), valid_fraction, test_fraction, seed)

    def pieces():
        return iter(split)

    ingest = texts if opened.kind in SIDES else labelled
    fitted, space, digests, train_counts, counts = ingest(
        folder, pieces, task, opened.kind, seed
    )
    joined = "".join(digests[name] for name in SPLITS)
    digests["all"] = hashlib.sha256(joined.encode()).hexdigest()
    write_json(folder / "digest.json", digests)
    write_json(
        folder / "dataset.json",
        {
            "name": opened.name,
            "task": task,
            "labels": space.to_json(),
            "train_counts": train_counts,
            "inputs": {
                "kind": opened.kind,
                "shape": list(fitted.shape),
                "dtype": fitted.dtype,
                "encoder": fitted.to_json(),
            },
        },
    )
    log.dataset(
        name=opened.name,
        digest=digests["all"],
        source=str(opened.fingerprint),
        rows=sum(counts[f"{name}_rows"] for name in SPLITS),
        schema=fitted.describe(),
    )
    log.params({f"data.{name}": count for name, count in counts.items()})


def require_labels(task, opened, source):
    """Refuse a source whose labels are not of the task's kind.

    Raises:
        ValueError: texts for a task with names as labels, or the other way round.
    """
    needed = KINDS.get(task["name"])
    if needed != (opened.kind if opened.kind in SIDES else None):
        wanted = WORDS.get(needed, "labels that are names")
        raise ValueError(
            f"the task {task['name']} needs {wanted}. Received: ingest.source={source}"
            f", a source of {opened.kind}. Choose another source, or another task."
        )


def labelled(folder, pieces, task, kind, seed):
    """Rows whose label is a name.

    Args:
        folder: Path of the Dataset.
        pieces: () -> pieces of `split_rows`.
        task: plain data of the section `task`.
        kind: of the inputs.
        seed: of the split.

    Returns:
        (encoder, LabelSpace, digests by split, counts of the labels in train, what is
        counted in the data by name).
    """
    survey = examples.Survey()
    fitted = encoder(kind).fit(survey.train_inputs(pieces()))
    require_rows(survey.num_rows, seed)
    space = survey.label_space(task)
    digests, train_counts = examples.write(folder, pieces(), fitted, space, survey)
    return fitted, space, digests, train_counts, counted("rows", survey.num_rows)


def texts(folder, pieces, task, kind, seed):
    """Rows whose label is a text; as `labelled`, the labels being tokens.

    The tokenizer is that of all texts of train: only it can tell which are too long.
    """
    train_texts = corpus.train_texts(pieces(), kind)
    size = task.get("vocab_size")
    fitted = encoder(kind).fit(task["tokenizer"], train_texts, size)
    max_length = task.get("max_length")
    written = corpus.write(folder, pieces(), kind, fitted, max_length)
    require_rows(written.num_rows, seed, written.num_dropped)
    counts = counted("rows", written.num_rows)
    if max_length:
        counts |= counted("dropped", written.num_dropped)
    space = token_space(fitted.names)
    return fitted, space, written.digests, written.train_counts, counts


def counted(what, by_split):
    """Split -> number, as "train_rows" and so on.  -> dict."""
    return {f"{name}_{what}": number for name, number in by_split.items()}


def require_rows(num_rows, seed, num_dropped=None):
    """Refuse an empty split.

    Args:
        num_rows: split -> its number of rows.
        seed: of the split.
        num_dropped: split -> how many more were longer than `task.max_length`.
    """
    for name, rows in num_rows.items():
        if not rows and num_dropped and num_dropped[name]:
            raise ValueError(
                f"an empty split: {name}. Received: {num_dropped[name]} rows, all of "
                "them too long. Raise `task.max_length` (tokens of either side)."
            )
        if not rows:
            raise ValueError(
                f"an empty split: {name}. Received: "
                f"{sum(num_rows.values())} rows in all, seed={seed}. Raise "
                "`ingest.valid_fraction` or `ingest.test_fraction`, or add data."
            )
