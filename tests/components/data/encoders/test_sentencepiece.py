"""The tokenizer sentencepiece beyond what test_text.py asks of all of them."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.data.encoders.text import EOS, Text, normal_form
from phistar.components.data.encoders.tokenizers import sentencepiece
from phistar.components.data.encoders.tokenizers.sentencepiece import SENTENCE, thinned
from tests.helpers.data import word_lines


@pytest.fixture(scope="module")
def encoder():
    return Text.fit("sentencepiece", word_lines(400), 288)


def test_labels_are_the_ids_and_eos_is_zero(encoder):
    names = encoder.names
    assert len(names) == len(set(names)) == 288
    assert names[EOS] == "<EOS>"
    assert names[2 : 2 + 256] == tuple(f"<0x{b:02X}>" for b in range(256))
    assert "▁house" in names  # or it would be bytes with a longer name
    tokens = encoder.encode(b" house")
    assert tokens.tolist() == [names.index("▁house"), EOS]
    assert encoder.encode(b"").tolist() == [EOS]


def test_no_text_has_the_unknown_token(encoder):
    texts = [*word_lines(100, seed=1), "ዝሆን ☃ \x01\ufffd▅".encode(), bytes(range(256))]
    for text in texts:
        tokens = encoder.encode(text)
        assert 1 not in tokens
        assert encoder.decode(tokens) == normal_form(text)
    assert encoder.decode([1]) == "\ufffd"


def test_tokens_of_two_texts_joined_are_a_text_of_both(encoder):
    first, then = b" the  house ", b"  is 66\n "
    tokens = [*encoder.encode(first)[:-1], *encoder.encode(then)]
    assert encoder.decode(tokens) == (first + then).decode()


def test_cuts_of_equal_probability_are_those_of_the_graph(encoder):
    # of these there are many: runs of one character, longer than any piece
    texts = [b"6" * n for n in range(1, 60)] + [b"-" * n for n in range(1, 60)]
    tokens, lengths = tf.function(encoder.encode_graph)(tf.constant(texts))
    for text, row, length in zip(texts, tokens.numpy(), lengths.numpy(), strict=True):
        np.testing.assert_array_equal(encoder.encode(text), row[:length])
    for text, row in zip(texts, encoder.encode_all(texts), strict=True):
        np.testing.assert_array_equal(encoder.encode(text), row)


def test_fit_is_the_same_each_time_and_silent(capfd):
    one, two = (Text.fit("sentencepiece", word_lines(400), 288) for _ in "ab")
    assert one.to_json() == two.to_json()
    other = Text.fit("sentencepiece", word_lines(400, seed=1), 288)
    assert other.to_json() != one.to_json()
    one.encode(b"the house")
    assert capfd.readouterr() == ("", "")


@pytest.mark.heavy
def test_fit_does_not_depend_on_the_cores(encoder):
    program = (
        "import os, sys\n"
        "sys.modules['jax'] = None\n"  # TensorFlow would import it, for seconds
        "from phistar.components.data.encoders.text import Text\n"
        "from tests.helpers.data import word_lines\n"
        "for cores in {0}, {0, 1}:\n"
        "    os.sched_setaffinity(0, cores)\n"
        "    text = Text.fit('sentencepiece', word_lines(400), 288)\n"
        "    print(text.to_json()['model'])\n"
        "print(*{'tensorflow_text'} & set(sys.modules))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    # and who only fits or decodes does not import the operations
    assert found.stdout.split() == [encoder.to_json()["model"]] * 2


@pytest.mark.heavy
def test_other_tokenizers_import_nothing_more():
    program = (
        "import sys\n"
        "sys.modules['jax'] = None\n"
        "import tensorflow as tf\n"
        "from phistar.components.data.encoders.text import Text\n"
        "for tokenizer in 'characters', 'bytes':\n"
        "    text = Text.fit(tokenizer, [b'abc'])\n"
        "    tokens, lengths = text.encode_graph(tf.constant([b'cab']))\n"
        "    assert text.decode_graph(tokens, lengths).numpy() == [b'cab']\n"
        "    assert text.op_libraries == ()\n"
        "assert not {'sentencepiece', 'tensorflow_text'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_fit_names_the_largest_size_and_it_can_be_had():
    with pytest.raises(ValueError, match="larger than train has pieces") as error:
        Text.fit("sentencepiece", word_lines(100), 5000)
    limit = int(str(error.value).split("task.vocab_size=")[1].split("`")[0])
    assert len(Text.fit("sentencepiece", word_lines(100), limit).names) == limit
    with pytest.raises(ValueError, match=f"Expected {limit} at most"):
        Text.fit("sentencepiece", word_lines(100), limit + 1)


def test_fit_names_the_smallest_size_and_it_can_be_had():
    with pytest.raises(ValueError, match="is smaller than EOS") as error:
        Text.fit("sentencepiece", word_lines(100), 259)
    limit = int(str(error.value).split("Expected ")[1].split()[0])
    assert len(Text.fit("sentencepiece", word_lines(100), limit).names) == limit
    with pytest.raises(ValueError, match=f"Expected {limit} at least"):
        Text.fit("sentencepiece", word_lines(100), limit - 1)


def test_fit_refuses_no_texts_and_a_size_out_of_place():
    with pytest.raises(ValueError, match="an empty train"):
        Text.fit("sentencepiece", [], 300)
    with pytest.raises(ValueError, match="needs it. Received: vocab_size=None with s"):
        Text.fit("sentencepiece", word_lines(100))
    with pytest.raises(ValueError, match="Received: vocab_size=300 with bytes"):
        Text.fit("bytes", word_lines(100), 300)
    with pytest.raises(ValueError, match="no such tokenizer. Received: 'words'"):
        Text.fit("words", word_lines(100))


def test_long_texts_are_cut_and_nothing_is_lost():
    texts = ["ab" * SENTENCE, "c", "", "d" * SENTENCE]
    pieces = thinned(texts, 10**9)
    assert "".join(pieces) == "".join(texts)
    assert max(map(len, pieces)) == SENTENCE
    long = ("x" * 99 + "größer ") * 2_000
    encoder = Text.fit("sentencepiece", [long.encode()], 265)
    assert encoder.decode(encoder.encode(long.encode())) == long


def test_thinned_keeps_a_part_that_the_order_does_not_change():
    texts = [f"line {number}" for number in range(5000)]
    size = sum(map(len, texts))
    kept = thinned(texts, size // 3)
    assert size // 8 < sum(map(len, kept)) <= size // 3
    assert Counter(thinned(texts[::-1], size // 3)) == Counter(kept)
    more = thinned([*texts, "another"], size // 3)
    assert set(kept) <= set(more)
    assert thinned(texts, size) == texts


def test_fit_reads_a_part_of_what_is_too_large(monkeypatch):
    lines = word_lines(400)
    monkeypatch.setattr(sentencepiece, "TRAIN_CHARACTERS", 4000)
    few = Text.fit("sentencepiece", lines, 280)
    chosen = thinned([line.decode() for line in lines], 4000)
    assert 0 < len(chosen) < 300
    same = Text.fit("sentencepiece", [line.encode() for line in chosen], 280)
    assert same.to_json() == few.to_json()


def test_saved_model_keeps_the_tokenizer(encoder, tmp_path):
    class Server(tf.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def both(self, text):
            tokens, lengths = self.encoder.encode_graph(text)
            return {
                "tokens": tokens,
                "text": self.encoder.decode_graph(tokens, lengths),
            }

    server, texts = Server(), word_lines(5, seed=3)
    tf.saved_model.save(server, str(tmp_path), signatures={"both": server.both})
    loaded = tf.saved_model.load(str(tmp_path)).signatures["both"]
    answer = loaded(text=tf.constant(texts))
    assert answer["text"].numpy().tolist() == texts
    for text, row in zip(texts, answer["tokens"].numpy(), strict=True):
        tokens = encoder.encode(text)
        np.testing.assert_array_equal(row[: len(tokens)], tokens)
