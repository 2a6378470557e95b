"""Images of one size."""

from components.data.kinds.base import StoredNames


class StoredImages(StoredNames):
    """Pixels, uint8 [N, H, W, C]."""

    augmentable = True
