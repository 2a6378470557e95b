"""Texts without an input."""

from components.data.kinds.base import StoredTexts
from components.labels import TEXTS


class StoredText(StoredTexts):
    """Texts to be continued."""

    gives = TEXTS
    sides = ("labels",)

    def raw(self, folder):
        """Texts as the data have them.  -> Ragged of bytes."""
        return super().raw(folder)[0]
