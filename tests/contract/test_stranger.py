"""Law: requests are answered as a stranger sends them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


def assert_is_p(answer):
    """The answer holds finite numbers that sum to one."""
    assert np.isfinite(answer["log_probs"]).all()
    np.testing.assert_allclose(np.exp(answer["log_probs"]).sum(-1), 1.0, rtol=1e-5)


def encoded(image, mode, picture_format="PNG", size=None, **options):
    """uint8 [H, W, 1] -> bytes of a picture; `size` enlarges each pixel to a square."""
    picture = Image.fromarray(image[..., 0]).convert(mode)
    if size:
        picture = picture.resize(size, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, format=picture_format, **options)
    return buffer.getvalue()


def answer_of(case, *arguments, **options):
    """`predict` of the test images, encoded in some way."""
    images = [encoded(image, *arguments, **options) for image in case.data.raw()]
    return case.ask("predict", image=images)


def test_columns_come_in_any_order(column_case):
    reversed_request = dict(reversed(column_case.request().items()))
    answer = column_case.ask("predict", **reversed_request)
    np.testing.assert_array_equal(
        answer["log_probs"], column_case.predicted["log_probs"]
    )


def test_missing_numbers_are_answered(column_case):
    columns = column_case.data.description["inputs"]["encoder"]["columns"]
    request = column_case.request(slice(0, 2))
    numeric = [c for c in columns if c["kind"] == "numeric"]
    given = {own: name for name, own in column_case.encoder.own_names.items()}
    for column in numeric:
        name = given[column["name"]]
        gone = request | {name: np.full(2, np.nan, "float32")}
        answer = column_case.ask("predict", **gone)
        assert_is_p(answer)
        if not column["missing"]:  # nothing was learned about a gap: it is the mean
            mean = request | {name: np.full(2, column["mean"], "float32")}
            np.testing.assert_allclose(
                answer["log_probs"],
                column_case.ask("predict", **mean)["log_probs"],
                atol=1e-5,
            )
    nothing = {given[c["name"]]: np.full(2, np.nan, "float32") for c in numeric}
    assert_is_p(column_case.ask("predict", **request | nothing))


@pytest.mark.parametrize("name", ["table_linear_hinge", "table_mlp_cross_entropy"])
def test_unseen_categories_are_one_category(make_case, name):
    case = make_case(name)
    request = case.request(slice(0, 3))
    strange = ["Atlantis", "東京", "[UNK]"]
    answer = case.ask("predict", **request | {"city": strange})
    assert_is_p(answer)
    other = case.ask("predict", **request | {"city": ["Nowhere"] * 3})
    np.testing.assert_array_equal(answer["log_probs"], other["log_probs"])
    missing = case.ask("predict", **request | {"city": [""] * 3})
    assert_is_p(missing)
    assert (missing["log_probs"] != other["log_probs"]).any()  # train had gaps


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_png_of_any_mode_equals_the_grey_one(image_case, mode):
    answer = answer_of(image_case, mode)
    np.testing.assert_allclose(
        answer["log_probs"], image_case.predicted["log_probs"], atol=1e-5
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_answered_nearly_as_png(image_case, mode):
    answer = answer_of(image_case, mode, "JPEG", quality=100, subsampling=0)
    assert_is_p(answer)
    difference = np.abs(np.exp(answer["log_probs"]) - probs(image_case))
    assert difference.max() < 0.05


def test_another_size_is_resized(image_case):
    # averaging each square gives the pixel back, up to the filter's overlap
    answer = answer_of(image_case, "L", size=(40, 24))
    assert_is_p(answer)
    agree = answer["label"] == image_case.predicted["label"]
    assert agree.mean() > 0.8


def test_sizes_and_formats_mix_in_a_batch(image_case):
    image = image_case.data.raw()[0]
    kinds = [("L", "PNG"), ("RGB", "JPEG"), ("RGB", "PNG", (9, 31)), ("L", "JPEG")]
    together = image_case.ask("predict", image=[encoded(image, *k) for k in kinds])
    for row, kind in enumerate(kinds):
        alone = image_case.ask("predict", image=[encoded(image, *kind)])
        np.testing.assert_allclose(
            alone["log_probs"][0], together["log_probs"][row], atol=1e-5
        )


def test_bytes_that_are_no_picture_are_refused(image_case):
    with pytest.raises(tf.errors.InvalidArgumentError):
        image_case.ask("predict", image=[b"not a picture"])


NASTY = [
    b"",
    b" \t\n",
    "😀👩‍👧".encode(),
    "ዝሆን 東京".encode(),
    b"\xff\xfe\0\xc0\x80",
    b"\xef\xbb\xbfla",
    "e\u0301\r\n\r".encode(),
    b"la" * 300,
]


def test_nasty_texts_get_answers_of_the_usual_shape(sequence_case):
    case = sequence_case
    request = case.request(slice(0, 1))
    limits = case.limits("predict") | {"max_length": 8}
    for text in NASTY:
        tokens = case.text.encode(text)
        assert_is_scored(case.ask("log_prob", **request, text=[text]), tokens)
        made = case.ask("predict", **{case.x_name: [text]}, **limits)
        assert made["tokens"].shape == (1, 8) and made["text"].shape == (1,)
        assert np.isfinite(made["log_prob"]).all() and made["log_prob"] < 0
        made["text"][0].decode()


@pytest.mark.slow
def test_a_line_of_a_megabyte_is_answered(songs):
    # the same weights read in windows of 1024, since 100,000 small ones take a minute
    line = b"la la bim bam\n" * 75_000
    assert len(line) > 1e6
    signatures = songs.server(context=1024, stride=1024).signatures()
    prompt, text = tf.constant([b"", line]), tf.constant([line, b""])
    answer = signatures["log_prob"](prompt=prompt[:1], text=text[:1])
    answer = {name: value.numpy() for name, value in answer.items()}
    assert_is_scored(answer, songs.encoder.encode(line))
    made = signatures["predict"](prompt=prompt, max_length=tf.constant([8, 8]))
    assert made["tokens"].shape == (2, 8)


def assert_is_scored(answer, tokens):
    """A text's tokens are answered, each with ln P."""
    assert answer["tokens"][0].tolist() == tokens.tolist()
    assert answer["token_log_probs"].shape == (1, len(tokens))
    assert np.isfinite(answer["log_prob"]).all() and answer["log_prob"][0] < 0


def probs(case):
    """P of the test images as they are."""
    return np.exp(case.predicted["log_probs"])
