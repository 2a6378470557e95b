"""Law: a shape that was traced before is never traced again.

A trace is a graph that TensorFlow makes of Python, bodies of loops included.
"""

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.networks.transformer.decoder import Decoder
from phistar.components.reports import samples
from phistar.components.tasks.language import Language


@pytest.fixture
def traces(monkeypatch):
    """A list that grows by one with each graph that is made in this process."""
    made, graph = [], tf.__internal__.FuncGraph
    before = graph.__init__

    def counted(self, *arguments, **words):
        made.append(arguments)
        before(self, *arguments, **words)

    monkeypatch.setattr(graph, "__init__", counted)
    return made


@pytest.fixture
def reads(monkeypatch):
    """A list that grows with each run of the Python that reads texts."""
    seen, before = [], Decoder.prefill

    def counted(self, read, *arguments, **words):
        seen.append(tuple(read.shape))
        return before(self, read, *arguments, **words)

    monkeypatch.setattr(Decoder, "prefill", counted)
    return seen


def ask_all(case, signatures):
    """Ask every signature for batches of several sizes and lengths."""
    for name, function in signatures.items():
        specs = function.structured_input_signature[1]
        inputs = {
            key: tf.constant(values, specs[key].dtype)
            for key, values in case.mixed(name).items()
        }
        for rows in (slice(0, 1), slice(0, 7), slice(3, 5), slice(4, 4), slice(0, 7)):
            function(**{key: values[rows] for key, values in inputs.items()})


def test_signature_as_loaded_is_one_graph_for_all_sizes_and_lengths(case, traces):
    ask_all(case, case.signatures)
    assert not traces


def test_signature_as_made_is_one_graph_for_all_sizes_and_lengths(songs, traces, reads):
    signatures = songs.server().signatures()
    made = len(traces), len(reads)
    # `predict` and `serving_default` share a graph, and so do the two log_probs
    assert made[0] >= len(signatures) == made[1] + 2
    ask_all(songs, signatures)
    assert (len(traces), len(reads)) == made


def test_drawn_texts_are_traced_once_for_each_shape(songs, reads):
    drawn = samples.Drawn(songs.network(), len(songs.names))
    rng, shapes = np.random.default_rng(0), [(2, 5), (3, 5), (2, 40), (6, 7)]
    answers = {}
    for number, (rows, length) in enumerate(shapes, 1):
        for _ in range(2):
            asked = np.ones(rows, "float32"), rng.random((rows, length), "float32")
            answer = drawn.predict_on_batch(asked)
            assert answer.shape == (rows, length)
            assert len(reads) <= number
            answers[rows, length] = asked, answer
    for asked, answer in answers.values():  # and all of them once more
        np.testing.assert_array_equal(drawn.predict_on_batch(asked), answer)
    assert 1 <= len(reads) <= len(shapes)


def test_split_is_measured_in_one_shape(songs, reads, monkeypatch):
    monkeypatch.setattr("phistar.components.tasks.language.BATCH_TOKENS", 64)
    network, task = songs.network(), Language(songs.data.space)
    for number, split in enumerate(("valid", "test"), 1):
        for _ in range(2):  # at each evaluation of training
            task.measure(network, *songs.data.split(split))
            assert len(reads) <= number
