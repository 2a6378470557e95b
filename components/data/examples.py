"""Rows whose label is a name: a first pass that surveys them, a second that writes."""

import numpy as np

from phistar.components.data.arrays import SplitFiles
from phistar.components.data.raw_columns import ColumnFile
from phistar.components.data.splits import SPLITS
from phistar.components.labels import first_rows, labels_of, shown


class Survey:
    """Results of the first pass beside the encoder's statistics.

    Attributes:
        num_rows: split -> its number of rows.
        first_row: split -> {label: its first row, as the source counts}.
        raw_dtypes: column -> a dtype that holds all its values in test.
        weight: split -> sum of the weights of its rows; {} if rows have none.
    """

    def __init__(self):
        self.num_rows = dict.fromkeys(SPLITS, 0)
        self.first_row = {name: {} for name in SPLITS}
        self.raw_dtypes = {}
        self.weight = {}

    def train_inputs(self, pieces):
        """Survey all pieces; yield the inputs of train, for the encoder.

        Args:
            pieces: of `split_rows`.

        Yields:
            Inputs of train.
        """
        for split, rows in pieces:
            found = first_rows(rows.labels, rows.numbers)
            for label, row in found.items():
                self.first_row[split].setdefault(label, row)
            self.num_rows[split] += len(rows)
            if rows.weights is not None:
                total = self.weight.setdefault(split, 0.0)
                self.weight[split] = total + float(rows.weights.sum())
            if isinstance(rows.inputs, dict):
                require_finite(rows, split)
            if split == "train":
                yield rows.inputs
            elif split == "test" and isinstance(rows.inputs, dict):
                for name, values in rows.inputs.items():
                    known = self.raw_dtypes.get(name, values.dtype)
                    self.raw_dtypes[name] = np.promote_types(known, values.dtype)

    def label_space(self, task):
        """The label space of train, of which every split must have two labels.

        Raises:
            ValueError: one class only, a label that train lacks.
        """
        make_space = labels_of(task["name"]).space
        space = make_space(task, self.first_row["train"], self.num_rows["train"])
        for name, rows in self.first_row.items():
            if len(rows) == 1:
                only = shown(next(iter(rows)))
                raise ValueError(
                    f"one class only in {name}. Received: {self.num_rows[name]} rows, "
                    f"all {only}. Expected at least two labels in every split: add "
                    "data, or choose another `ingest.seed`."
                )
        space.require(self.first_row)
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
    """Run the second pass: encode every row and write it.

    Args:
        folder: of the Dataset.
        pieces: of `split_rows`.
        fitted: encoder.
        space: LabelSpace.
        survey: Survey.

    Returns:
        (dict of split -> SHA-256 of its arrays, list of the labels' counts in train;
        of weighted rows the counts are weighted, their sum is still that of the rows).

    Raises:
        ValueError: the weights of a split are all 0.
    """
    for split, total in survey.weight.items():
        if not total > 0:
            raise ValueError(
                f"no row of {split} counts. Received: weights that are all 0. Expected "
                "some above 0 in each split: correct the column of weights."
            )
    weighted = bool(survey.weight)
    files = {
        name: SplitFiles(folder / name, rows, fitted.shape, fitted.dtype, weighted)
        for name, rows in survey.num_rows.items()
    }
    counts = np.zeros(space.size, float if weighted else int)
    table = None
    if survey.raw_dtypes:
        table = ColumnFile(folder / "test", survey.raw_dtypes, survey.num_rows["test"])
    for split, rows in pieces:
        labels = space.encode(rows.labels, split)
        files[split].append(fitted.encode(rows.inputs), labels, rows.weights)
        if split == "train":
            own = None
            if weighted:
                own = rows.weights * survey.num_rows[split] / survey.weight[split]
            counts += np.bincount(space.index(labels), own, space.size)
        elif split == "test" and table:
            table.append(rows.inputs)
    if table:
        table.close()
    return {name: files[name].close() for name in SPLITS}, counts.tolist()
