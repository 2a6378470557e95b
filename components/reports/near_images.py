"""Images of test that look like one of train: saved again, resized, or made brighter.

The hash of an image is the signs of its low frequencies, less their median. Source: the
pHash of C. Zauner, 2010, "Implementation and benchmarking of perceptual image hash
functions", here with 11 x 11 frequencies in place of 8 x 8. Different photos then
differ in far more bits than a photo that was saved again.
"""

import numpy as np

from phistar.components.reports.duplicates import MAX_ROWS

LEAST = 16  # pixels of a side; smaller images are too much alike
SIDE, LOW = 32, 11  # of the small grey copy; frequencies of each direction
DIFFER = 6  # bits in which images that look alike may differ, at most
BANDS = 8  # of 16 bits; more than DIFFER, so that one band at least agrees
COMMON = 200  # images of train with one band: it says little, as a black border does
BLOCK = 1024  # images at a time


def near_images(train, test, known):
    """Images of test that look like one of train, but for equal ones.

    Args:
        train, test: uint8 [N, H, W, C] and [M, H, W, C].
        known: bool [M], images of test that train has exactly.

    Returns:
        bool [M or MAX_ROWS].
    """
    if min(train.shape[1:3]) < LEAST:
        return np.zeros(min(len(test), MAX_ROWS), bool)
    ours, theirs = hashes(train), hashes(test)
    near = np.zeros(len(theirs), bool)
    for band in range(BANDS):
        values = bands(ours)[:, band]
        order = np.argsort(values, kind="stable")
        wanted = bands(theirs)[:, band]
        first = np.searchsorted(values, wanted, "left", order)
        counts = np.searchsorted(values, wanted, "right", order) - first
        counts[(counts > COMMON) | near] = 0
        for start in range(0, len(theirs), BLOCK):
            part = slice(start, start + BLOCK)
            rows = np.repeat(np.arange(len(theirs))[part], counts[part])
            # 0, 1, ... within each row's candidates
            steps = np.arange(len(rows)) - np.repeat(
                counts[part].cumsum() - counts[part], counts[part]
            )
            others = order[first[rows] + steps]
            differ = np.bitwise_count(theirs[rows] ^ ours[others]).sum(axis=1)
            near[rows[differ <= DIFFER]] = True
    return near & ~known[: len(near)]


def bands(found):
    """Hashes as parts of 16 bits.  uint8 [N, 16] -> uint16 [N, BANDS]"""
    return found.view("uint16")


def hashes(images):
    """The hash of each image.

    Args:
        images: uint8 [N, H, W, C].

    Returns:
        uint8 [N or MAX_ROWS, 16]: 120 bits, and 8 that are 0.
    """
    from scipy.fft import dctn

    found = np.zeros((min(len(images), MAX_ROWS), 16), "uint8")
    for start in range(0, len(found), BLOCK):
        block = np.asarray(images[start : min(start + BLOCK, len(found))])
        small = np.stack([small_grey(pixels) for pixels in block])
        low = dctn(small, axes=(1, 2))[:, :LOW, :LOW].reshape(len(block), -1)[:, 1:]
        signs = low > np.median(low, axis=1, keepdims=True)
        found[start : start + BLOCK, : LOW * LOW // 8] = np.packbits(signs, axis=1)
    return found


def small_grey(pixels):
    """uint8 [H, W, C] -> float32 [SIDE, SIDE], luminance."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, "float32")
