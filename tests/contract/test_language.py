"""The laws that only a language model has: a text is a prompt and what follows it.

Those of every task are in the other files.
"""

import html
import itertools
import lzma
import re

import numpy as np
import pytest

from tests.helpers.distribution import assert_frequencies

QUOTED = re.compile(
    r"<b>([\d.]+)</b> <small>nats a token · text (\d+), from token (\d+)</small></div>"
    r'<div class="text" dir="auto">(.*?)</div>',
    re.S,
)
PIECE = re.compile(r'<span title="([\d.]+)"[^>]*>(.*?)</span>', re.S)


def test_report_quotes_passages_with_what_they_cost(text_case):
    case = text_case
    labels = case.data.split("test")[1]
    by_token = -case.ask("log_prob", **case.examples())["token_log_probs"]
    page = (case.folders.report / "report.html").read_text("utf-8")
    worst, random = page.split("<h2>Worst passages")[1].split("<h2>Random passages")
    costs = []
    for part in (worst, random):
        found = QUOTED.findall(part)
        assert 4 <= len(found) <= 20
        for stated, row, start, text in found:
            tokens = labels[int(row)][int(start) :][:100]
            pieces = PIECE.findall(text)
            said = html.unescape("".join(piece for _, piece in pieces))
            # a piece of sentencepiece begins with a space, also the first one
            shown, whole = said.removesuffix("∎"), case.encoder.decode(tokens)
            assert shown.split() == whole.split()
            assert said.endswith("∎") == (tokens[-1] == 0)
            cost = by_token[int(row), int(start) :][: len(tokens)]
            assert float(stated) == pytest.approx(cost.mean(), abs=1e-3)
            total = sum(float(nats) for nats, _ in pieces)
            assert total == pytest.approx(cost.sum(), abs=1e-3 * len(tokens) + 1e-3)
        costs.append([float(line[0]) for line in found])
    assert costs[0] == sorted(costs[0], reverse=True)
    assert min(costs[0]) >= max(set(costs[1]) - set(costs[0]), default=0)
    assert page.count("<small>temperature ") == 6
    assert case.contract["protocol"] in page


def test_report_has_the_ngram_and_xz_beside_the_nll(text_case):
    metrics, encoder = text_case.metrics, text_case.encoder
    assert 0 < metrics["test_nll_ngram"] < metrics["test_nll_uniform"]
    assert metrics["ngram_order"] >= 1
    train, test = (
        b"".join(
            encoder.decode(texts[row]).encode() + b"\0" for row in range(len(texts))
        )
        for texts in (text_case.data.split(split)[1] for split in ("train", "test"))
    )
    more = len(lzma.compress(train + test, preset=9)) - len(
        lzma.compress(train, preset=9)
    )
    num_bytes = len(test) - test.count(b"\0")
    assert metrics["test_xz_bits_per_byte"] == pytest.approx(8 * more / num_bytes)


def test_prompt_and_text_are_a_text_cut_in_two(text_case):
    labels = text_case.data.split("test")[1]
    row = labels[int(labels.lengths.argmax())].tolist()
    whole = text_case.by_token([row])["token_log_probs"][0]
    for cut in (0, 1, 5, len(row) - 1):
        prompt = text_case.encoder.decode(row[:cut]).encode()
        answer = text_case.by_token([row[cut:]], prompt)
        np.testing.assert_allclose(answer["token_log_probs"][0], whole[cut:], atol=1e-5)


def kept(answer, row):
    """The tokens of a row, those after the end left out."""
    return answer["tokens"][row, : answer["lengths"][row]].tolist()


def test_sampled_text_ends_or_is_cut_as_is_said(text_case):
    inputs = {"prompt": [b"", b"la la bim bam\nlala dum"] * 32}
    limits = np.repeat([2, 40], 32)
    answer = text_case.draw(inputs, seed=np.arange(64), max_length=limits)
    assert answer["truncated"].any() and not answer["truncated"].all()
    for row, limit in enumerate(limits):
        tokens = kept(answer, row)
        assert answer["truncated"][row] == (tokens[-1] != 0)
        assert answer["truncated"][row] == (len(tokens) == limit and tokens[-1] != 0)
        assert answer["text"][row].decode() == text_case.encoder.decode(tokens)


def test_sampled_texts_have_the_frequencies_of_p(toy):
    draws, limit = 4000, 4
    inputs = {"prompt": [b""] * draws}
    answer = toy.draw(inputs, seed=np.arange(draws) + 5, max_length=limit)
    rows = [tuple(kept(answer, row)) for row in range(draws)]
    vocabulary = range(1, len(toy.names))
    ended = [
        (*row, 0)
        for n in range(limit)
        for row in itertools.product(vocabulary, repeat=n)
    ]
    cut = list(itertools.product(vocabulary, repeat=limit))
    place = {row: number for number, row in enumerate([*ended, *cut])}
    p = np.exp(toy.by_token([list(row) for row in place])["log_prob"])
    assert_frequencies(np.array([place[row] for row in rows]), p / p.sum())
