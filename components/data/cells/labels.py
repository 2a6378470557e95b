"""Cells that are labels: trimmed, and 1.0 is 1."""

import numpy as np

from phistar.components.data.cells.missing import NO_WORD, trimmed

WHOLE = r"^([-+]?[0-9]+)\.0*$"
TRIMMED = "labels with spaces around them, which are left out"
DECIMAL = "labels like 1.0, which is the label 1"
DROPPED = "rows without a label left out"
SHOWN = 5


class Labels:
    """The label of each row.

    Args:
        name: of the column.
        markers: Markers.
        drop: True to leave out rows without a label.

    Attributes:
        lacking: list of (value, file, row), the first rows without a label.
        num_lacking: int.
        changed: dict of notice -> [count, file, row of the first one].
    """

    def __init__(self, name, markers, drop):
        self.name, self.markers, self.drop = name, markers, drop
        self.lacking, self.num_lacking, self.changed = [], 0, {}

    def add(self, cells, file, first):
        """Labels of the next rows.

        Args:
            cells: pyarrow.Array of strings [N].
            file: they are of.
            first: int, row of the first one in it.

        Returns:
            (labels, kept): pyarrow.Array of strings [N], bool [N].
        """
        import pyarrow.compute as pc

        cells = pc.fill_null(cells, "")
        found = trimmed(cells)
        self._note(TRIMMED, cells, found, file, first)
        plain = pc.replace_substring_regex(found, WHOLE, r"\1")
        self._note(DECIMAL, found, plain, file, first)
        gone = self.markers.mask(found, NO_WORD).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(gone)[: SHOWN - len(self.lacking)].tolist():
            self.lacking.append((cells[row].as_py(), file, first + row))
        self.num_lacking += int(gone.sum())
        return plain, ~gone

    def _note(self, what, before, after, file, first):
        """Count the labels that were changed."""
        import pyarrow.compute as pc

        other = pc.not_equal(before, after)
        if count := other.true_count:
            row = first + pc.index(other, True).as_py()
            self.changed.setdefault(what, [0, file, row])[0] += count

    def state(self):
        """Plain data of what has been seen, for `join`."""
        return {
            "lacking": [[value, row] for value, _, row in self.lacking],
            "num_lacking": self.num_lacking,
            "changed": {what: [n, row] for what, (n, _, row) in self.changed.items()},
        }

    def join(self, state, file, first):
        """Take in what was seen in the rows behind those so far, see Column.join."""
        for value, row in state["lacking"][: SHOWN - len(self.lacking)]:
            self.lacking.append((value, file, first + row))
        self.num_lacking += state["num_lacking"]
        for what, (count, row) in state["changed"].items():
            self.changed.setdefault(what, [0, file, first + row])[0] += count

    def tell(self, place, counts):
        """Count what was changed or left out.

        Args:
            place: function of (file, row), the place in words.
            counts: Counter of notices.
        """
        for what, (count, file, row) in self.changed.items():
            counts.add(what, place(file, row), count)
        for _, file, row in self.lacking:
            counts.add(DROPPED, place(file, row))
        if others := self.num_lacking - len(self.lacking):
            counts.add(DROPPED, "", others)

    def require(self, place):
        """Refuse rows without a label, unless they are to be left out.

        Args:
            place: function of (file, row), the place in words.

        Raises:
            ValueError: with their number, and the first places.
        """
        if not self.num_lacking or self.drop:
            return
        value, file, row = self.lacking[0]
        places = ", ".join(place(file, row) for _, file, row in self.lacking)
        more = ", ..." if self.num_lacking > len(self.lacking) else ""
        rows = "1 row has" if self.num_lacking == 1 else f"{self.num_lacking} rows have"
        raise ValueError(
            f"{rows} no label: {places}{more}. Received: {value!r} in the column "
            f"{self.name!r}. Expected a label in every row: complete them, or leave "
            "these rows out with ingest.drop_unlabelled=true."
        )
