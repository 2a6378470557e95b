"""Tables: the label, the splits, and columns that are no inputs."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from phistar.components.data.files.found import SPLITS
from phistar.components.data.files.typed_files import shortened
from phistar.pipeline.init.doubts import doubts, plain
from phistar.pipeline.init.guess import Guess, Line, passes
from phistar.pipeline.init.looked import Looked

LABELS = ("label", "labels", "target", "class", "y", "outcome", "category")
SPLIT_NAMES = ("split", "set", "subset", "fold", "partition")
POSITIVE = ("1", "yes", "true", "positive", "y", "t", "ja", "oui", "si", "malignant")
MOST_LABELS = 1000
GROUPS = ("id", "_no", "number", "code", "patient", "customer", "user", "group")
STEPS = 3000
FEW = 5  # names that a line lists


def table(looked: Looked, paths: list[Line], label: str | None) -> Guess:
    """The guess of a classifier of rows.

    Args:
        looked: at the file of train.
        paths: lines of ingest with the files.
        label: its column, if the user names it.

    Raises:
        ValueError: no column can be the label.
    """
    divided = split_lines(looked)
    name, why, ask = label_of(looked, label, {line.value for line in divided})
    counts = labels(looked, name)
    left_out, described = no_inputs(looked, name)
    ingest = [Line("source", "table"), *paths, Line("label", name, why, ask)]
    for line in divided:
        left_out.pop(line.value, None)
    inputs = set(looked.columns) - {name, *left_out, *(line.value for line in divided)}
    require_inputs(inputs, name, left_out)
    ingest += divided
    if left_out:
        named = (
            (column or "the first, without a name", why)
            for column, why in left_out.items()
        )
        reasons = "; ".join(f"{column}: {why}" for column, why in named)
        ask = "are these no inputs? A name that you take away is read"
        ingest.append(Line("ignore", list(left_out), reasons, ask))
    ingest += doubts(looked, [name for name in looked.columns if name in inputs])
    ingest += [*dividing(looked, inputs), *looked.further]
    binary = len(counts) == 2
    task = [Line("name", "binary" if binary else "multiclass")]
    if binary:
        task.append(positive(counts))
    what = "two labels" if binary else f"{len(counts)} labels"
    found = [
        f"a table of about {looked.rows:,} rows and {len(looked.columns)} columns",
        f"the label is {name!r} ({why or 'as you say'}): {shown(counts)}",
        f"{what}: the task is {task[0].value}",
        f"inputs: {described}",
    ]
    title = f"What is {name!r}?  {what.capitalize()}, from {len(inputs)} columns."
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


def shown(counts: Counter) -> str:
    """Labels with their counts, of many the most frequent."""
    first = ", ".join(f"{label!r} {n:,}" for label, n in counts.most_common(5))
    return first + (f" and {len(counts) - 5} more" if len(counts) > 5 else "")


def split_lines(looked: Looked) -> list[Line]:
    """The key of a column that says train, valid or test; none without one."""
    for name in looked.columns:
        values = {cell.lower() for cell in looked.cells[name]}
        if name.lower() in SPLIT_NAMES and values and values <= SPLITS.keys():
            return [Line("split", name, f"it says {', '.join(sorted(values))}")]
    return []


def require_inputs(inputs: set[str], label: str, left_out: dict[str, str]) -> None:
    """Refuse a table that has no column to predict from."""
    if not inputs:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in left_out.items())
        raise ValueError(
            f"no column to predict {label!r} from. Received: {reasons or 'it alone'}. "
            "Expected columns of numbers, dates or categories. Another column may be "
            "the label: --label COLUMN."
        )


def label_of(looked: Looked, label: str | None, used: set[str]) -> tuple[str, str, str]:
    """The column of labels, why, and a question if it is a guess.

    Args:
        looked: at the files of train.
        label: its column, if the user names it.
        used: columns that have another use.

    Raises:
        ValueError: there is no such column.
    """
    names = [name for name in looked.columns if name not in used]
    if label is not None:
        if label not in names:
            raise ValueError(
                f"no such column. Received: --label {label}. Expected one of "
                f"{shortened(names)}."
            )
        return label, "", ""
    if not names:
        raise ValueError(
            f"no column of labels. Received: {shortened(list(looked.columns))}. "
            "Expected a further one."
        )
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


def positive(counts: Counter) -> Line:
    """The key of the label that is +1."""
    known = [name for name in counts if name.lower() in POSITIVE]
    if len(known) == 1:
        return Line("positive", known[0], "P is that of this label; by its name")
    rarer = counts.most_common()[-1][0]
    return Line("positive", rarer, "the rarer one", "is this the label to look for?")


def no_inputs(looked: Looked, label: str) -> tuple[dict[str, str], str]:
    """Columns that tell nothing of a new row, with the reason; the others in words."""
    left_out: dict[str, str] = {}
    kinds: dict[str, list[str]] = {}
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
            kinds.setdefault("dates" if dates else column.meaning, []).append(name)
    told = (f"{kind}: {few(names)}" for kind, names in kinds.items())
    return left_out, "; ".join(told)


def few(names: list[str]) -> str:
    """Names in one line, of many the first ones."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(name or "(no name)" for name in names[:FEW]) + more


def dividing(looked: Looked, names: Iterable[str]) -> list[Line]:
    """Lines, as comments, for columns by which the rows may be divided."""
    lines, names = [], set(names)
    for name, column in looked.columns.items():
        if name not in names:
            continue
        different = len(looked.cells[name])
        repeated = 20 < different < 0.9 * looked.seen
        if column.meaning.startswith("seconds"):
            ask = "are new rows later ones? Then test on the latest"
            lines.append(Line("time", name, "it holds dates", ask, off=True))
        elif repeated and name.lower().endswith(GROUPS):
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
