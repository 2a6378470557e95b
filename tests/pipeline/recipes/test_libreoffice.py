"""libreoffice_en_de_quick, from data to SavedModel: the laws on every sentence of test.

The laws of tests/contract/ on a trained recipe and real sentences.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401, the operations that the contract names

from phistar.components.artifacts import Dataset
from tests.helpers.commands import here

pytestmark = pytest.mark.slow
TOLERANCE = 1e-4  # nats
BATCH = 64


class Run:
    """The recipe's results.

    Args:
        done: Done of `phistar run libreoffice_en_de_quick --json`.
    """

    def __init__(self, done):
        folder = {n: Path(s["path"]) for n, s in done.answer["stages"].items()}
        self.data = Dataset.load(str(folder["ingest"]))
        self.metrics = json.loads((folder["evaluate"] / "metrics.json").read_text())
        self.test_nll = np.load(folder["evaluate"] / "test_nll.npy")
        saved_model = tf.saved_model.load(str(folder["export"] / "saved_model"))
        self.signatures = saved_model.signatures
        sources, targets = self.data.raw()
        self.sources, self.targets = (
            [side[row].tobytes() for row in range(len(side))]
            for side in (sources, targets)
        )

    def ask(self, name, **inputs):
        """A signature for every sentence of test, those of like length together.

        Args:
            name: of the signature.
            **inputs: arrays or lists with a row for each sentence.

        Returns:
            list of dict, a sentence each.
        """
        order = np.argsort([len(source) for source in self.sources], kind="stable")
        answers = [None] * len(order)
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            asked = {"source": [self.sources[row] for row in rows]}
            asked |= {n: [values[row] for row in rows] for n, values in inputs.items()}
            if "tokens" in asked:
                width = max(map(len, asked["tokens"]))
                asked["tokens"] = [
                    np.pad(t, (0, width - len(t))) for t in asked["tokens"]
                ]
            dtypes = self.signatures[name].structured_input_signature[1]
            answer = self.signatures[name](
                **{n: tf.constant(v, dtypes[n].dtype) for n, v in asked.items()}
            )
            answer = {n: values.numpy() for n, values in answer.items()}
            for place, row in enumerate(rows):
                answers[row] = {n: values[place] for n, values in answer.items()}
        return answers

    def require_log_prob_is_that_of_the_tokens(self, answers):
        """ln P of what was answered = `log_prob_tokens` of its tokens."""
        again = self.ask(
            "log_prob_tokens",
            tokens=[a["tokens"][: a["lengths"]] for a in answers],
            lengths=[a["lengths"] for a in answers],
        )
        np.testing.assert_allclose(
            [a["log_prob"] for a in answers],
            [a["log_prob"] for a in again],
            rtol=0,
            atol=TOLERANCE,
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("libreoffice")
    done = here("run", "libreoffice_en_de_quick", root=root)
    assert done.status == 0, done.stderr
    return Run(done)


def test_it_is_better_than_the_source_copied(run):
    metrics = run.metrics
    assert metrics["test_bleu"] >= metrics["test_bleu_copy"] + 3
    assert metrics["test_nll"] < metrics["test_nll_prior"]


def test_log_prob_of_the_references_is_the_evaluations(run):
    answers = run.ask("log_prob", text=run.targets)
    np.testing.assert_allclose(
        [-answer["log_prob"] for answer in answers],
        run.test_nll,
        rtol=0,
        atol=TOLERANCE,
    )


def test_log_prob_of_what_was_found_is_that_of_its_tokens(run):
    run.require_log_prob_is_that_of_the_tokens(run.ask("serving_default"))


def test_log_prob_of_what_was_drawn_is_that_of_its_tokens(run):
    size = len(run.sources)
    drawn = run.ask(
        "sample",
        max_length=[64] * size,
        seed=range(size),
        temperature=[1.0] * size,
        top_k=[10**6] * size,
        top_p=[1.0] * size,
    )
    run.require_log_prob_is_that_of_the_tokens(drawn)


def test_probabilities_of_the_next_token_sum_to_one_after_real_prefixes(run):
    _, texts = run.data.split("test")
    rng = np.random.default_rng(0)
    rows = [texts[row].tolist() for row in range(len(texts))]
    prefixes = [row[: rng.integers(0, len(row))] for row in rows]
    answers = run.ask(
        "log_prob_tokens",
        tokens=[np.array(prefix, "int32") for prefix in prefixes],
        lengths=[len(prefix) for prefix in prefixes],
    )
    following = np.array([answer["next_log_probs"] for answer in answers], "float64")
    np.testing.assert_allclose(np.exp(following).sum(axis=1), 1, atol=1e-5)
