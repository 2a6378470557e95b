"""Pairs of texts: a source x and a target y, both of one V and EOS."""

from phistar.components.data.encoders.text import Text
from phistar.components.data.sources.base import objects


class Pairs(Text):
    """The encoder of pairs: one `Text` encodes both sides.

    Both sides have one V. So names and numbers are the same tokens in both, and source,
    target and head can share one embedding.
    """

    given = ("source",)

    def describe(self):
        """Meaning of both texts, for the contract.  -> dict of name -> str."""
        held = super().describe()["text"]
        return {"source": held, "text": held}

    def request(self, raw, rows):
        """Request of the SavedModel for some pairs.

        Args:
            raw: (Ragged, Ragged) of bytes, sources and targets as the data have them.
            rows: list of int.
        """
        return {
            name: objects([side[row].tobytes() for row in rows])
            for name, side in zip(("source", "text"), raw, strict=True)
        }
