"""Stage 1, ingest: a source -> a Dataset, encoded once, in random access.

The rows are read twice, in pieces: once for the label space and the statistics, once
to be written. No array of all rows is ever in memory.
"""

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from components.artifacts import write_json
from components.data.arrays import ArrayFile, SplitFiles
from components.data.corpus import Corpus
from components.data.encoders import encoder
from components.data.sources import source as source_function
from components.data.splits import SPLITS, split_rows
from components.labels import first_rows, label_space, token_space


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
    given, folder = opened.read(), Path(out_dir)

    def pieces():
        return split_rows(given, valid_fraction, test_fraction, seed)

    ingest = texts if opened.kind == "text" else labelled
    fitted, space, digests, train_counts, rows = ingest(
        folder, pieces, task, opened.kind, seed
    )
    write_json(folder / "digest.json", digests)
    write_json(
        folder / "dataset.json",
        {
            "name": opened.name,
            "task": task,
            "labels": space.to_json(),
            "train_counts": train_counts,
            "inputs": {
                "kind": fitted.kind,
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
        rows=sum(rows.values()),
        schema=fitted.describe(),
    )
    log.params({f"data.{name}_rows": count for name, count in rows.items()})


def require_labels(task, opened, source):
    """Refuse a source whose labels are not of the task's kind.

    Raises:
        ValueError: texts for a task with names as labels, or the other way round.
    """
    if (task["name"] == "language") != (opened.kind == "text"):
        wanted = "texts" if task["name"] == "language" else "labels that are names"
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
        (encoder, LabelSpace, digests by split, counts of the labels in train, rows by
        split).
    """
    survey = Survey()
    fitted = encoder(kind).fit(survey.train_inputs(pieces()))
    space = survey.label_space(task, seed)
    digests, train_counts = write(folder, pieces(), fitted, space, survey)
    return fitted, space, together(digests), train_counts, survey.num_rows


def texts(folder, pieces, task, kind, seed):
    """Rows whose label is a text; as `labelled`, the labels being tokens."""
    corpus = Corpus()
    train_texts = corpus.train_texts(pieces())
    fitted = encoder(kind).fit(task["tokenizer"], train_texts)
    require_rows(corpus.num_rows, seed)
    digests, train_counts = corpus.write(folder, pieces(), fitted)
    space = token_space(fitted.names)
    return fitted, space, together(digests), train_counts, corpus.num_rows


def together(digests):
    """Digests by split, and "all"."""
    joined = "".join(digests[name] for name in SPLITS)
    return digests | {"all": hashlib.sha256(joined.encode()).hexdigest()}


def require_rows(num_rows, seed):
    """Refuse an empty split.

    Args:
        num_rows: split -> its number of rows.
        seed: of the split.
    """
    for name, rows in num_rows.items():
        if not rows:
            raise ValueError(
                f"an empty split: {name}. Received: "
                f"{sum(num_rows.values())} rows in all, seed={seed}. Raise "
                "`ingest.valid_fraction` or `ingest.test_fraction`, or add data."
            )


class Survey:
    """What the first pass finds out beside the encoder's statistics.

    Attributes:
        num_rows: split -> its number of rows.
        first_row: split -> {label: the first row it is in, as the source counts}.
        raw_dtypes: column -> a dtype that holds all its values in test.
    """

    def __init__(self):
        self.num_rows = dict.fromkeys(SPLITS, 0)
        self.first_row = {name: {} for name in SPLITS}
        self.raw_dtypes = {}

    def train_inputs(self, pieces):
        """Look at all pieces; those of train are handed on, for the encoder.

        Args:
            pieces: of `split_rows`.

        Yields:
            Inputs of train.
        """
        for split, rows in pieces:
            found = first_rows(rows.labels.tolist(), rows.numbers.tolist())
            for label, row in found.items():
                self.first_row[split].setdefault(label, row)
            self.num_rows[split] += len(rows)
            if isinstance(rows.inputs, dict):
                require_finite(rows, split)
            if split == "train":
                yield rows.inputs
            elif split == "test" and isinstance(rows.inputs, dict):
                for name, values in rows.inputs.items():
                    known = self.raw_dtypes.get(name, values.dtype)
                    self.raw_dtypes[name] = np.promote_types(known, values.dtype)

    def label_space(self, task, seed):
        """The label space of train; every split must have two labels of it.

        Raises:
            ValueError: an empty split, one class only, a label that train lacks.
        """
        require_rows(self.num_rows, seed)
        space = label_space(task, self.first_row["train"], self.num_rows["train"])
        for name, labels in self.first_row.items():
            if len(labels) == 1:
                raise ValueError(
                    f"one class only: rows 0 ... {self.num_rows[name] - 1} of {name} "
                    f"are all {next(iter(labels))!r}. Expected at least two labels in "
                    "every split: add data, or choose another `ingest.seed`."
                )
            for label, row in labels.items():
                space.encode([label], name, row)
        return space


def require_finite(rows, split):
    """Refuse numbers that are infinite, or would be in float32; NaN is missing.

    Args:
        rows: Rows of columns, with their numbers.
        split: that they are in.

    Raises:
        ValueError: at the first one, with its column and row.
    """
    for name, values in rows.inputs.items():
        if values.dtype.kind not in "fiu":
            continue
        infinite = np.abs(values) > np.finfo("float32").max
        if infinite.any():
            first = infinite.argmax()
            raise ValueError(
                f"row {rows.numbers[first]}, in {split}: the column {name!r} is not "
                f"finite. Received: {values[first]}. Expected numbers up to 3.4e38: "
                "correct it, or declare what stands for a missing value."
            )


def write(folder, pieces, fitted, space, survey):
    """The second pass: encode every row and write it.

    Args:
        folder: of the Dataset.
        pieces: of `split_rows`.
        fitted: encoder.
        space: LabelSpace.
        survey: Survey.

    Returns:
        (dict of split -> SHA-256 of its arrays, list of the labels' counts in train).
    """
    files = {
        name: SplitFiles(folder / name, rows, fitted.shape, fitted.dtype)
        for name, rows in survey.num_rows.items()
    }
    counts = np.zeros(space.size, int)
    table = None
    if survey.raw_dtypes:
        dtype = np.dtype(list(survey.raw_dtypes.items()))
        path = folder / "test" / "raw.npy"
        table = ArrayFile(path, dtype, (survey.num_rows["test"],))
    for split, rows in pieces:
        labels = space.encode(rows.labels, split)
        files[split].append(fitted.encode(rows.inputs), labels)
        if split == "train":
            counts += np.bincount(space.index(labels), minlength=space.size)
        elif split == "test" and table:
            block = np.empty(len(rows), table.dtype)
            for name, values in rows.inputs.items():
                block[name] = values
            table.append(block)
    if table:
        table.close()
    return {name: files[name].close() for name in SPLITS}, counts.tolist()
