"""Law: the contract counts test as an independent count does, and P is beside ln P."""

import numpy as np
import pytest

from phistar.components.data.encoders.columns import Columns

REPLACEMENT = "\ufffd"


def test_probs_are_those_of_log_probs(label_case):
    probs, log_probs = (label_case.predicted[name] for name in ("probs", "log_probs"))
    np.testing.assert_allclose(probs, np.exp(log_probs), rtol=1e-5)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_entropy_of_test_is_that_of_the_served_distribution(label_case):
    probs = label_case.predicted["probs"].astype("float64")
    entropy = -(probs * np.log(np.maximum(probs, 1e-300))).sum(axis=1).mean()
    assert label_case.metrics["test_entropy"] == pytest.approx(entropy, abs=1e-4)


def test_nats_of_the_translations_of_test_are_those_served(pair_case):
    source = pair_case.pairs["source"]
    answer = pair_case.ask("serving_default", source=source)
    nats = -answer["log_prob"].sum() / answer["lengths"].sum()
    assert pair_case.metrics["test_translation_nll"] == pytest.approx(nats, abs=1e-3)


def test_counts_of_columns_are_those_of_the_encoded_rows(column_case):
    data, encoder = column_case.data, column_case.encoder
    assert isinstance(encoder, Columns)
    # standardised numbers come first; they rise with the numbers themselves
    numeric = len(encoder.numeric)
    train, test = (np.array(data.split(name)[0]) for name in ("train", "test"))
    raw = data.raw()
    present = [~np.isnan(raw[c["name"]].astype("float32")) for c in encoder.numeric]
    given = column_case.contract["inputs"]["test"]
    if numeric:
        low, high = train.min(axis=0)[:numeric], train.max(axis=0)[:numeric]
        beyond = (test[:, :numeric] < low) | (test[:, :numeric] > high)
        counts = {"checked": int(np.sum(present)), "outside": int(beyond.sum())}
        assert given["numbers"] == counts
    if encoder.categorical:
        # the first place of each is that of values that train did not have
        sizes = [len(c["values"]) + 1 for c in encoder.categorical]
        ends = test.shape[1] - sum(sizes) + np.cumsum([0, *sizes[:-1]])
        unseen = int(test[:, ends].sum())
        checked = len(test) * len(sizes)
        assert given["categories"] == {"checked": checked, "outside": unseen}
    parts = {"numbers": encoder.numeric, "categories": encoder.categorical}
    assert given.keys() == {name for name, columns in parts.items() if columns}


def test_counts_of_texts_are_those_of_the_decoded_tokens(sequence_case):
    raw, encoder = sequence_case.data.raw(), sequence_case.encoder
    side = raw[0] if isinstance(raw, tuple) else raw  # of a translation, the sources
    texts = [side[row].tobytes() for row in range(len(side))]
    read = "".join(encoder.decode(encoder.encode(text)) for text in texts)
    counts = {"checked": len(read), "outside": read.count(REPLACEMENT)}
    assert sequence_case.contract["inputs"]["test"] == {"characters": counts}


def test_nothing_is_counted_of_images(image_case):
    assert image_case.contract["inputs"] == {"seen": {}, "test": {}, "reading": None}
