"""Images that look alike are found, whatever was done to them, and no others."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from phistar.components.reports import near_images
from phistar.components.reports.near_images import DIFFER, LEAST, hashes


@pytest.fixture(scope="module")
def photos():
    """Parts of two photos, of any size, in one size.  -> uint8 [200, 64, 64, 3]"""
    rng, found = np.random.default_rng(0), []
    for photo in load_sample_images().images:
        for _ in range(100):
            side = rng.integers(64, 300)
            y, x = (rng.integers(0, n - side) for n in photo.shape[:2])
            found.append(resized(photo[y : y + side, x : x + side], 64))
    return np.array(found)


def resized(pixels, side):
    """Pixels in another size."""
    return np.asarray(Image.fromarray(pixels).resize((side, side)))


def saved(pixels, quality):
    """Pixels, saved as a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


CHANGES = {
    "JPEG of quality 90": lambda pixels: saved(pixels, 90),
    "JPEG of quality 50": lambda pixels: saved(pixels, 50),
    "larger": lambda pixels: resized(resized(pixels, 96), 64),
    "smaller": lambda pixels: resized(resized(pixels, 48), 64),
    "brighter": lambda pixels: np.clip(pixels * 1.1, 0, 255).astype("uint8"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_photo_that_was_changed_is_found(photos, change):
    changed = np.array([CHANGES[change](pixels) for pixels in photos])
    near = near_images.near_images(photos, changed, np.zeros(200, bool))
    assert near.mean() > 0.89


def test_other_parts_of_the_photos_are_not_found(photos):
    found = np.unpackbits(hashes(photos), axis=1)
    differ = (found[:, None] != found[None]).sum(axis=2)
    assert differ[~np.eye(200, dtype=bool)].min() >= 20
    near = near_images.near_images(photos[:100], photos[100:], np.zeros(100, bool))
    assert not near.any()


@pytest.mark.parametrize("differ", [0, 1, DIFFER, DIFFER + 1, 20])
def test_near_is_what_differs_in_few_bits_wherever_they_are(monkeypatch, differ):
    rng = np.random.default_rng(differ)
    train = rng.integers(0, 256, (500, 16), "uint8")
    bits = np.unpackbits(train[:300], axis=1)
    for row in bits:
        row[rng.choice(128, differ, replace=False)] ^= 1
    found = {500: train, 300: np.packbits(bits, axis=1)}
    monkeypatch.setattr(near_images, "hashes", lambda images: found[len(images)])
    shape = (LEAST, LEAST, 1)
    near = near_images.near_images(
        np.zeros((500, *shape)), np.zeros((300, *shape)), np.zeros(300, bool)
    )
    assert (near == (differ <= DIFFER)).all()


def test_different_images_do_not_look_alike():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (300, 32, 32, 1), "uint8")
    turned = np.rot90(pixels, axes=(1, 2))
    assert not near_images.near_images(pixels, turned, np.zeros(300, bool)).any()
    plain = np.full((300, 32, 32, 1), 7, "uint8")  # all alike: no band tells them apart
    assert not near_images.near_images(plain, plain, np.ones(300, bool)).any()
