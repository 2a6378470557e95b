"""Files of the data card: written by ingest, read by evaluate and by the terminal.

    card/data_card.html   the page
    card/parts.json       its tables, for the terminal and for the report of a run
    card/duplicates.json  equal inputs; in_train.npy and in_valid.npy have a row's own
    card/linear.json      logistic regression; linear_nll.npy and linear_correct.npy

Each .npy has one value for each row of test. What they say of the data does not depend
on a network, so it is found once.
"""

from pathlib import Path

import numpy as np

from phistar.components.artifacts import read_json, write_json
from phistar.components.labels import NAMES
from phistar.components.reports import baselines, data_card, duplicates
from phistar.components.reports.base import Baseline
from phistar.components.reports.near import near
from phistar.components.reports.page import html
from phistar.components.reports.page.parts import Part, shown

FOLDER, PAGE = "card", "data_card.html"
OF_ROWS, OF_ALL = ("nll", "correct"), ("name", "reads", "note")  # of a Baseline


def write(data, encoder, notices, origin):
    """Write the card of a new Dataset.

    Args:
        data: Dataset, complete but for the card.
        encoder: of its inputs.
        notices: list of Notice, what reading dropped or changed.
        origin: of the data, for a reader.

    Returns:
        Path of the page, relative to the Dataset's folder.
    """
    folder = data.folder / FOLDER
    folder.mkdir()
    found = duplicates.duplicates(data)
    duplicates.save(found, folder)
    known = data_card.parts(data, found, near(data), notices)
    scored = linear(data) if data.kind.gives == NAMES else []
    if scored:
        save(scored[1], folder)
    known.append(data_card.reached(data, scored[:1]))
    write_json(folder / "parts.json", known)
    of_examples = data_card.drawn(data, encoder)
    sections = [
        html.Markup("<h1>{}</h1>").format(data.description["name"]),
        html.paragraph(origin),
        html.section("The data", *map(shown, known)),
        html.section(of_examples.title, of_examples.body),
    ]
    page = html.document(f"{data.description['name']}: the data", sections)
    (folder / PAGE).write_text(page, "utf-8")
    return Path(FOLDER, PAGE)


def linear(data):
    """Logistic regression, fitted to train, on valid and on test.

    Args:
        data: Dataset whose labels are names.

    Returns:
        list of two Baseline; none if the rows that can be read are too few.
    """

    def both(split):
        inputs, labels = data.split(split)
        return inputs, data.space.index(np.asarray(labels))

    train, *others = map(both, ("train", "valid", "test"))
    counts, weights = data.description["train_counts"], data.weights("train")
    return baselines.logistic_regression(train, others, counts, weights)


def save(baseline, folder):
    """Write a Baseline, of test, into a folder, a Path."""
    for name in OF_ROWS:
        np.save(folder / f"linear_{name}.npy", getattr(baseline, name))
    write_json(folder / "linear.json", {n: getattr(baseline, n) for n in OF_ALL})


def linear_baseline(data):
    """Logistic regression on test.  Dataset -> list of Baseline, one or none"""
    folder = data.folder / FOLDER
    if not (folder / "linear.json").exists():
        return []
    rows = {name: np.load(folder / f"linear_{name}.npy") for name in OF_ROWS}
    return [Baseline(**rows, **read_json(folder / "linear.json"))]


def parts(folder):
    """The card's tables.  Path of a Dataset -> list of Part"""
    return [Part(*part) for part in read_json(Path(folder) / FOLDER / "parts.json")]
