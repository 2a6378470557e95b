"""The data card: rows, balance, missing values, duplicates, lengths, examples."""

from textwrap import shorten

import numpy as np

from phistar.components.data.splits import SPLITS
from phistar.components.labels import NAMES
from phistar.components.metrics import mean, token_floors
from phistar.components.reports.base import Section
from phistar.components.reports.baselines import floors, sample
from phistar.components.reports.encoded import decoded, indicators
from phistar.components.reports.near import near
from phistar.components.reports.page import examples, html
from phistar.components.reports.page.parts import Part

SHOWN_LABELS = 20
SHOWN_COLUMNS = 40
SAMPLED = 10**5  # rows of which missing values are counted
EXAMPLES = 10
FEW = 3  # of them in a terminal
CELLS = 6  # of a row there
LINE = 100  # letters of a text there
CUT = 200  # tokens of a text
REACHED = "What valid costs without a network"
WEIGHTED = "Rows have weights: every mean and share of the metrics is weighted by them."
GUESSES = {"uniform": "guessing evenly", "prior": "the shares of train"}


def parts(data, found, encoder):
    """Facts about the data.

    Args:
        data: Dataset.
        found: Duplicates.
        encoder: of the raw inputs.

    Returns:
        list of Part.
    """
    named, notices = data.kind.gives == NAMES, data.source["notices"]
    known = [rows(data, found, near(data, found, encoder))]
    if notices:
        known.append(Part("Dropped or changed by reading", notices))
    known.append(balance(data) if named else lengths(data))
    if columns := data.description["inputs"]["encoder"].get("columns"):
        known.append(missing(data, columns))
    return known


def rows(data, found, alike):
    """Rows and duplicates of each split.  -> Part"""
    head = ["split", "rows", f"repeated {found.what}", f"{found.what} also in train"]
    places = {name: one["from"] for name, one in data.source["splits"].items()}
    head += ["from"] * any(places.values())
    tested = int(found.in_train.sum())
    seen = {"test": tested, "valid": found.valid_in_train, "train": ""}
    table = [
        [
            *(split, count(data, split), found.repeated[split], seen[split]),
            *[places[split]] * any(places.values()),
        ]
        for split in SPLITS
    ]
    partial = [
        f"the first {found.compared[split]:,} of {count(data, split):,} rows of {split}"
        for split in SPLITS
        if found.compared[split] < count(data, split)
    ]
    lines = [f"Compared were {', '.join(partial)}."] if partial else []
    return Part("Rows and duplicates", [*lines, *alike], (head, table))


def reached(data, linear):
    """Cost of valid without a network: guesses, and logistic regression.

    Args:
        data: Dataset.
        linear: list of Baseline, on valid; one or none.

    Returns:
        Part.
    """
    labels, counts = data.split("valid")[1], data.description["train_counts"]
    if data.kind.gives == NAMES:
        index = data.space.index(np.asarray(labels))
        found = [*floors(index, counts, data.space.names), *linear]
        weights = data.weights("valid")
        table = [
            [
                GUESSES.get(one.name, one.name),
                float(mean(one.nll, weights)),
                "" if one.correct is None else f"{mean(one.correct, weights):.1%}",
            ]
            for one in found
        ]
        lines = [WEIGHTED] if weights is not None else []
        return Part(REACHED, lines, (["model", "nats a label", "right"], table))
    costs = token_floors(np.asarray(labels.tokens), counts)
    table = [[GUESSES[name], costs[f"nll_{name}"]] for name in GUESSES]
    return Part(REACHED, [], (["model", "nats a token"], table))


def count(data, split):
    """Number of rows of a split.  -> int"""
    return len(data.split(split)[1])


def balance(data):
    """Labels of each split.  -> Part"""
    names = data.space.names
    counts = {}
    for split in SPLITS:
        index = data.space.index(np.asarray(data.split(split)[1]))
        counts[split] = np.bincount(index, minlength=len(names))
    order = np.argsort(-counts["train"], kind="stable")
    lines = []
    if len(names) > SHOWN_LABELS:
        half = SHOWN_LABELS // 2
        order = np.concatenate([order[:half], order[-half:]])
        lines.append(
            f"The {half} most frequent and the {half} rarest of {len(names):,} labels."
        )
    table = [
        [names[label], *(share(counts[split], label) for split in SPLITS)]
        for label in order
    ]
    return Part("Labels", lines, (["label", *SPLITS], table))


def share(counts, label):
    """Number of a label and its share.  -> str"""
    return f"{counts[label]:,} ({counts[label] / counts.sum():.1%})"


def missing(data, columns):
    """Missing values of each column that has some.

    Those of train are read from the encoded rows, where missing is a column; those of
    test from the data as they were.

    Args:
        data: Dataset.
        columns: of the encoder.

    Returns:
        Part.
    """
    encoded, _ = data.split("train")
    chosen = sample(len(encoded), SAMPLED)
    place = indicators(columns)
    lacking = np.asarray(encoded[chosen])[:, list(place.values())].mean(axis=0)
    train = dict(zip(place, lacking.tolist(), strict=True))
    raw, table = data.raw(), []
    for column in columns:
        name = column["name"]
        values = np.asarray(raw[name])
        gone = np.isnan(values) if column["kind"] == "numeric" else values == ""
        if train.get(name) or gone.any():
            shares = [f"{part:.1%}" for part in (train.get(name, 0), gone.mean())]
            table.append([name, *shares])
    if not table:
        return Part("Missing values", [f"None, in {len(columns)} columns."])
    lines = []
    if len(chosen) < len(encoded):
        lines.append(f"Of train, in {len(chosen):,} rows drawn from {len(encoded):,}.")
    if len(table) > SHOWN_COLUMNS:
        lines.append(f"The first {SHOWN_COLUMNS} of {len(table)} such columns.")
    return Part(
        "Missing values", lines, (["column", "train", "test"], table[:SHOWN_COLUMNS])
    )


def lengths(data):
    """Lengths of the texts of each split, in tokens.  -> Part"""
    words = {"inputs": "source", "labels": "target"}
    table = []
    for split in SPLITS:
        both = [side for side in data.split(split) if side is not None]
        for side, texts in zip(data.kind.sides, both, strict=True):
            name = words[side] if len(both) > 1 else "text"
            quantiles = np.quantile(texts.lengths, [0, 0.5, 0.95, 1]).astype(int)
            total = int(texts.lengths.sum())
            table.append([split, name, *map(int, quantiles), total])
    head = ["split", "side", "shortest", "median", "95 %", "longest", "all"]
    return Part("Lengths in tokens, the end counted", [], (head, table))


def chosen(data, most):
    """Rows of train for examples, always the same ones.  -> int [n], ascending"""
    rows = np.random.default_rng(0).permutation(len(data.split("train")[1]))
    return np.sort(rows[:most])


def drawn(data, encoder):
    """Ten examples of train.

    Args:
        data: Dataset.
        encoder: of the raw inputs.

    Returns:
        Section.
    """
    if data.kind.gives == NAMES:
        names, raw = named_examples(data, EXAMPLES)
        text = html.Markup("<div><b>{}</b></div>")
        listed = [
            (text.format(name), examples.shown(raw, row))
            for row, name in enumerate(names)
        ]
        pictures = examples.are_pictures(raw)
        return Section("Examples of train", examples.gallery(listed, pictures))
    inputs, labels = data.split("train")
    text = html.Markup("<div><small>text {}, {} tokens</small></div>")
    listed = [
        (
            text.format(f"{row:,}", f"{labels.lengths[row]:,}"),
            html.joined(
                examples.text(beginning(side[row], encoder))
                for side in (inputs, labels)
                if side is not None
            ),
        )
        for row in chosen(data, EXAMPLES).tolist()
    ]
    return Section("Examples of train", examples.gallery(listed))


def named_examples(data, most):
    """Rows of train, as they were in the data.

    Args:
        data: Dataset whose labels are names.
        most: rows.

    Returns:
        (list of labels, dict of name -> array [n], or array [n, ...]).
    """
    inputs, labels = data.split("train")
    rows = chosen(data, most)
    read, index = np.asarray(inputs[rows]), data.space.index(np.asarray(labels)[rows])
    own = data.description["inputs"]["encoder"]
    if "columns" in own:
        read = decoded(own, read)
    return [data.space.names[label] for label in index], read


def few(data, encoder):
    """Three examples of train in plain lines; no pictures.

    Args:
        data: Dataset.
        encoder: of the raw inputs.

    Returns:
        list of Part, one or none.
    """
    lines = []
    if data.kind.gives == NAMES:
        names, raw = named_examples(data, FEW)
        for row, name in enumerate(names if isinstance(raw, dict) else ()):
            cells = [f"{n} {examples.plain(v[row])}" for n, v in raw.items()]
            more = f" and {len(cells) - CELLS} more" if len(cells) > CELLS else ""
            lines.append(f"{name}: {', '.join(cells[:CELLS])}{more}")
    else:
        for row in chosen(data, FEW).tolist():
            sides = [side[row] for side in data.split("train") if side is not None]
            texts = (encoder.decode(side[:CUT]) for side in sides)
            short = (shorten(text, LINE, placeholder=" …") for text in texts)
            lines.append(" → ".join(short))
    return [Part("Examples of train", lines)] if lines else []


def beginning(tokens, encoder):
    """The first tokens of a text, decoded.  int [n] -> str"""
    return encoder.decode(tokens[:CUT]) + (" …" if len(tokens) > CUT else "")
