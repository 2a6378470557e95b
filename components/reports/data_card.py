"""The data card: rows, balance, missing values, duplicates, lengths, examples."""

import numpy as np

from phistar.components.data.splits import SPLITS
from phistar.components.labels import NAMES
from phistar.components.metrics import mean, token_floors
from phistar.components.reports.base import Section
from phistar.components.reports.baselines import floors, sample
from phistar.components.reports.near import near
from phistar.components.reports.page import examples, html
from phistar.components.reports.page.parts import Part

SHOWN_LABELS = 20
SHOWN_COLUMNS = 40
SAMPLED = 10**5  # rows of which missing values are counted
EXAMPLES = 10
CUT = 200  # tokens of a text
REACHED = "What valid costs without a network"
WEIGHTED = "Rows have weights: every mean and share of the metrics is weighted by them."
GUESSES = {"uniform": "guessing evenly", "prior": "the shares of train"}


def parts(data, found):
    """Facts about the data.

    Args:
        data: Dataset.
        found: Duplicates.

    Returns:
        list of Part.
    """
    named, notices = data.kind.gives == NAMES, data.source["notices"]
    known = [rows(data, found, near(data))]
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


def indicators(columns):
    """Place, in an encoded row, of what tells that a column is missing.

    Args:
        columns: of the encoder; see components/data/encoders/columns.py.

    Returns:
        dict of name -> int, of the columns that lack values in train.
    """
    numeric = [c for c in columns if c["kind"] == "numeric"]
    lacking = [c["name"] for c in numeric if c["missing"]]
    place = {name: len(numeric) + i for i, name in enumerate(lacking)}
    start = len(numeric) + len(lacking)
    for column in columns:
        if column["kind"] == "categorical":
            if "" in column["values"]:
                # the first place is that of values never seen
                place[column["name"]] = start + 1 + column["values"].index("")
            start += 1 + len(column["values"])
        elif column["kind"] == "hashed":
            start += column["places"]
    return place


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


def drawn(data, encoder):
    """Ten examples of train, always the same ones.

    Args:
        data: Dataset.
        encoder: of the raw inputs.

    Returns:
        Section.
    """
    inputs, labels = data.split("train")
    rows = np.random.default_rng(0).permutation(len(labels))[:EXAMPLES]
    if data.kind.gives == NAMES:
        names, read = data.space.names, np.asarray(inputs[np.sort(rows)])
        index = data.space.index(np.asarray(labels)[np.sort(rows)])
        text = html.Markup("<div><b>{}</b></div>")
        raw = decoded(data.description["inputs"], read)
        listed = [
            (text.format(names[label]), examples.shown(raw, row))
            for row, label in enumerate(index)
        ]
        pictures = examples.are_pictures(raw)
        return Section("Examples of train", examples.gallery(listed, pictures))
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
        for row in rows.tolist()
    ]
    return Section("Examples of train", examples.gallery(listed))


def beginning(tokens, encoder):
    """The first tokens of a text, decoded.  int [n] -> str"""
    return encoder.decode(tokens[:CUT]) + (" …" if len(tokens) > CUT else "")


def decoded(inputs, rows):
    """Encoded rows of columns as they were in the data, about; others as they are.

    Args:
        inputs: of dataset.json.
        rows: array [n, ...].

    Returns:
        dict of name -> array [n]; or `rows`.
    """
    known = inputs["encoder"].get("columns")
    if not known:
        return rows
    lacking, found = indicators(known), {}
    numeric = [c for c in known if c["kind"] == "numeric"]
    start = len(numeric) + sum(c["missing"] for c in numeric)
    for place, column in enumerate(numeric):
        values = rows[:, place] * column["variance"] ** 0.5 + column["mean"]
        if column["missing"]:
            values = np.where(rows[:, lacking[column["name"]]] > 0, np.nan, values)
        found[column["name"]] = values
    for column in known:
        if column["kind"] == "categorical":
            names = np.array(["", *column["values"]])
            width = len(names)
            chosen = rows[:, start : start + width].argmax(axis=1)
            found[column["name"]], start = names[chosen], start + width
        elif column["kind"] == "hashed":  # the values are not kept
            start += column["places"]
    return found
