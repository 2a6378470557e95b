"""kjv_quick, from data to SavedModel: it beats counting, and its P is real.

The laws of tests/contract/ on a trained recipe and real chapters.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.artifacts import Dataset, make_encoder
from tests.helpers import coder
from tests.helpers.commands import here

pytestmark = pytest.mark.slow


class Run:
    """The recipe's results.

    Args:
        done: Done of `phistar run kjv_quick --json`.
    """

    def __init__(self, done):
        folder = {n: Path(s["path"]) for n, s in done.answer["stages"].items()}
        self.data = Dataset.load(str(folder["ingest"]))
        self.encoder = make_encoder(self.data)
        self.metrics = json.loads((folder["evaluate"] / "metrics.json").read_text())
        saved_model = tf.saved_model.load(str(folder["export"] / "saved_model"))
        self.signatures = saved_model.signatures

    def following(self, known):
        """ln P of what comes after beginnings of texts.  -> float [rows, V]."""
        prompts = [self.encoder.decode(tokens).encode() for tokens in known]
        size = len(known)
        answer = self.signatures["log_prob_tokens"](
            prompt=tf.constant(prompts),
            tokens=tf.zeros([size, 0], tf.int32),
            lengths=tf.zeros([size], tf.int32),
        )
        return answer["next_log_probs"].numpy()

    def chapters(self, num_bytes):
        """The shortest chapters of test that have as many bytes together."""
        texts = self.data.split("test")[1]
        rows, total = [], 0
        for row in np.argsort(texts.lengths, kind="stable"):
            rows.append(texts[int(row)].tolist())
            total += len(self.encoder.decode(rows[-1]).encode())
            if total >= num_bytes:
                return rows
        raise AssertionError(f"test has {total} bytes only")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    done = here("run", "kjv_quick", root=tmp_path_factory.mktemp("kjv"))
    assert done.status == 0, done.stderr
    return Run(done)


def test_it_is_better_than_an_ngram_model_and_xz(run):
    metrics = run.metrics
    assert metrics["test_nll"] < metrics["test_nll_ngram"] < metrics["test_nll_prior"]
    assert metrics["test_bits_per_byte"] < metrics["test_xz_bits_per_byte"]


def test_probabilities_of_the_next_token_sum_to_one_after_real_prefixes(run):
    texts, rng = run.data.split("test")[1], np.random.default_rng(0)
    rows = [texts[int(row)].tolist() for row in rng.integers(0, len(texts), 1000)]
    prefixes = [row[: rng.integers(0, len(row))] for row in rows]
    total = np.exp(run.following(prefixes).astype("float64")).sum(axis=-1)
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_coder_stores_chapters_in_nll_bits_and_gives_them_back(run):
    rows = run.chapters(20_000)
    code, num_bits = coder.encode(rows, run.following)
    assert coder.decode(code, num_bits, len(rows), run.following) == rows
    texts = [run.encoder.decode(row).encode() for row in rows]
    answer = run.signatures["log_prob"](
        prompt=tf.constant([b""] * len(rows)), text=tf.constant(texts)
    )
    bits = -answer["log_prob"].numpy().sum() / np.log(2)
    assert num_bits == pytest.approx(bits, rel=1e-3)
