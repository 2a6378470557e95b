import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from phistar.components.reports import bleu_counts

TEXTS = ["the cat sat on the mat", "a dog", "", "press the key twice to close it"] * 5
REFERENCES = ["the cat is on the mat", "a dog ran", "nothing", "press it twice"] * 5


@pytest.mark.parametrize("rows", [range(20), range(4), [1]])
def test_score_of_summed_counts_is_that_of_the_corpus(rows):
    texts, references = ([side[row] for row in rows] for side in (TEXTS, REFERENCES))
    counts = bleu_counts.statistics(texts, references).sum(axis=0)
    expected = BLEU().corpus_score(texts, [references]).score
    assert bleu_counts.score(counts) == pytest.approx(expected)


def test_interval_holds_the_score_and_is_the_same_again():
    of_rows = bleu_counts.of_rows(TEXTS, REFERENCES)
    score, low, high = of_rows(np.arange(20))
    assert low < score < high
    assert (score, low, high) == of_rows(np.arange(20))


def test_interval_of_equal_pairs_is_a_point():
    score, low, high = bleu_counts.of_rows(TEXTS[:1] * 9, REFERENCES[:1] * 9)(range(9))
    assert low == pytest.approx(score) and high == pytest.approx(score)
