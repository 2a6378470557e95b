import random

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.data.encoders.text import EOS, Text, normal_form

TRAIN = ["In the beginning\nGod created\n\n", "größer 東京 😀 \t", "Ünïcode"]
NASTY = {
    "empty": b"",
    "space": b" \t\n\n ",
    "emoji": "a😀👩‍👩‍👧b".encode(),
    "unknown script": "ዝሆን".encode(),
    "byte order mark": b"\xef\xbb\xbfabc\xef\xbb\xbf",
    "two of them": b"\xef\xbb\xbf\xef\xbb\xbfabc",
    "NUL": b"\0a\0\0",
    "line ends": b"a\r\nb\rc\r\r\n\nd\r",
    "composed": "é é".encode(),
    "Latin-1": "größer".encode("latin-1"),
    "cut": "東京".encode()[:-1],
    "surrogate": b"\xed\xa0\x80\xed\xb0\x80",
    "overlong": b"\xc0\x80\xf0\x80\x80\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "U+FFFD itself": "a\ufffdb".encode(),
    "all bytes": bytes(range(256)),
    "spaces": b"  a   b    ",
    "EOS and others": b"a</s><unk><0x41><EOS>",
    "block": "▁a ▅b▁".encode(),
    "tabs": b"\ta\t\tb",
    "long line": "In the größer 東京 ".encode() * 50_000,
}


def fitted(tokenizer):
    """The encoder of TRAIN."""
    size = 284 if tokenizer == "sentencepiece" else None
    return Text.fit(tokenizer, [text.encode() for text in TRAIN], size)


@pytest.fixture(params=["characters", "bytes", "sentencepiece"], scope="module")
def encoder(request):
    return fitted(request.param)


def in_graph(encoder, texts):
    """`encode_graph` of bytes.  -> list of int32 arrays."""
    tokens, lengths = tf.function(encoder.encode_graph)(tf.constant(texts, tf.string))
    rows = zip(tokens.numpy(), lengths.numpy(), strict=True)
    for row, length in zip(tokens.numpy(), lengths.numpy(), strict=True):
        assert not row[length:].any()  # padding is 0
    return [row[:length] for row, length in rows]


def assert_agree(encoder, texts):
    for text, row in zip(texts, in_graph(encoder, texts), strict=True):
        np.testing.assert_array_equal(row, encoder.encode(text), text[:40])


def test_encode_equals_encode_graph_of_nasty_texts(encoder):
    assert len(NASTY["long line"]) > 1e6
    assert_agree(encoder, list(NASTY.values()))
    for text in NASTY.values():
        assert_agree(encoder, [text])


def test_encode_equals_encode_graph_of_random_bytes(encoder):
    rng = random.Random(0)
    telling = [0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0x0D, 0x0A]
    texts = [
        bytes(rng.choice([*telling, rng.randrange(256)]) for _ in range(length))
        for length in range(12)
        for _ in range(300)
    ]
    assert_agree(encoder, texts)


def test_encode_of_no_text_in_a_graph_is_empty(encoder):
    tokens, lengths = encoder.encode_graph(tf.constant([], tf.string))
    assert tokens.shape[0] == 0 and lengths.shape == (0,)


def test_encode_ends_in_the_only_eos(encoder):
    for text in NASTY.values():
        tokens = encoder.encode(text)
        assert tokens[-1] == EOS
        assert (tokens[:-1] != EOS).all()
        assert tokens.max() < len(encoder.names)


def test_normal_form_is_the_stated_one():
    stated = {
        "byte order mark": "abc\ufeff",
        "two of them": "\ufeffabc",
        "NUL": "\ufffda\ufffd\ufffd",
        "line ends": "a\nb\nc\n\n\nd\n",
        "composed": "é é",
        "Latin-1": "gr\ufffd\ufffder",
        "cut": "東\ufffd",
        "space": " \t\n\n ",
    }
    for name, expected in stated.items():
        assert normal_form(NASTY[name]) == expected, name


def test_decode_of_encode_is_the_normal_form(encoder):
    for text in [*(t.encode() for t in TRAIN), NASTY["line ends"], NASTY["empty"]]:
        assert encoder.decode(encoder.encode(text)) == normal_form(text)


def test_decode_equals_decode_graph(encoder):
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, len(encoder.names), (40, 30)).astype("int32")
    lengths = rng.integers(0, 31, 40).astype("int32")
    texts = tf.function(encoder.decode_graph)(tokens, lengths).numpy()
    for row, length, text in zip(tokens, lengths, texts, strict=True):
        assert encoder.decode(row[:length]) == text.decode()  # and it is UTF-8


def test_characters_reads_what_train_lacks_as_the_replacement():
    encoder = Text.fit("characters", [b"abc"])
    unknown = encoder.encode(b"axb")
    np.testing.assert_array_equal(unknown, encoder.encode("a\ufffdb".encode()))
    assert encoder.decode(unknown) == "a\ufffdb"


def test_bytes_are_tokens_of_their_value_plus_one():
    tokens = Text("bytes").encode("aé".encode())
    assert tokens.tolist() == [0x61 + 1, 0xC3 + 1, 0xA9 + 1, EOS]


def test_to_json_makes_the_same_encoder(encoder):
    again = Text(**encoder.to_json())
    assert again.names == encoder.names
    assert_agree(again, list(NASTY.values()))
