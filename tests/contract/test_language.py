"""The laws of texts, asked of exported language models.

One is trained for a moment on songs, one has a toy vocabulary and large random weights.
"""

import itertools
import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components import build, evaluate, export, ingest, train
from components.artifacts import (
    Dataset,
    get_weights,
    load_network,
    make_encoder,
    save_network,
    set_weights,
)
from tests import stages
from tests.components.conftest import song
from tests.distribution import assert_frequencies, truncated

SMALL = {"num_layers": 2, "num_heads": 2, "model_dim": 16, "mlp_dim": 32}
TRAIN = {"loss": "cross_entropy", "steps": 40, "eval_every": 20, "learning_rate": 0.01}
CASES = {  # name -> (texts, tokenizer, keys of build)
    "songs": ("songs", "characters", {"context": 16, "stride": 10}),
    "bytes": ("songs", "bytes", {"context": 12, "stride": 12}),
    "pieces": ("songs", "sentencepiece", {"context": 8, "stride": 5}),
    "toy": ("toy", "characters", {"context": 4, "stride": 2}),
}


@dataclass(frozen=True)
class Case:
    """One export, loaded."""

    folders: dict
    data: Dataset
    signatures: dict
    contract: dict

    def ask(self, signature, **inputs):
        """Call a signature.  dict of arrays -> dict of np.ndarray."""
        size = len(next(iter(inputs.values())))
        if "prompt" not in inputs:
            inputs["prompt"] = [b""] * size
        specs = self.signatures[signature].structured_input_signature[1]
        tensors = {}
        for name, values in inputs.items():
            if np.ndim(values) == 0:
                values = [values] * size
            tensors[name] = tf.constant(values, specs[name].dtype)
        answer = self.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in answer.items()}

    def score(self, rows, **inputs):
        """`log_prob_tokens` of rows of tokens of any length."""
        tokens = np.zeros((len(rows), max(map(len, rows), default=0)), "int32")
        for line, row in zip(tokens, rows, strict=True):
            line[: len(row)] = row
        lengths = [len(row) for row in rows]
        return self.ask("log_prob_tokens", tokens=tokens, lengths=lengths, **inputs)

    def draw(self, size, seed=0, **knobs):
        """`sample`, a knob being one number or one for each row."""
        defaults = {"temperature": 1.0, "top_k": 10**6, "top_p": 1.0, "max_length": 40}
        seed = np.broadcast_to(seed, size) if np.ndim(seed) else np.arange(size) + seed
        return self.ask("sample", seed=seed, **defaults | knobs)

    @property
    def encoder(self):
        return make_encoder(self.data)


def made(folder, name):
    """Run the five stages of a case."""
    texts, tokenizer, keys = CASES[name]
    task = {"name": "language", "tokenizer": tokenizer}
    task |= {"vocab_size": 275} if tokenizer == "sentencepiece" else {}
    rng = np.random.default_rng(0)
    lines = [song(rng) for _ in range(160)] if texts == "songs" else [b"a", b"b"] * 40
    if texts == "toy":  # three labels: EOS, a, U+FFFD; and b
        lines = [bytes(rng.choice([97, 98], n % 6).tolist()) for n in range(120)]
    (folder / "texts").mkdir()
    for number, line in enumerate(lines):
        (folder / "texts" / f"{number:03d}.txt").write_bytes(
            line + b"\r\n" * (number % 2)
        )
    source = {"source": "text", "path": str(folder / "texts")}
    dataset = stages.call(ingest, folder, task=task, **source)
    given = {"task": task, "dataset": dataset}
    untrained = stages.call(
        build, folder, **given, network="transformer_lm", **SMALL | keys
    )
    network = stages.call(train, folder, **given, network=untrained, **TRAIN)
    if texts == "toy":
        model, description = load_network(network)
        values = [rng.normal(0, 0.5, v.shape) for v in get_weights(model)]
        set_weights(model, values)
        save_network(network, model, description)
    report = stages.call(evaluate, folder, **given, network=network)
    exported = stages.call(export, folder, **given, network=network, report=report)
    saved_model = Path(exported) / "saved_model"
    return Case(
        {"report": Path(report), "network": Path(network), "export": saved_model},
        Dataset.load(dataset),
        tf.saved_model.load(str(saved_model)).signatures,
        json.loads((saved_model / "contract.json").read_text("utf-8")),
    )


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Name -> Case, each made once."""
    cases = {}

    def get(name):
        if name not in cases:
            cases[name] = made(tmp_path_factory.mktemp(name), name)
        return cases[name]

    return get


@pytest.fixture(params=CASES)
def case(request, make):
    return make(request.param)


@pytest.fixture
def toy(make):
    return make("toy")


@pytest.fixture
def songs(make):
    return make("songs")


def test_every_sequence_and_what_has_not_ended_sum_to_one(toy):
    vocabulary, limit = range(1, toy.data.space.size), 6  # beyond the context of 4
    assert toy.data.space.size <= 5
    total = 0.0
    for length in range(limit):
        rows = [[*row, 0] for row in itertools.product(vocabulary, repeat=length)]
        total += np.exp(toy.score(rows)["log_prob"]).sum()
    rows = [list(row) for row in itertools.product(vocabulary, repeat=limit)]
    not_ended = np.exp(toy.score(rows)["log_prob"]).sum()
    assert 1e-3 < not_ended < 0.999
    assert abs(total + not_ended - 1) < 1e-5


def test_next_tokens_sum_to_one_and_are_those_of_the_scores(case):
    rng = np.random.default_rng(0)
    labels = case.data.split("test")[1]
    texts = [labels[row].tolist() for row in rng.integers(0, len(labels), 200)]
    rows = [text[: rng.integers(0, len(text))] for text in texts]
    following = case.score(rows)["next_log_probs"]
    np.testing.assert_allclose(np.exp(following).sum(axis=-1), 1, atol=1e-5)
    for row, expected in list(zip(rows, following, strict=True))[:5]:
        size = case.data.space.size
        both = case.score([row, *([*row, w] for w in range(size))])["log_prob"]
        np.testing.assert_allclose(both[1:] - both[0], expected, atol=1e-4)


def test_log_prob_of_test_is_the_reported_nll(case):
    raw, labels = case.data.raw(), case.data.split("test")[1]
    texts = [raw[row].tobytes() for row in range(len(raw))]
    answer = case.ask("log_prob", text=texts)
    nll = np.load(case.folders["report"] / "test_nll.npy")
    np.testing.assert_allclose(answer["log_prob"], -nll, atol=1e-4)
    by_token = case.score([labels[row].tolist() for row in range(len(labels))])
    np.testing.assert_allclose(by_token["log_prob"], -nll, atol=1e-4)
    np.testing.assert_allclose(
        answer["token_log_probs"], by_token["token_log_probs"], atol=1e-5
    )
    metrics = json.loads((case.folders["report"] / "metrics.json").read_text())
    np.testing.assert_allclose(metrics["test_nll"], nll.sum() / labels.lengths.sum())
    assert labels.lengths.max() > case.contract["context"]  # windows were needed


QUOTED = re.compile(r"- ([\d.]+) \(text (\d+), from token (\d+)\) `(.*)`")


def test_report_quotes_passages_with_what_they_cost(case):
    labels, raw = case.data.split("test")[1], case.data.raw()
    texts = [raw[row].tobytes() for row in range(len(raw))]
    by_token = -case.ask("log_prob", text=texts)["token_log_probs"]
    page = (case.folders["report"] / "texts.md").read_text("utf-8")
    worst, random = page.split("## Worst")[1].split("## Random")
    for part in (worst, random):
        found = QUOTED.findall(part)
        assert 4 <= len(found) <= 8
        for stated, row, start, text in found:
            tokens = labels[int(row)][int(start) :][:100]
            assert case.encoder.decode(tokens) == json.loads(f'"{text}"')
            cost = by_token[int(row), int(start) :][: len(tokens)].mean()
            assert float(stated) == pytest.approx(cost, abs=1e-3)
    costs = [
        [float(line[0]) for line in QUOTED.findall(part)] for part in (worst, random)
    ]
    assert costs[0] == sorted(costs[0], reverse=True)
    assert min(costs[0]) >= max(set(costs[1]) - set(costs[0]), default=0)
    assert page.count("## Drawn at temperature") == 3
    assert case.contract["protocol"] in page


def test_report_has_the_ngram_and_xz_beside_the_nll(case):
    metrics = json.loads((case.folders["report"] / "metrics.json").read_text())
    assert 0 < metrics["test_nll_ngram"] < metrics["test_nll_uniform"]
    assert metrics["ngram_order"] >= 1
    encoder = case.encoder
    train, test = (
        b"".join(
            encoder.decode(texts[row]).encode() + b"\0" for row in range(len(texts))
        )
        for texts in (case.data.split(split)[1] for split in ("train", "test"))
    )
    more = len(lzma.compress(train + test, preset=9)) - len(
        lzma.compress(train, preset=9)
    )
    num_bytes = len(test) - test.count(b"\0")
    assert metrics["test_xz_bits_per_byte"] == pytest.approx(8 * more / num_bytes)


def test_prompt_and_text_are_a_text_cut_in_two(case):
    labels = case.data.split("test")[1]
    row = labels[int(labels.lengths.argmax())].tolist()
    whole = case.score([row])["token_log_probs"][0]
    for cut in (0, 1, 5, len(row) - 1):
        prompt = case.encoder.decode(row[:cut]).encode()
        answer = case.score([row[cut:]], prompt=[prompt])
        np.testing.assert_allclose(answer["token_log_probs"][0], whole[cut:], atol=1e-5)


@pytest.mark.parametrize("signature", ["log_prob", "sample", "predict"])
def test_row_alone_equals_the_row_in_a_mixed_batch(songs, signature):
    prompts = [b"", b"la", "dum dé bam\n".encode() * 6, b"x" * 40, b"\xff"]
    size = len(prompts)
    inputs = {
        "log_prob": {"text": [b"lala", b"", b"bim " * 20, b"\r\nbam", b"?"]},
        "predict": {"max_length": [3, 50, 1, 30, 20]},
        "sample": {
            "max_length": [40, 30, 50, 1, 20],
            "seed": [1, 2, 3, 4, 2**40],
            "temperature": [1.0, 0.5, 2.0, 1.0, 1.5],
            "top_k": [100, 3, 100, 1, 100],
            "top_p": [1.0, 1.0, 0.9, 1.0, 0.5],
        },
    }[signature]
    together = songs.ask(signature, prompt=prompts, **inputs)
    for row in range(size):
        one = {name: values[row : row + 1] for name, values in inputs.items()}
        alone = songs.ask(signature, prompt=prompts[row : row + 1], **one)
        for name, values in alone.items():
            expected = together[name][row]
            if np.ndim(expected):
                expected = expected[: values.shape[1]]
                assert not together[name][row][values.shape[1] :].any()
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values[0], expected, atol=1e-5)
            else:
                np.testing.assert_array_equal(values[0], expected)


def kept(answer, row):
    """The tokens of a row, those after the end left out."""
    return answer["tokens"][row, : answer["lengths"][row]].tolist()


@pytest.mark.parametrize("prompt", [b"", b"la la bim bam\nlala dum"])
def test_log_prob_of_a_sample_is_that_of_its_tokens(case, prompt):
    knobs = {"temperature": 1.3, "top_k": 4, "top_p": 0.9, "max_length": 60}
    answer = case.draw(32, prompt=[prompt] * 32, **knobs)
    rows = [kept(answer, row) for row in range(32)]
    scored = case.score(rows, prompt=[prompt] * 32)
    np.testing.assert_allclose(scored["log_prob"], answer["log_prob"], atol=1e-4)
    for row, tokens in enumerate(rows):
        assert answer["truncated"][row] == (tokens[-1] != 0)
        assert answer["truncated"][row] == (len(tokens) == 60 and tokens[-1] != 0)
        assert answer["text"][row].decode() == case.encoder.decode(tokens)


def test_predict_says_the_most_probable_token_each_time(case):
    answer = case.ask("predict", prompt=[b"", b"la"], max_length=30)
    for row, prompt in enumerate([b"", b"la"]):
        tokens = kept(answer, row)
        prefixes = [tokens[:n] for n in range(len(tokens))]
        scored = case.score(prefixes, prompt=[prompt] * len(prefixes))
        assert scored["next_log_probs"].argmax(axis=-1).tolist() == tokens
    default = case.ask("serving_default", prompt=[b"la"])
    length = case.contract["serving_default"]["max_length"]
    again = case.ask("predict", prompt=[b"la"], max_length=length)
    for name, values in default.items():
        np.testing.assert_array_equal(values, again[name])


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 10**6, 1.0), (0.6, 10**6, 1.0), (2.0, 3, 1.0), (1.0, 10**6, 0.8)],
)
def test_sample_frequencies_are_p(songs, temperature, top_k, top_p):
    prompt, draws = b"la bim bam\nlala d", 3000  # beyond the first window
    knobs = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    answer = songs.draw(draws, prompt=[prompt] * draws, max_length=1, **knobs)
    log_probs = songs.score([[]], prompt=[prompt])["next_log_probs"][0]
    expected = truncated(log_probs, temperature, top_k, top_p)
    assert_frequencies(answer["tokens"][:, 0], expected)


def test_sampled_texts_have_the_frequencies_of_p(toy):
    draws, limit = 4000, 4
    answer = toy.draw(draws, seed=5, max_length=limit)
    rows = [tuple(kept(answer, row)) for row in range(draws)]
    vocabulary = range(1, toy.data.space.size)
    ended = [
        (*row, 0)
        for n in range(limit)
        for row in itertools.product(vocabulary, repeat=n)
    ]
    cut = list(itertools.product(vocabulary, repeat=limit))
    place = {row: number for number, row in enumerate([*ended, *cut])}
    p = np.exp(toy.score([list(row) for row in place])["log_prob"])
    assert_frequencies(np.array([place[row] for row in rows]), p / p.sum())


def test_sample_is_a_function_of_the_seed(songs):
    first, again = (songs.draw(8, seed=3)["text"].tolist() for _ in range(2))
    assert first == again != songs.draw(8, seed=100)["text"].tolist()


NASTY = [
    b"",
    b" \t\n",
    "😀👩‍👧".encode(),
    "ዝሆን 東京".encode(),
    b"\xff\xfe\0\xc0\x80",
    b"\xef\xbb\xbfla",
    b"la la bim bam\n" * 75_000,
]


def test_nasty_texts_get_answers_of_the_usual_shape(songs):
    assert len(NASTY[-1]) > 1e6
    for text in NASTY:
        scored = songs.ask("log_prob", text=[text])
        assert np.isfinite(scored["log_prob"]).all() and scored["log_prob"][0] < 0
        tokens = songs.encoder.encode(text)
        assert scored["tokens"][0].tolist() == tokens.tolist()
        assert scored["token_log_probs"].shape == (1, len(tokens))
        made = songs.ask("predict", prompt=[text], max_length=8)
        assert made["tokens"].shape == (1, 8) and made["text"].shape == (1,)
        made["text"][0].decode()


def test_empty_batch_gets_an_empty_answer(case):
    answers = [
        case.ask("log_prob", prompt=[], text=[]),
        case.ask("predict", prompt=[], max_length=[]),
        case.draw(0, prompt=[], temperature=[], top_k=[], top_p=[], max_length=[]),
    ]
    for answer in answers:
        assert all(len(values) == 0 for values in answer.values())


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("temperature", 0.0),
        ("temperature", np.nan),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("max_length", 0),
        ("max_length", 4097),
    ],
)
def test_sample_refuses_a_knob_out_of_range(songs, knob, value):
    good = {"temperature": 1.0, "top_k": 2, "top_p": 1.0, "max_length": 2}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{knob} must be"):
        songs.draw(2, **good | {knob: [good[knob], value]})


@pytest.mark.parametrize(
    ("row", "length", "message"),
    [
        ([1, 99_999], 2, "tokens must be in"),
        ([1, -1], 2, "tokens must be in"),
        ([0, 1], 2, "EOS"),
        ([1, 1], 3, "lengths must be in"),
        ([1, 1], -1, "lengths must be in"),
    ],
)
def test_log_prob_tokens_refuses_what_is_no_text(songs, row, length, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        songs.ask("log_prob_tokens", tokens=[row], lengths=[length])


def test_contract_states_every_end_and_the_protocol(case):
    contract = case.contract
    assert contract["protocol"].startswith(f"windows of {contract['context']} tokens")
    assert set(contract["signatures"]) == set(case.signatures)
    pieces = contract["tokenizer"] == "sentencepiece"
    assert contract["op_libraries"] == ["tensorflow_text"] * pieces
    assert contract["kind"] == "text"
    for stated in contract["signatures"].values():
        for name, end in [*stated["inputs"].items(), *stated["outputs"].items()]:
            assert end["shape"][0] is None and end["meaning"].strip()
            assert ("nats" in end["meaning"]) == ("log_prob" in name)
