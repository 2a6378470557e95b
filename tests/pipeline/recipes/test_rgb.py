"""fashion_mnist as RGB at 32x32, by TFDS and as PNG files written from it.

Both give trained models, and exports that answer any picture by the stated rule: grey
repeated over the channels, another size resized (bilinear, antialiased, 8 bits).
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from phistar.components.artifacts import Dataset
from tests.helpers.commands import here
from tests.helpers.pictures import bytes_of, first_images

pytestmark = pytest.mark.slow

RGB = ("ingest.height=32", "ingest.width=32", "ingest.channels=3")
SMALL = (
    "build.width=8",
    "build.mlp_dim=64",
    "train.epochs=null",
    "train.eval_every=100",
)
NUM_FILES = {"train": 3000, "test": 500}


@pytest.fixture(scope="module")
def given():
    """Split -> [(image, label)]."""
    return {split: first_images(split, n) for split, n in NUM_FILES.items()}


@pytest.fixture(scope="module")
def folder(given, tmp_path_factory):
    """PATH/SPLIT/LABEL/NUMBER.png, grey at 28x28 as they are."""
    root = tmp_path_factory.mktemp("png") / "fashion"
    for split, rows in given.items():
        for number, (image, label) in enumerate(rows):
            place = root / split / label.replace("/", "-")  # T-shirt/top
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.png").write_bytes(bytes_of(image[..., 0]))
    return root


@pytest.fixture(scope="module")
def make_run(folder, tmp_path_factory):
    """Name of a source -> Done of all five stages, made once."""
    words = {
        "tfds": ("train.steps=300",),
        "image_folder": (
            "ingest.source=image_folder",
            f"ingest.path={folder}",
            "train.steps=800",
            "train.batch_size=32",
        ),
    }
    made = {}

    def make(source):
        if source not in made:
            root = tmp_path_factory.mktemp(source)
            given = (*RGB, *SMALL, *words[source])
            made[source] = here("run", "fashion_mnist", *given, root=root)
            assert made[source].status == 0, made[source].stderr
        return made[source]

    return make


@pytest.fixture(params=["tfds", "image_folder"])
def done(make_run, request):
    """The run of one source."""
    return make_run(request.param)


def dataset(done):
    """The Dataset of a run."""
    return Dataset.load(done.answer["stages"]["ingest"]["path"])


def ask(done, signature, pictures, **inputs):
    """Answer of the export.  -> dict of arrays."""
    signatures = tf.saved_model.load(done.answer["export"]).signatures
    given = {"image": tf.constant(pictures)} | {
        name: tf.constant(values) for name, values in inputs.items()
    }
    return {k: v.numpy() for k, v in signatures[signature](**given).items()}


def test_a_model_is_trained(done):
    assert done.answer["metrics"]["test_accuracy"] > 0.6
    assert dataset(done).split("test")[0].shape[1:] == (32, 32, 3)


def test_the_files_give_the_arrays_of_the_source(make_run):
    both = [dataset(make_run(source)) for source in ("image_folder", "tfds")]
    names = [list(data.space.names) for data in both]
    assert names[0] == [label.replace("/", "-") for label in names[1]]
    total = 0
    for split in ("train", "valid", "test"):
        # the split is a hash of the pixels, so an image is in the same one
        (inputs, labels), (all_inputs, all_labels) = (d.split(split) for d in both)
        np.testing.assert_array_equal(inputs, all_inputs[: len(inputs)])
        np.testing.assert_array_equal(labels, all_labels[: len(labels)])
        total += len(labels)
    assert total == sum(NUM_FILES.values())


def test_probabilities_of_an_rgb_png_are_the_evaluations(done):
    inputs, labels = dataset(done).split("test")
    pictures = [bytes_of(image) for image in inputs[:64]]
    answer = ask(done, "predict", pictures)
    np.testing.assert_allclose(np.exp(answer["log_probs"]).sum(1), 1, atol=1e-5)
    names = np.array(dataset(done).space.names)[labels[:64]]
    log_prob = ask(done, "log_prob", pictures, label=names)["log_prob"]
    report = Path(done.answer["stages"]["evaluate"]["path"])
    nll = np.load(report / "test_nll.npy")[:64]
    np.testing.assert_allclose(log_prob, -nll, atol=1e-4)
    assert (answer["label"] == names.astype("S")).mean() > 0.5


def test_a_grey_png_of_its_own_size_is_the_tested_image(done, given):
    images = [image for image, _ in given["test"][:16]]
    grey = ask(done, "predict", [bytes_of(image[..., 0]) for image in images])
    rgb = ask(
        done, "predict", [bytes_of(i) for i in dataset(done).split("test")[0][:16]]
    )
    np.testing.assert_allclose(grey["log_probs"], rgb["log_probs"], atol=1e-5)


def test_a_picture_of_another_size_is_resized_by_the_rule(done, given):
    rng = np.random.default_rng(0)
    for height, width in ((100, 60), (9, 31)):
        # a garment in three colours, enlarged or reduced, and noise on it
        image = Image.fromarray(given["test"][0][0][..., 0]).resize((width, height))
        image = np.asarray(image)[..., None] * np.array([1, 0.6, 0.3])
        image = np.clip(image + rng.normal(0, 9, image.shape), 0, 255).astype("uint8")
        resized = tf.image.resize(image, (32, 32), "bilinear", antialias=True)
        resized = np.round(np.clip(resized, 0, 255)).astype("uint8")
        # another implementation of the same filter: 1 level apart at most
        other = Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(other).astype(int) - resized).max() <= 1
        answer = ask(done, "predict", [bytes_of(image), bytes_of(resized)])
        first, second = answer["log_probs"]
        np.testing.assert_allclose(first, second, atol=1e-5)
