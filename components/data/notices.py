"""Notices of what reading drops or changes: counts, and the first places.

The reader of a file never drops or changes anything in silence. It counts it here, and
ingest shows the counts on the terminal, in the data card and in MLflow.
"""

from dataclasses import dataclass, field

FIRST = 5  # places that are named


@dataclass
class Notice:
    """One kind of thing that was dropped or changed.

    Args:
        what: happened, after a number: "images turned, as their EXIF says".
        count: how often.
        places: the first FIRST of them, "a.csv:12" or the name of a file.
    """

    what: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    def __str__(self):
        more = ", ..." if self.count > len(self.places) else ""
        where = f": {', '.join(self.places)}{more}" if self.places else ""
        return f"{self.count:,} {self.what}{where}"


class Counter(dict):
    """`what` -> Notice, of one pass over one part of the data."""

    def add(self, what, place="", count=1):
        """Count something that was dropped or changed.

        Args:
            what: see Notice.
            place: of it, in words; "" if it has none.
            count: how many at that place.
        """
        notice = self.setdefault(what, Notice(what))
        notice.count += count
        if place and len(notice.places) < FIRST:
            notice.places.append(str(place))

    def plain(self):
        """Plain data, for `join`: what -> [count, the first places]."""
        return {what: [one.count, one.places] for what, one in self.items()}

    def join(self, plain, place=str):
        """Count what another Counter has counted behind this one.

        Args:
            plain: plain data of it.
            place: function of a place there -> words.
        """
        for what, (count, places) in plain.items():
            for one in places:
                if what not in self or len(self[what].places) < FIRST:
                    self.add(what, place(one), 0)
            self.add(what, count=count)


class Notices:
    """All notices of a source, whose parts are read more than once."""

    def __init__(self):
        self.parts = {}

    def begin(self, part=""):
        """The Counter of a new pass over a part; what an earlier pass counted goes.

        Args:
            part: of the data, a file or a split.
        """
        self.parts[part] = Counter()
        return self.parts[part]

    def found(self):
        """The notices of all parts.  -> list of Notice."""
        together = Counter()
        for part in self.parts.values():
            for notice in part.values():
                for place in notice.places:
                    together.add(notice.what, place, 0)
                together.add(notice.what, count=notice.count)
        return list(together.values())
