"""Tables: the label, the splits, and columns that are no inputs."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from phistar.components.data.files.found import SPLITS
from phistar.pipeline.init.doubts import doubts
from phistar.pipeline.init.guess import Guess, Line, passes

if TYPE_CHECKING:
    pass

HEAD_ROWS = 10**5  # that are looked at
LABELS = ("label", "labels", "target", "class", "y", "outcome", "category")
SPLIT_NAMES = ("split", "set", "subset", "fold", "partition")
POSITIVE = ("1", "yes", "true", "positive", "y", "t", "ja", "oui", "si", "malignant")
MOST_LABELS = 1000
LONG = 60  # letters of a cell, from which words are a text
STEPS = 3000


class Looked:
    """The first rows of a table.

    Args:
        files: list of Path, of the same columns.

    Attributes:
        columns: name -> Column.
        cells: name -> Counter of its cells, trimmed.
        seen: rows that were looked at.
        rows: about the rows of all files.
    """

    def __init__(self, files: list[Path]):
        from phistar.components.data.files.tables import TableFiles

        self.table = TableFiles(files)
        self.seen, self.forms = 0, {}
        while not self._read():
            pass
        self.rows = self.seen if self.whole else self._estimated(files)

    def _read(self) -> bool:
        """Read the first rows; False if a column must be read in another form."""
        import numpy as np

        from phistar.components.data.cells.column import Column, OtherForm
        from phistar.components.data.cells.missing import Markers, trimmed

        names, decimal = self.table.names, self.table.decimal
        self.columns: dict[str, Column] = {
            name: Column(name, Markers(), decimal, form=self.forms.get(name))
            for name in names
        }
        self.cells = {name: Counter() for name in names}
        self.seen, self.whole = 0, True
        try:
            for batch in self.table.batches():
                number = len(next(iter(batch.columns.values())))
                numbers = np.arange(batch.first, batch.first + number)
                for name, cells in batch.columns.items():
                    self.columns[name].add(cells, batch.file, numbers)
                    for one in trimmed(cells).value_counts().to_pylist():
                        self.cells[name][one["values"] or ""] += one["counts"]
                self.seen += number
                if self.seen >= HEAD_ROWS:
                    self.whole = False
                    break
        except OtherForm as other:
            self.forms[other.name] = other.form
            return False
        return True

    def _estimated(self, files: list[Path]) -> int:
        """About the rows of all files, by the bytes of the first ones."""
        letters = sum(
            (len(cell) + 1) * count
            for cells in self.cells.values()
            for cell, count in cells.items()
        )
        return round(self.seen * sum(f.stat().st_size for f in files) / letters)

    def length(self, name: str) -> float:
        """Mean length of the cells of a column, letters."""
        total = sum(len(cell) * count for cell, count in self.cells[name].items())
        return total / self.seen

    def texts(self) -> list[str]:
        """Columns of long words."""
        return [
            name
            for name, column in self.columns.items()
            if column.form == "words" and self.length(name) > LONG
        ]


def table(looked: Looked, paths: list[Line], label: str | None) -> Guess:
    """The guess of a classifier of rows.

    Args:
        looked: at the file of train.
        paths: lines of ingest with the files.
        label: its column, if the user names it.

    Raises:
        ValueError: no column can be the label.
    """
    name, why, ask = label_of(looked, label)
    counts = labels(looked, name)
    left_out, described = no_inputs(looked, name)
    ingest = [Line("source", "table"), *paths, Line("label", name, why, ask)]
    for other in looked.columns:
        values = {cell.lower() for cell in looked.cells[other]}
        if other.lower() in SPLIT_NAMES and values <= SPLITS.keys():
            ingest.append(Line("split", other, f"it says {', '.join(sorted(values))}"))
            left_out.pop(other, None)
    if left_out:
        reasons = "; ".join(f"{column}: {why}" for column, why in left_out.items())
        ask = "are these no inputs? A name that you take away is read"
        ingest.append(Line("ignore", list(left_out), reasons, ask))
    ingest += dividing(looked, name, {*left_out, name})
    inputs = len(looked.columns) - 1 - len(left_out)
    shown = ", ".join(f"{k!r} {n:,}" for k, n in counts.most_common(5))
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    binary = len(counts) == 2
    task = [Line("name", "binary" if binary else "multiclass")]
    if binary:
        task.append(positive(counts))
    what = "two labels" if binary else f"{len(counts)} labels"
    ingest += doubts(looked, [n for n in looked.columns if n not in {name, *left_out}])
    found = [
        f"a table of about {looked.rows:,} rows and {len(looked.columns)} columns",
        f"the label is {name!r} ({why or 'as you say'}): {shown}{more}",
        f"{what}: the task is {task[0].value}",
        f"inputs: {described}",
    ]
    title = f"What is {name!r}?  {what.capitalize()}, from {inputs} columns."
    return Guess(
        title,
        found,
        {
            "task": task,
            "ingest": ingest,
            "build": network(looked.rows),
            "train": training(looked.rows, binary),
        },
    )


def label_of(looked: Looked, label: str | None) -> tuple[str, str, str]:
    """The column of labels, why, and a question if it is a guess.

    Raises:
        ValueError: there is no such column.
    """
    names = list(looked.columns)
    if label is not None:
        if label not in names:
            raise ValueError(
                f"no such column. Received: --label {label}. Expected one of "
                f"{', '.join(names[:30])}."
            )
        return label, "", ""
    called = {name.strip().lower(): name for name in reversed(names)}
    for word in LABELS:
        if word in called:
            return called[word], "by its name", ""
    return names[-1], "it is the last column", "is this the column to predict?"


def labels(looked: Looked, name: str) -> Counter:
    """Counts of the labels.

    Raises:
        ValueError: a column that cannot hold labels.
    """
    from phistar.components.data.cells.missing import NO_WORD

    counts = Counter()
    for cell, count in looked.cells[name].items():
        if cell.lower() not in NO_WORD:
            counts[plain(cell)] += count
    column = looked.columns[name]
    advice = "name the column of labels: --label COLUMN"
    if column.form != "words" and not column.whole:
        raise ValueError(
            f"the column {name!r} holds numbers with decimals. Received: values like "
            f"{', '.join(islice(counts, 3))}. Expected labels: phistar predicts "
            f"classes, no amounts. Or {advice}."
        )
    if not 2 <= len(counts) <= min(MOST_LABELS, max(2, looked.seen // 2)):
        raise ValueError(
            f"the column {name!r} cannot be the label. Received: {len(counts)} "
            f"different values in {looked.seen:,} rows. Expected some labels, each in "
            f"several rows: {advice}."
        )
    return counts


def plain(cell: str) -> str:
    """A label as ingest takes it: 1.0 is 1."""
    head, point, tail = cell.partition(".")
    return (
        head if point and head.lstrip("+-").isdigit() and not tail.strip("0") else cell
    )


def positive(counts: Counter) -> Line:
    """The key of the label that is +1."""
    known = [name for name in counts if name.lower() in POSITIVE]
    if len(known) == 1:
        return Line("positive", known[0], "P is that of this label; by its name")
    rarer = counts.most_common()[-1][0]
    return Line("positive", rarer, "the rarer one", "is this the label to look for?")


def no_inputs(looked: Looked, label: str) -> tuple[dict[str, str], str]:
    """Columns that tell nothing of a new row, with the reason; the others in words."""
    left_out, kinds = {}, Counter()
    texts = looked.texts()
    for name, column in looked.columns.items():
        if name == label:
            continue
        if column.rows == column.missing:
            left_out[name] = "it is empty"
        elif column.constant:
            left_out[name] = "it is the same in all rows"
        elif name in texts:
            left_out[name] = "it is a text, which no network of tables reads"
        elif column.identifier:
            left_out[name] = "it is another one in every row"
        else:
            dates = column.meaning.startswith("seconds")
            kinds["dates" if dates else column.meaning] += 1
    return left_out, "; ".join(f"{n} of {kind}" for kind, n in kinds.most_common())


def dividing(looked: Looked, label: str, used: set[str]) -> list[Line]:
    """Lines, as comments, for columns by which the rows may be divided."""
    lines = []
    for name, column in looked.columns.items():
        if name in used:
            continue
        different = len(looked.cells[name])
        repeated = 20 < different < 0.9 * looked.seen
        if column.meaning.startswith("seconds"):
            ask = "are new rows later ones? Then test on the latest"
            lines.append(Line("time", name, "it holds dates", ask, off=True))
        elif repeated and name.lower().endswith(("id", "_no", "number", "code")):
            ask = "do rows of one value belong together? Then keep them in one split"
            why = f"{different:,} values, each in several rows"
            lines.append(Line("group", name, why, ask, off=True))
    return lines


def network(rows: int) -> list[Line]:
    """A network for so many rows."""
    if rows < 500:
        return [Line("network", "linear", f"{rows:,} rows are few")]
    width = 64 if rows < 10_000 else 128 if rows < 100_000 else 256
    return [
        Line("network", "mlp"),
        Line("num_layers", 2),
        Line("mlp_dim", width, f"for about {rows:,} rows"),
        Line("dropout", 0.2),
    ]


def training(rows: int, binary: bool) -> list[Line]:
    """Training for so many rows."""
    batch_size = 32 if rows < 20_000 else 256 if rows < 200_000 else 1024
    epochs = passes(rows, batch_size, STEPS)
    return [
        Line("loss", "logistic" if binary else "cross_entropy"),
        Line("epochs", epochs, "passes over train; the best of them is kept"),
        Line("batch_size", batch_size),
        Line("learning_rate", 0.002),
    ]
