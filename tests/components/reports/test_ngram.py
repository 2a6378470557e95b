from collections import Counter, defaultdict

import numpy as np
import pytest

from phistar.components.data.arrays import Ragged
from phistar.components.reports import ngram

V = 4


def ragged(rows):
    """Lists of tokens -> Ragged."""
    lengths = [len(row) for row in rows]
    tokens = np.concatenate([np.asarray(row, "uint8") for row in rows])
    return Ragged(tokens, np.cumsum([0, *lengths]))


def texts(seed, count):
    """Texts in which a 1 is followed by a 2, and any token by EOS with P = 0.1."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(count):
        row = [int(rng.integers(1, V))]
        while row[-1]:
            row.append(0 if rng.random() < 0.1 else int(rng.integers(1, V)))
            if row[-2] == 1 and row[-1]:
                row[-1] = 2
        rows.append(row)
    return ragged(rows)


def by_hand(train, order):
    """Chen and Goodman's formula, with dictionaries.  -> function(history, w) -> P."""
    sequences = []
    for row in range(len(train)):
        padded = [0] * order + train[row].tolist()
        sequences += [
            tuple(padded[i - order : i]) for i in range(order + 1, len(padded) + 1)
        ]
    counts = {order: Counter(sequences)}
    for n in range(order - 1, 0, -1):
        types = {gram[-n - 1 :] for gram in sequences}
        counts[n] = Counter(gram[1:] for gram in types)
    tables = {}
    for n, table in counts.items():
        after = defaultdict(dict)
        for gram, count in table.items():
            after[gram[:-1]][gram[-1]] = count
        of = Counter(table.values())
        tables[n] = after, of[1] / (of[1] + 2 * of[2]) if of[1] else 0.5

    def probability(history, w, n=order):
        if n == 0:
            return 1 / V
        after, discount = tables[n]
        seen = after.get(tuple(history[len(history) - n + 1 :]))
        lower = probability(history, w, n - 1)
        if seen is None:
            return lower
        counted = max(seen.get(w, 0) - discount, 0) if w in seen else 0
        return (counted + discount * len(seen) * lower) / sum(seen.values())

    return probability


@pytest.mark.parametrize("order", [1, 2, 3])
def test_log_prob_is_kneser_and_neys(order, monkeypatch):
    monkeypatch.setattr(ngram, "MAX_ORDER", order)
    train, valid = texts(0, 60), texts(1, 10)
    model = ngram.fit(train, train, V)  # which the highest order suits best
    assert model.order == order
    expected = by_hand(train, order)
    measured = iter(model.log_prob(valid))
    for row in range(len(valid)):
        history = [0] * 3
        for w in valid[row].tolist():
            assert np.exp(next(measured)) == pytest.approx(expected(history, w))
            history.append(w)


def test_probabilities_sum_to_one_after_seen_and_unseen_contexts():
    model = ngram.fit(texts(0, 60), texts(1, 30), V)
    rng = np.random.default_rng(2)
    for length in range(6):
        history = rng.integers(1, V, length).tolist()
        rows = ragged([[*history, w] for w in range(V)])
        last = np.exp(model.log_prob(rows)[rows.offsets[1:] - 1])
        assert last.sum() == pytest.approx(1)


def test_order_is_the_one_that_suits_valid():
    # a token says all that can be known of the next one
    assert ngram.fit(texts(0, 2000), texts(1, 500), V).order == 2


def test_what_stands_before_a_text_does_not_matter():
    model = ngram.fit(texts(0, 60), texts(1, 30), V)
    alone = model.log_prob(ragged([[2, 3, 0]]))
    behind = model.log_prob(ragged([[1, 1, 0], [2, 3, 0]]))[3:]
    assert np.array_equal(alone, behind)


def test_a_large_vocabulary_has_an_order_whose_keys_are_integers():
    train = ragged([[5, 6, 7, 8, 9, 0]] * 50)
    model = ngram.fit(train, train, 2**20)
    assert model.order <= 3
    assert np.all(np.isfinite(model.log_prob(train)))
