"""The laws that only a translation has: a search, its scores, and what it is worth.

Those of every task are in the other files.
"""

import html
import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.decoding.search import search as beam_search
from phistar.components.reports.translation import Found, not_canonical
from tests.helpers.answers import answers, ask, same
from tests.helpers.cases import DRAWN
from tests.helpers.commands import here
from tests.helpers.distribution import assert_frequencies
from tests.helpers.saved_models import assert_refused, with_one_bad_row

NOTHING = -1e30  # log_prob and score where there is no text
SEARCHES = [(1, 0.0), (1, 1.0), (2, 0.6), (4, 0.0), (4, 1.0), (4, 5.0), (16, 0.6)]
LIMIT = 4  # tokens of the longest text that is enumerated


def kept(answer, row):
    """The tokens of a row, those after the end left out."""
    return answer["tokens"][row, : answer["lengths"][row]].tolist()


def divisor(lengths, length_penalty):
    """Divisor of ln P, by which texts of some lengths are ranked."""
    return ((5 + np.asarray(lengths)) / 6) ** length_penalty


def search(case, inputs, beam_size, length_penalty, max_length=40):
    """Ask `predict`, with the same knobs for all rows."""
    knobs = {"beam_size": beam_size, "length_penalty": length_penalty}
    return case.ask("predict", **inputs, **knobs, max_length=max_length)


@pytest.mark.parametrize(("beam_size", "length_penalty"), SEARCHES)
def test_log_prob_and_score_are_those_of_the_tokens(
    pair_case, beam_size, length_penalty
):
    request = pair_case.request()
    answer = search(pair_case, request, beam_size, length_penalty)
    log_prob = pair_case.score(request, answer)
    np.testing.assert_allclose(answer["log_prob"], log_prob, atol=1e-4)
    score = log_prob / divisor(answer["lengths"], length_penalty)
    np.testing.assert_allclose(answer["score"], score, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_log_prob_of_what_was_drawn_is_that_of_its_tokens(pair_case, temperature):
    request = pair_case.request()
    seeds = np.arange(len(request["source"]))
    answer = pair_case.draw(request, seed=seeds, temperature=temperature)
    log_prob = pair_case.score(request, answer)
    np.testing.assert_allclose(answer["log_prob"], log_prob, atol=1e-4)


def test_log_prob_of_the_longest_text_is_that_of_its_tokens(pair_case):
    request = pair_case.request(slice(0, 2))
    drawn = pair_case.draw(request, max_length=1024)
    for answer in (search(pair_case, request, 2, 1.0, max_length=1024), drawn):
        log_prob = pair_case.score(request, answer)
        np.testing.assert_allclose(answer["log_prob"], log_prob, rtol=1e-6, atol=1e-4)


def test_texts_are_the_n_best_in_order(pair_case):
    request, beams = pair_case.request(slice(0, 12)), 1 + np.arange(12) % 4
    answer = search(pair_case, request, beams, 1.0, max_length=60)
    assert answer["texts"].shape == answer["scores"].shape == (12, 4)
    for name, names in (("text", "texts"), ("log_prob", "log_probs")):
        np.testing.assert_array_equal(answer[name], answer[names][:, 0])
    np.testing.assert_array_equal(answer["score"], answer["scores"][:, 0])
    for row, beam_size in enumerate(beams):
        there = answer["log_probs"][row] > NOTHING
        assert not there[beam_size:].any() and there[0]
        assert (answer["texts"][row, ~there] == b"").all()
        assert (answer["scores"][row, ~there] == NOTHING).all()


def test_predict_with_a_beam_of_one_is_greedy_whatever_ranks(pair_case):
    request = pair_case.request(slice(0, 6))
    answer = search(pair_case, request, 1, 3.0)
    for row, source in enumerate(request["source"]):
        tokens = []
        while len(tokens) < 40 and 0 not in tokens:
            following = pair_case.by_token([tokens], source)["next_log_probs"]
            tokens.append(int(following[0].argmax()))
        assert kept(answer, row) == tokens
        assert answer["truncated"][row] == (0 not in tokens)


def test_one_row_keeps_its_answer_whatever_the_others_ask(pair_case):
    # wider beams and longer texts beside it make all tensors larger
    request = pair_case.request(slice(0, 3))
    alone = search(pair_case, request, 2, 1.0, max_length=9)
    beside = {"source": np.repeat(request["source"], 2)}
    many = search(pair_case, beside, [2, 9] * 3, [1.0, 0.0] * 3, [9, 30] * 3)
    for name, values in alone.items():
        found = many[name][::2]
        if values.ndim == 2:
            found = found[:, : values.shape[1]]
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, found, rtol=1e-6, atol=1e-5)
        else:
            np.testing.assert_array_equal(values, found, name)


def every_text(case):
    """Token rows of at most LIMIT labels: those that end, those that do not yet.

    Returns:
        (list, list) of lists of int.
    """
    vocabulary = range(1, len(case.names))
    ended = [
        [*row, 0]
        for length in range(LIMIT)
        for row in itertools.product(vocabulary, repeat=length)
    ]
    return ended, [list(row) for row in itertools.product(vocabulary, repeat=LIMIT)]


@pytest.mark.parametrize("source", [b"", b"a", b"babab", b"a?b" * 9])
def test_every_sequence_and_what_has_not_ended_sum_to_one(toy_pairs, source):
    assert len(toy_pairs.names) <= 4
    total, not_ended = (
        np.exp(toy_pairs.by_token(rows, source)["log_prob"]).sum()
        for rows in every_text(toy_pairs)
    )
    assert 1e-3 < not_ended < 0.999
    assert abs(total + not_ended - 1) < 1e-5


def ranked(case, source, limit, length_penalty):
    """Texts of at most `limit` tokens, the best first.

    Returns:
        (list of lists of int, float [texts], their scores).
    """
    ended = [row for row in every_text(case)[0] if len(row) <= limit]
    log_prob = case.by_token(ended, source)["log_prob"]
    score = log_prob / divisor([len(row) for row in ended], length_penalty)
    order = np.argsort(-score)
    return [ended[number] for number in order], score[order]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 3.0])
def test_predict_of_full_width_finds_all_texts_in_order(toy_pairs, length_penalty):
    # 3 that have ended and 9 that go on: a beam of 16 is wider than all there is
    for source in (b"", b"ab", b"bbbb"):
        texts, score = ranked(toy_pairs, source, 2, length_penalty)
        answer = search(toy_pairs, {"source": [source]}, 16, length_penalty, 2)
        assert kept(answer, 0) == texts[0]
        found = answer["scores"][0, : len(score)]
        np.testing.assert_allclose(found, score, atol=1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 3.0])
def test_search_of_full_width_finds_the_best_of_all_texts(toy_pairs, length_penalty):
    best, network = set(), toy_pairs.network()
    for source in (b"", b"a", b"ab", b"babab", b"bbbb"):
        texts, score = ranked(toy_pairs, source, LIMIT, length_penalty)
        found = beam_search(
            network,
            toy_pairs.text.encode(source)[None],
            num_slots=128,  # more than the server allows: 27 have ended, 81 go on
            size=LIMIT,
            beam_size=tf.constant([128]),
            max_length=tf.constant([LIMIT]),
            length_penalty=tf.constant([length_penalty]),
        )
        length = int(found.lengths[0, 0])
        assert found.tokens[0, 0, :length].numpy().tolist() == texts[0]
        every = found.score[0, : len(score)].numpy()
        np.testing.assert_allclose(every, score, atol=1e-5)
        best.add(tuple(texts[0]))
    assert len(best) > 1  # the source says which


def test_sampled_texts_have_the_frequencies_of_p(toy_pairs):
    draws, source = 4000, b"babab"
    ended, cut = every_text(toy_pairs)
    place = {tuple(row): number for number, row in enumerate([*ended, *cut])}
    answer = toy_pairs.draw(
        {"source": [source] * draws}, seed=np.arange(draws) + 5, max_length=LIMIT
    )
    drawn = [place[tuple(kept(answer, row))] for row in range(draws)]
    p = np.exp(toy_pairs.by_token([*ended, *cut], source)["log_prob"])
    assert_frequencies(np.array(drawn), p / p.sum())
    np.testing.assert_allclose(answer["log_prob"], np.log(p)[drawn], atol=1e-4)


@pytest.mark.parametrize("signature", ["predict", "sample"])
def test_source_longer_than_max_length_is_cut_and_flagged(pair_case, signature):
    most, text = pair_case.contract["max_length"], pair_case.text
    word = b"b" if pair_case.name == "toy_pairs" else b"x"  # a token each, pieces too
    sizes = [most - 1, most, most + 5]
    sources = [b"a" + word * (size - 1) for size in sizes]
    lengths = [len(text.encode(source)) for source in sources]
    assert lengths[1] > most
    limits = pair_case.limits(signature)
    ask = pair_case.draw if signature == "sample" else search_greedily(pair_case)
    answer = ask({"source": sources}, **limits)
    assert answer["source_truncated"].tolist() == [n > most for n in lengths]
    # what is cut is not read
    np.testing.assert_array_equal(answer["tokens"][1], answer["tokens"][2])
    scored = pair_case.by_token([[1, 0]] * 2, sources[1:])["log_prob"]
    # not exactly: some processors round two rows of one product differently
    assert scored[0] == pytest.approx(scored[1], abs=1e-5)


def search_greedily(case):
    """`predict` of a case."""
    return lambda inputs, **knobs: case.ask("predict", **inputs, **knobs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("beam_size", 0, "beam_size must be in [1, 16]"),
        ("beam_size", 17, "beam_size must be in [1, 16]"),
        ("length_penalty", -1.0, "length_penalty must be in [0, 5.0]"),
        ("length_penalty", 6.0, "length_penalty must be in [0, 5.0]"),
        ("length_penalty", np.nan, "length_penalty must be in [0, 5.0]"),
    ],
)
def test_knob_of_predict_out_of_its_range(pair_case, name, value, message):
    inputs = with_one_bad_row(pair_case, "predict", name, value)
    received = f"{message}. Received:] [{value:g}]"
    assert_refused(pair_case, "predict", inputs, received)


def written(case, name):
    """The lines of a file of the report."""
    return (case.folders.report / f"{name}.txt").read_text("utf-8").split("\n")[:-1]


def test_written_lines_are_what_the_search_answers(pair_case):
    default = pair_case.ask("serving_default", source=pair_case.pairs["source"])
    assert written(pair_case, "translations") == [
        " ".join(text.decode().splitlines()) for text in default["text"]
    ]
    for name, side in (("sources", "source"), ("references", "text")):
        lines = [" ".join(text.decode().splitlines()) for text in pair_case.pairs[side]]
        assert written(pair_case, name) == lines
    ended, metrics = ~default["truncated"], pair_case.metrics
    assert metrics["test_truncated"] == pytest.approx(1 - ended.mean())
    differs = [
        pair_case.text.encode(text).tolist() != kept(default, row)
        for row, text in enumerate(default["text"])
    ]
    expected = np.array(differs)[ended].mean() if ended.any() else 0
    assert metrics["test_not_canonical"] == pytest.approx(expected)


def test_not_canonical_counts_texts_whose_own_tokens_are_others(make_case):
    text = make_case("lines_pieces").text
    whole = text.encode(b"bim bam")
    # a byte of each letter: a way to say the same that no text is cut into
    letters = np.array([text.names.index(f"<0x{b:02X}>") for b in b"bim"])
    bytewise = np.append(letters, 0)
    found = [
        Found(np.append(whole, [0, 0]), len(whole), -1.0, True, 1.0),
        Found(bytewise, len(bytewise), -1.0, True, 1.0),
        Found(bytewise[:3], 3, -1.0, False, 1.0),  # cut: of those nothing is said
    ]
    texts = [text.decode(one.tokens[: one.length]) for one in found]
    assert texts == ["bim bam", "bim", "bim"]
    assert not_canonical(text, texts, found) == 0.5
    assert not_canonical(text, texts[2:], found[2:]) == 0


def test_bleu_and_chrf_are_those_of_the_command_line(pair_case):
    case, folder = pair_case, pair_case.folders.report
    page = (folder / "report.html").read_text("utf-8")

    def command(file, *words):
        program = [sys.executable, "-m", "sacrebleu", "references.txt", "-i", file]
        done = subprocess.run(
            [*program, *words], cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    for metric, name in (("bleu", "BLEU"), ("chrf", "chrF2")):
        score = command("translations.txt", "-m", metric, "-w", "10", "-b")
        assert f"{case.metrics[f'test_{metric}']:.10f}" == score
        stated = command("translations.txt", "-m", metric, "-f", "text")
        signature = stated.partition(" = ")[0].partition("|")[2]
        assert f"sacreBLEU signature: {signature}<" in page and stated.startswith(name)
    copied = command("sources.txt", "-m", "bleu", "-w", "10", "-b")
    assert f"{case.metrics['test_bleu_copy']:.10f}" == copied


PAIR = re.compile(
    r"<b>([\d.]+)</b> <small>nats a token of the reference · pair (\d+)</small></div>"
    r"<small>source</small>(.*?)<small>reference</small>(.*?)"
    r"<small>translation, ln P (-?[\d.]+)</small>(.*?)</div></div>",
    re.S,
)


def test_report_shows_pairs_with_what_they_cost(pair_case):
    case, labels = pair_case, pair_case.data.split("test")[1]
    page = (case.folders.report / "report.html").read_text("utf-8")
    worst, chosen = page.split("<h2>Worst pairs")[1].split("<h2>Random pairs")
    sources, references, translations = (
        (case.folders.report / f"{name}.txt").read_text("utf-8").splitlines()
        for name in ("sources", "references", "translations")
    )

    def plain(shown):
        return html.unescape(re.sub("<[^>]*>", "", shown)).strip()

    for part, most in ((worst, 20), (chosen, 8)):
        found = PAIR.findall(part)
        assert len(found) == min(most, len(labels))
        for cost, row, source, reference, _, translation in found:
            row = int(row)
            expected = case.test_nll[row] / labels.lengths[row]
            assert float(cost) == pytest.approx(expected, abs=6e-4)
            assert plain(source) == sources[row].strip()
            assert plain(translation) == translations[row].strip()
            said = plain(reference).removesuffix("∎")
            assert said.split() == references[row].split()
    costs = [float(one[0]) for one in PAIR.findall(worst)]
    expected = np.sort(case.test_nll / labels.lengths)[::-1][: len(costs)]
    np.testing.assert_allclose(costs, expected, atol=6e-4)
    for name in ("beam_size", "length_penalty"):
        assert f"{name} {case.contract['serving_default'][name]:g}" in page


def test_report_has_its_figures(make_case):
    for name in ("by_length", "attention", "learning_curves"):
        path = make_case(DRAWN).folders.report / "figures" / f"{name}.png"
        with Image.open(path) as figure:
            assert min(figure.size) > 400
        assert path.with_suffix(".svg").read_bytes().startswith(b"<?xml")


def test_attention_to_the_source_sums_to_one_and_skips_padding(pair_case):
    sources, targets = pair_case.data.split("test")
    rows = [int(sources.lengths.argmin()), int(sources.lengths.argmax())]
    width = sources.lengths[rows].max()
    source = np.zeros((2, width), "int32")
    for line, row in zip(source, rows, strict=True):
        line[: sources.lengths[row]] = sources[row]
    read = np.append(0, targets[rows[0]][:-1]).astype("int32")
    features = pair_case.network().features
    shares = features.attention(tf.constant(source), tf.constant([read, read])).numpy()
    assert shares.shape == (2, len(read), width)
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-5)
    assert (shares[0, :, sources.lengths[rows[0]] :] == 0).all()
    assert (shares[1] > 0).all()


@pytest.mark.parametrize(
    ("signature", "knobs"),
    [
        ("predict", {"beam_size": 3, "length_penalty": 1.5, "max_length": 20}),
        ("log_prob", {}),
        ("sample", {"max_length": 20, "temperature": 0.7}),
    ],
)
def test_command_asks_the_export_for_each_line(pair_case, signature, knobs, tmp_path):
    specs = pair_case.signatures[signature].structured_input_signature[1]
    rows = pair_case.encoder.request(pair_case.data.raw(), range(5))
    rows = {name: rows[name] for name in rows if name in specs}
    lines = [b"\t".join(fields) for fields in zip(*rows.values(), strict=True)]
    (tmp_path / "lines.txt").write_bytes(b"".join(line + b"\n" for line in lines))
    typed = ["--signature", signature, "--batch-size", 2]
    for name, value in knobs.items():
        typed += ["--" + name.replace("_", "-"), value]
    words = ("predict", pair_case.saved_model, tmp_path / "lines.txt", *typed)
    ours = answers(here(*words, root=tmp_path, json=False))
    if signature == "sample":
        cut = {"top_p": 1.0, "top_k": len(pair_case.names)}
        knobs = knobs | cut | {"seed": np.arange(5)}
    for name, value in knobs.items():
        rows[name] = np.full(5, value, specs[name].dtype.as_numpy_dtype)
    same(ours, ask(pair_case.saved_model, signature, **rows))
    assert [one["line"] for one in ours] == [1, 2, 3, 4, 5]
    if signature != "log_prob":  # what is cut at its length, and is stated beside it
        assert all(len(one["tokens"]) == one["lengths"] for one in ours)
