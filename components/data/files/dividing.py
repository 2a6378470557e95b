"""The columns of a table that divide its rows: their split, their group, their time."""

from phistar.components.data.files.found import SPLITS

DATES = "numbers, or dates and times like 2024-12-31 or 2024-12-31T23:59:00"


class Dividing:
    """Names of columns, None for those that are not given.

    Args:
        split: of train, valid or test, also called training, validation, val or dev.
        group: rows of one group are in one split.
        time: test is the latest.
    """

    def __init__(self, split=None, group=None, time=None):
        self.keys = {"split": split, "group": group, "time": time}
        self.form = None  # of the times, once the first rows have told

    @property
    def given(self):
        """Key -> column, of those that are given.  -> dict"""
        return {key: name for key, name in self.keys.items() if name is not None}

    def fields(self, columns, place):
        """Fields of Rows.

        Args:
            columns: dict of name -> pyarrow.Array of strings [N].
            place: function of int, a row of these -> where it stands, for errors.

        Returns:
            dict of "split", "keys" and "time" -> array [N], those that are given.

        Raises:
            ValueError: a value that is missing or has another form, with its place.
        """
        read = {"split": self.splits, "group": self.groups, "time": self.times}
        field = {"split": "split", "group": "keys", "time": "time"}
        return {
            field[key]: read[key](columns[name], name, place)
            for key, name in self.given.items()
        }

    def splits(self, array, column, place):
        """Our names of the splits.  -> str [N]"""

        def ours(name):
            return SPLITS.get((name or "").strip().lower())

        expected = "train, valid or test, with ingest.split"
        return of_unique(array, ours, column, place, expected)

    def groups(self, array, column, place):
        """A hash of each group.  -> uint64 [N]"""
        import pyarrow.compute as pc

        from phistar.components.data.cells.keys import words
        from phistar.components.data.cells.missing import trimmed

        names = pc.fill_null(trimmed(array), "")
        if (row := pc.index(names, "").as_py()) >= 0:
            expected = "the name of a group, with ingest.group"
            raise wrong(array, row, column, place, expected)
        return words(names)

    def times(self, array, column, place):
        """Numbers as they are, dates as seconds.  -> float64 [N]"""
        from phistar.components.data.cells import forms
        from phistar.components.data.cells.dates import AMBIGUOUS, PATTERNS
        from phistar.components.data.cells.missing import Markers

        def bad(form):
            found, missing, wrong = forms.values(array, form, Markers())
            return found, missing | wrong

        if self.form is None:  # the first rows tell it
            numbers = {form: int(bad(form)[1].sum()) for form in ("number", *PATTERNS)}
            self.form = min(numbers, key=numbers.get)
            if self.form in AMBIGUOUS and len({numbers[one] for one in AMBIGUOUS}) == 1:
                raise wrong(array, 0, column, place, f"{DATES}: is it day or month")
        times, refused = bad(self.form)
        if refused.any():
            expected = f"{DATES}, with ingest.time"
            raise wrong(array, int(refused.argmax()), column, place, expected)
        return times


def of_unique(array, function, column, place, expected):
    """A function of the values of a column, called once for each different one.

    Args:
        array: pyarrow.Array of strings [N].
        function: of str or None -> value; None refuses it.
        column, place, expected: for the error.

    Returns:
        array [N].
    """
    import numpy as np

    coded = array.dictionary_encode(null_encoding="encode")
    values = [function(name) for name in coded.dictionary.to_pylist()]
    place_of = np.asarray(coded.indices)
    if None in values:
        refused = np.array([value is None for value in values])
        raise wrong(array, int(refused[place_of].argmax()), column, place, expected)
    return np.array(values)[place_of]


def wrong(array, row, column, place, expected):
    """The error about a value of a column that divides.  -> ValueError"""
    value = array[row].as_py()
    return ValueError(
        f"{place(row)}: the column {column!r} does not tell. Received: "
        f"{'nothing' if value is None else repr(value[:60])}. Expected {expected}: "
        "correct it, or leave the row out."
    )
