"""Augmentation changes the images of training, and of nothing else."""

import json

import keras
import numpy as np
import pytest

from phistar.components import build, train
from phistar.components.artifacts import Dataset, load_network, make_task
from phistar.components.training.augmentation import Augmentation
from tests.helpers import stages
from tests.helpers.data import TASKS
from tests.helpers.dying import Dying, Killed

IMAGES = np.random.default_rng(0).integers(1, 256, (300, 6, 5, 3)).astype("uint8")


def changed(images=IMAGES, seed=0, **keys):
    """Images as training sees them.  -> np.ndarray."""
    keys = {"flip": False, "crop": 0, "scale_jitter": 0.0} | keys
    return np.asarray(Augmentation(**keys, seed=seed)(images, training=True))


def test_images_are_left_alone_outside_of_training():
    layer = Augmentation(flip=True, crop=2, scale_jitter=0.5, seed=0)
    assert (np.asarray(layer(IMAGES, training=False)) == IMAGES).all()
    assert (np.asarray(layer(IMAGES)) == IMAGES).all()


def test_nothing_asked_changes_nothing():
    assert (changed() == IMAGES).all()


def test_flip_mirrors_about_half_of_the_images():
    seen = changed(flip=True)
    assert seen.dtype == np.uint8
    same = (seen == IMAGES).all((1, 2, 3))
    mirrored = (seen == IMAGES[:, :, ::-1]).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(mirrored.mean() - 0.5) < 3 * np.sqrt(0.25 / len(IMAGES))


def test_crop_is_each_window_of_the_padded_image_equally_often():
    seen = changed(crop=1)
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)))
    counts = []
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + 6, column : column + 5]
            counts.append((seen == window).all((1, 2, 3)).sum())
    assert sum(counts) == len(IMAGES)  # each image is one of the nine
    expected = len(IMAGES) / 9
    assert sum((n - expected) ** 2 / expected for n in counts) < 26  # chi2, p = .001


def test_scale_jitter_enlarges_both_axes_alike():
    # the value of a pixel is its position: slopes are those of the enlarged image
    row, column = np.mgrid[:40, :30] * 6.0
    images = np.broadcast_to(np.stack([row, column], -1), (200, 40, 30, 2))
    seen = changed(images.astype("uint8"), scale_jitter=0.5).astype(float)
    inner = seen[:, 2:-2, 2:-2]
    down = np.diff(inner[..., 0], axis=1).mean((1, 2)) / 6
    right = np.diff(inner[..., 1], axis=2).mean((1, 2)) / 6
    np.testing.assert_allclose(down, right, atol=0.02)
    scale = 1 / down
    assert scale.min() >= 0.98 and scale.max() <= 1.53
    assert 1.2 < scale.mean() < 1.3
    # the crop never leaves the image, and reaches all of it
    assert seen[..., 0].max() == 39 * 6 and seen[..., 1].min() == 0
    assert np.ptp(seen[:, 20, 15, 0]) > 40  # its place varies


def test_interpolation_agrees_with_numpy_at_one_place():
    image = IMAGES[:1]
    layer = Augmentation(flip=False, crop=0, scale_jitter=1.0, seed=5)
    seen = np.asarray(layer(image, training=True))[0]
    again = Augmentation(flip=False, crop=0, scale_jitter=1.0, seed=5)
    u = np.asarray(keras.random.uniform((4, 1, 1), seed=again.seed_generator)).ravel()
    scale = 1 + u[0]
    places = [
        np.clip((np.arange(n) + 0.5) / scale - 0.5 + v * (n - n / scale), 0, n - 1)
        for n, v in ((6, u[1]), (5, u[2]))
    ]
    for channel in range(3):
        plane = image[0, :, :, channel].astype(float)
        rows = [np.interp(places[0], range(6), column) for column in plane.T]
        expected = [np.interp(places[1], range(5), row) for row in np.array(rows).T]
        assert np.abs(seen[:, :, channel] - np.array(expected)).max() <= 0.51


def test_seed_and_draw_decide_what_is_seen():
    keys = {"flip": True, "crop": 2, "scale_jitter": 0.3}
    assert (changed(**keys) == changed(**keys)).all()
    assert (changed(**keys) != changed(**keys, seed=1)).any()
    layer = Augmentation(**keys, seed=0)
    first, second = (np.asarray(layer(IMAGES, training=True)) for _ in range(2))
    assert (first != second).any()


KEYS = {
    "loss": "cross_entropy",
    "optimizer": "sgd",
    "schedule": "plateau",
    "patience": 1,
    "learning_rate": 0.05,
    "weight_decay": 5e-4,
    "flip": True,
    "crop": 1,
    "scale_jitter": 0.2,
    "steps": 12,
    "eval_every": 2,
    "batch_size": 16,
}


@pytest.fixture
def run(make_dataset, tmp_path, monkeypatch):
    """Train on images with dropout; (name, step to die at, **keys) -> folder."""
    monkeypatch.setattr("phistar.components.training.checkpoints.SHARE", 1e9)
    given = {
        "task": TASKS["multiclass"],
        "dataset": make_dataset("images", "multiclass"),
    }
    network = stages.call(
        build, tmp_path, **given, network="vgg_small", num_blocks=1, width=4, mlp_dim=8
    )

    def call(name, dies=None, at_border=False, **keys):
        (tmp_path / name).mkdir(exist_ok=True)
        log = Dying(tmp_path / name / "journal.jsonl")
        log.step, log.at_border = dies, at_border
        out_dir = str(tmp_path / name)
        train.run(**given, network=network, out_dir=out_dir, log=log, **KEYS | keys)
        return tmp_path / name

    call.data = Dataset.load(given["dataset"])
    return call


def test_resumed_with_chance_of_all_kinds_equals_uninterrupted(run):
    whole = run("whole")
    for dies, at_border in ((4, True), (10, False)):
        with pytest.raises(Killed):
            run("cut", dies, at_border)
    cut = run("cut")
    for name in ("weights.npz", "history.json", "network.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    plain = run("plain", flip=False, crop=0, scale_jitter=0.0)
    assert (plain / "weights.npz").read_bytes() != (whole / "weights.npz").read_bytes()
    with np.load(plain / "weights.npz") as a, np.load(whole / "weights.npz") as b:
        assert a.files == b.files  # nothing of augmentation is kept


def test_valid_is_scored_as_it_is(run):
    folder = run("augmented")
    model, _ = load_network(folder)
    inputs, labels = run.data.split("valid")
    task = make_task(TASKS["multiclass"], run.data.space)
    logits = model(np.asarray(inputs), training=False)
    nll = -np.mean(task.log_prob(logits, np.asarray(labels)))
    history = json.loads((folder / "history.json").read_text())
    assert min(history["valid_nll"]) == pytest.approx(nll, rel=1e-5)


def test_columns_cannot_be_augmented(make_dataset, tmp_path):
    given = {"task": TASKS["binary"], "dataset": make_dataset("columns", "binary")}
    network = stages.call(build, tmp_path, **given, network="mlp")
    with pytest.raises(ValueError, match=r"only images.*'train.crop': 2.*columns"):
        stages.call(
            train,
            tmp_path,
            **given,
            network=network,
            loss="logistic",
            steps=2,
            crop=2,
        )
