"""One column of a table: the form of its cells, seen in one pass, and their values."""

import numpy as np

from phistar.components.data.cells.forms import (
    FORMS,
    MEANING,
    NUMERIC,
    WORDS,
    values,
    words,
)
from phistar.components.data.cells.missing import NO_CELL, NO_NUMBER, NO_WORD, trimmed

SAMPLE = 2000  # cells by which a form is chosen; the others must then have it
FEW = 100_000  # first rows in which an identifier is looked for
SHOWN = 5  # examples in an error
SUMS = ("rows", "missing", "numbers", "num_wrong", "swapped")
MOSTLY = 0.5  # share of numbers from which another word is a mistake
# forms that words are compared with: were they meant as numbers?
LIKELY = ("grouped", "percent", "currency", "date year-month-day")


class OtherForm(Exception):
    """A column has another form than its first rows: read it again as that form."""

    def __init__(self, name, form):
        super().__init__(name, form)
        self.name, self.form = name, form


class Column:
    """The cells of a column, each piece turned into values as it comes.

    Args:
        name: of it, in the files.
        markers: Markers.
        decimal: "." or ",".
        key: "numeric" or "categorical" if that key of ingest names the column, else "".
        form: of it, if other rows have told it; else None.
        fits: list of forms that those rows have too; default: that one alone.
        watched: True to see in the first rows whether they are all different.

    Attributes:
        form: of FORMS or WORDS; None without any value so far.
        rows, missing: int, cells seen, and those without a value.
        numbers, num_wrong: int, cells that are numbers or dates, and that are neither.
        swapped: int, words that are numbers with the other decimal mark.
        wrong: list of (value, file, row), the first cells of another form.
        marks: dict, marker of a missing value -> [count, file, row of the first one].
    """

    def __init__(
        self, name, markers, decimal, key="", form=None, fits=None, watched=True
    ):
        self.name, self.markers, self.decimal, self.key = name, markers, decimal, key
        self.form = WORDS if key == "categorical" else form
        self.fits = None if self.form is None else list(fits or [self.form])
        self.rows = self.missing = self.numbers = self.num_wrong = self.swapped = 0
        self.wrong, self.marks = [], {}
        self.low, self.high, self.whole, self.pointed = np.inf, -np.inf, True, False
        self.distinct, self.unique, self.watched = set(), True, watched

    def add(self, cells, file, numbers):
        """Values of the next cells.

        Args:
            cells: pyarrow.Array of strings [N].
            file: they are of.
            numbers: int [N], their rows in it.

        Returns:
            float64 [N], or pyarrow.Array of strings [N] of words.

        Raises:
            OtherForm: the values so far must be read again.
        """
        if self.fits is None:
            self._choose(cells)
            if self.form == WORDS and self.rows:  # until now all were missing
                raise OtherForm(self.name, WORDS)
        if self.form == WORDS:
            return self._words(cells, file, numbers)
        form = self.form or "number"  # so far all are missing
        found, missing, wrong = values(cells, form, self.markers, self.decimal)
        if wrong.any() and form == "number":
            # 1,234 among numbers changes none of the others
            others = values(cells, "grouped", self.markers, self.decimal)
            if others[2].sum() < wrong.sum():
                self.form, (found, missing, wrong) = "grouped", others
        if self.fits and len(self.fits) > 1:
            self._narrow(cells)
        self._count(cells, found, missing, wrong, file, numbers)
        return found

    def _choose(self, cells):
        """Choose the form by the first cells that have a value."""
        import pyarrow.compute as pc

        sample = trimmed(cells)
        gone = self.markers.mask(sample, NO_NUMBER)
        sample = sample.filter(pc.invert(gone)).slice(0, SAMPLE)
        shares = {}
        for form in FORMS:
            _, missing, wrong = values(sample, form, self.markers, self.decimal)
            some = len(sample) - int(missing.sum())
            if not some:
                return  # nothing but missing values
            shares[form] = 1 - int(wrong.sum()) / some
            if form == "number" and shares[form] == 1:
                break
        self.fits = [form for form, share in shares.items() if share == 1]
        # of equal shares the first form, in the order of FORMS
        best = max((form for form in shares if form in NUMERIC), key=shares.get)
        if self.fits:
            self.form = self.fits[0]
        elif shares[best] >= MOSTLY or self.key == "numeric":
            self.form = best
        else:
            self.form = WORDS

    def _narrow(self, cells):
        """Keep the forms that these cells have too, if there are any.

        Raises:
            OtherForm: the first one is not among them.
        """
        bad = {f: values(cells, f, self.markers, self.decimal)[2] for f in self.fits}
        kept = [form for form in self.fits if not bad[form].any()]
        if kept and kept[0] != self.form:
            raise OtherForm(self.name, kept[0])
        self.fits = kept or [self.form]

    def _count(self, cells, found, missing, wrong, file, numbers):
        """Count what a piece of numbers holds."""
        import pyarrow.compute as pc

        self._count_missing(cells, missing, file, numbers)
        known = found[~np.isnan(found)]
        if len(known):
            self.numbers += len(known)
            self.low = min(self.low, float(known.min()))
            self.high = max(self.high, float(known.max()))
            self.whole = self.whole and bool((known == np.floor(known)).all())
        if self.form == "grouped" and not self.pointed:
            self.pointed = bool(pc.any(pc.match_substring(cells, ".")).as_py())
        for row in np.flatnonzero(wrong)[: SHOWN - len(self.wrong)].tolist():
            self.wrong.append((cells[row].as_py(), file, int(numbers[row])))
        self.num_wrong += int(wrong.sum())

    def _words(self, cells, file, numbers):
        """Words of a piece."""
        import pyarrow.compute as pc

        common = NO_CELL if self.key == "categorical" else NO_WORD
        found = words(cells, self.markers, common)
        missing = pc.equal(found, "").to_numpy(zero_copy_only=False)
        self._count_missing(cells, missing, file, numbers)
        several = found.unique()
        if self.key != "categorical":
            self._count_likely(found, file, numbers)
        if self.watched and self.unique and self.rows <= FEW:
            new = set(several.to_pylist())
            self.unique = len(new) == len(cells) and not self.distinct & new
            self.distinct |= new
        elif len(self.distinct) < 2:
            self.distinct |= set(several.slice(0, 2).to_pylist())
        return found

    def _count_likely(self, found, file, numbers):
        """Count the words that may be meant as numbers; of many, a sample."""
        import pyarrow.compute as pc

        pairs = found.value_counts().slice(0, SAMPLE)
        every, counts = pairs.field("values"), pairs.field("counts").to_numpy()
        likely = np.zeros(len(every), bool)
        gone = values(every, "number", self.markers, self.decimal)[1]
        for form in LIKELY:
            likely |= ~values(every, form, self.markers, self.decimal)[2] & ~gone
        other = "." if self.decimal == "," else ","
        swapped = ~values(every, "number", self.markers, other)[2] & ~gone
        self.numbers += int(counts[likely].sum())
        self.num_wrong += int(counts[~likely & ~gone].sum())
        self.swapped += int(counts[swapped & ~likely].sum())
        for place in np.flatnonzero(~likely & ~gone)[: SHOWN - len(self.wrong)]:
            value = every[int(place)].as_py()
            row = pc.index(found, value).as_py()
            self.wrong.append((value, file, int(numbers[row])))

    def _count_missing(self, cells, missing, file, numbers):
        """Count the cells without a value, each marker by itself."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self.rows += len(cells)
        if not missing.any():
            return
        self.missing += int(missing.sum())
        gone = pc.fill_null(cells.filter(pa.array(missing)), "")
        for pair in gone.value_counts().to_pylist():
            word = pair["values"]
            if word not in self.marks:
                place = np.flatnonzero(missing)[pc.index(gone, word).as_py()]
                self.marks[word] = [0, file, int(numbers[place])]
            self.marks[word][0] += pair["counts"]

    def state(self):
        """Plain data of what has been seen, for `join`."""
        return {
            "form": self.form,
            "fits": self.fits,
            **{name: getattr(self, name) for name in (*SUMS, "low", "high")},
            "whole": self.whole,
            "pointed": self.pointed,
            "wrong": [[value, row] for value, _, row in self.wrong],
            "marks": {mark: [n, row] for mark, (n, _, row) in self.marks.items()},
            "distinct": sorted(self.distinct)[:2],
            "unique": self.unique,
        }

    def join(self, state, file, first):
        """Take in what was seen in the rows behind those so far.

        Args:
            state: of a Column that has seen them.
            file: they are of.
            first: int, the row of the first one in it.

        Raises:
            OtherForm: all must be read again.
        """
        self._join_form(state["form"], state["fits"])
        if not self.rows:
            self.unique = state["unique"]
        for name in SUMS:
            setattr(self, name, getattr(self, name) + state[name])
        self.low = min(self.low, state["low"])
        self.high = max(self.high, state["high"])
        self.whole, self.pointed = (
            self.whole and state["whole"],
            self.pointed or state["pointed"],
        )
        for value, row in state["wrong"][: SHOWN - len(self.wrong)]:
            self.wrong.append((value, file, first + row))
        for mark, (count, row) in state["marks"].items():
            self.marks.setdefault(mark, [0, file, first + row])[0] += count
        self.distinct |= set(state["distinct"])

    def _join_form(self, form, fits):
        """Agree on a form with other rows; see `add` and `_narrow`."""
        if form is None:  # all of them are missing
            return
        if self.form is None:
            if form == WORDS and self.rows:
                raise OtherForm(self.name, WORDS)
            self.form, self.fits = form, list(fits)
        elif {form, self.form} == {"number", "grouped"}:
            # 1,234 among numbers changes none of the others
            self.pointed = self.pointed or not self.whole
            self.form = "grouped"
        elif form != self.form:
            raise OtherForm(self.name, self.form)
        both = [one for one in self.fits if one in fits]
        if both and both[0] != self.form and self.form != "grouped":
            raise OtherForm(self.name, both[0])
        self.fits = both or [self.form]

    @property
    def meaning(self):
        """The form in words."""
        return MEANING[self.form]

    @property
    def mostly_numbers(self):
        """True if at least half of the cells with a value are numbers or dates."""
        return self.numbers > 0 and self.numbers >= MOSTLY * (
            self.numbers + self.num_wrong
        )

    @property
    def constant(self):
        """True if all cells are the same."""
        if self.form == WORDS:
            return len(self.distinct) == 1
        return self.low == self.high and not self.missing

    @property
    def identifier(self):
        """True of words that differ in all rows looked at, and of row numbers."""
        if self.rows <= 2 * SHOWN or self.missing:
            return False
        if self.form == WORDS:
            return self.unique
        return self.whole and self.high - self.low + 1 == self.rows
