"""The data card as a page of its own, which `phistar ingest` ends with."""

import numpy as np

from phistar.components.artifacts import Dataset, make_encoder
from phistar.components.labels import NAMES
from phistar.components.reports import baselines, data_card
from phistar.components.reports.duplicates import duplicates
from phistar.components.reports.page import html
from phistar.components.reports.page.parts import shown


def data_page(folder):
    """The card of a Dataset.

    Args:
        folder: Path of the Dataset.

    Returns:
        (list of Part, for a terminal; str of HTML).
    """
    data = Dataset.load(folder)
    encoder = make_encoder(data)
    found = data_card.parts(data, duplicates(data), encoder)
    known = [*found, data_card.reached(data, linear(data))]
    of_examples = data_card.drawn(data, encoder)
    name = data.description["name"]
    sections = [
        html.Markup("<h1>{}</h1>").format(name),
        html.paragraph(data.source["origin"]),
        html.section("The data", *map(shown, known)),
        html.section(of_examples.title, of_examples.body),
    ]
    return [*known, *data_card.few(data, encoder)], html.document(
        f"{name}: the data", sections
    )


def linear(data):
    """Logistic regression, fitted to train and scored on valid.

    Args:
        data: Dataset.

    Returns:
        list of Baseline: one; none if labels are texts, or the rows that can be read
        are too few.
    """
    if data.kind.gives != NAMES:
        return []

    def both(split):
        inputs, labels = data.split(split)
        return inputs, data.space.index(np.asarray(labels))

    counts, weights = data.description["train_counts"], data.weights("train")
    given = both("train"), both("valid"), counts, weights
    return baselines.logistic_regression(*given)
