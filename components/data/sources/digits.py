"""Handwritten digits: 1,797 grey images of 8x8 pixels, ten labels.

Packaged with scikit-learn (the test part of the UCI data, whose pixels count the
dots set in 4x4 blocks, 0 ... 16). Source: Alpaydin and Kaynak, 1998; UCI Machine
Learning Repository.
"""

from importlib.metadata import version

from phistar.components.data.sources.base import Rows, Source


def digits():
    """Images 8x8x1; the pixel values 0 ... 16 become 0 ... 255.

    Returns:
        Source of images, without splits.
    """
    return Source(
        name="digits",
        kind="images",
        fingerprint={"scikit-learn": version("scikit-learn")},
        read=_read,
    )


def _read():
    """All rows, as one piece.  -> dict of split -> list of Rows."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.round(data.images * (255 / 16)).astype("uint8")[..., None]
    return {"all": [Rows(images, data.target.astype(str))]}
