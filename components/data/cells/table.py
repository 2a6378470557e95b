"""A table of the user: its columns by what they are for, and its rows, typed."""

import sys

from phistar.components.data.cells.forms import WORDS
from phistar.components.data.cells.piece import Roles, Rules
from phistar.components.data.cells.typed import Typed
from phistar.components.data.files import bad_rows
from phistar.components.data.files.tables import TableFiles, report
from phistar.components.data.files.typed_files import shortened
from phistar.components.data.kept import Scratch
from phistar.components.data.sources.base import FEW_ROWS, Chunks, Overview

SMALL_BYTES = 32 * 2**20  # of files that an overview reads to their end
HEAD_ROWS = 10**5  # of other files

MOST, CUT = 40, 60  # names of columns that a line lists, characters of each


class Table:
    """Files of rows, their columns checked.

    Args:
        given: dict of split, or "all" -> Part.
        dialect: options of TableFiles.
        columns: "label", "split", "group", "time" and "weight" -> name of the column,
            or None.
        keys: "numeric", "categorical" and "ignore" -> tuple of names.
        rules: "missing", a tuple of str, and "drop_unlabelled", a bool.
        notices: Notices.

    Raises:
        ValueError: a column that is not there, or has two uses.
    """

    def __init__(self, given, dialect, columns, keys, rules, notices):
        self.files = {
            split: TableFiles(part.files, **dialect) for split, part in given.items()
        }
        self.first = next(iter(self.files.values()))
        self.notices, self.typed = notices, None
        names = self.first.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"two columns of {self.first.files[0]} have one name. Received: "
                f"{shortened(twice)}. Expected each name once: rename one."
            )
        declared = {key: [name] for key, name in columns.items() if name is not None}
        for key, wanted in {**declared, **keys}.items():
            for column in wanted:
                self.first.require(key, column)
        require_one_use(declared, keys)
        others = {columns[key] for key in ("split", "group", "time", "weight")}
        wanted = {*keys["numeric"], *keys["categorical"]}
        # what divides or weights the rows is no input, unless a key names it
        out = {columns["label"], *keys["ignore"], *(others - wanted)}
        inputs = [name for name in names if name not in out]
        if not inputs:
            raise ValueError(
                f"no column is left as an input. Received: {shortened(names)} in "
                f"{self.first.files[0]}. Expected a column beside the label."
            )
        self.roles = Roles(inputs, **columns)
        for split, files in self.files.items():
            if lacking := [c for c in self.roles.needed if c not in files.names]:
                raise ValueError(
                    f"{files.files[0]}, of {split}, lacks columns. Received: "
                    f"{shortened(files.names)}. Expected also {shortened(lacking)}, as "
                    f"in {self.first.files[0]}."
                )
        told = {
            key: value
            for key, value in dialect.items()
            if value is not None and key != "max_bad_rows"
        }
        marks = {files.decimal for files in self.files.values()}
        named = {name: key for key in ("numeric", "categorical") for name in keys[key]}
        self.rules = Rules(
            tuple(rules["missing"]),
            named,
            told.get("decimal") or ("," if "," in marks else "."),
            told,
            rules["drop_unlabelled"],
        )

    def read(self, scratch):
        """The rows of each split, typed by one pass over the files.

        Args:
            scratch: Scratch.

        Returns:
            dict of split, or "all" -> Chunks.
        """
        kept = scratch.kept("rows")
        self.typed = Typed(self.files, self.roles, self.rules, kept)
        for files in self.files.values():
            report(files)
        for words, wanted in (("numbers", False), ("words", True)):
            found = [c.name for c in self.typed.columns if (c.form == WORDS) == wanted]
            print(f"{words}: {told(found)}", file=sys.stderr)
        self.typed.tell(self.notices.begin("rows"))
        bad = [fault for files in self.files.values() for fault in files.bad]
        bad_rows.write(bad, scratch.folder / bad_rows.NAME.format(""))
        return {split: self._chunks(self.typed, split) for split in self.files}

    def _chunks(self, typed, split):
        return Chunks(lambda: typed.rows(split))

    def reading(self):
        """Rules by which the cells are read; see Typed."""
        return self.typed.reading()

    def overview(self):
        """Labels and a few rows; of large files, the first rows are only checked.

        Returns:
            Overview.

        Raises:
            ValueError: a mistake in the files, with its place.
        """
        every = [file for files in self.files.values() for file in files.files]
        if sum(file.stat().st_size for file in every) > SMALL_BYTES:
            for files in self.files.values():
                seen = 0
                for batch in files.batches(self.roles.needed):
                    seen += len(batch.columns[self.roles.label])
                    if seen > HEAD_ROWS:
                        break
            return Overview()
        kept = Scratch().kept("rows")
        typed = Typed(self.files, self.roles, self.rules, kept)
        part = "all" if "all" in self.files else "train"
        pieces, labels, count = [], {}, 0
        for rows in typed.rows(part):
            train = rows.labels
            if rows.split is not None:
                train = rows.labels[rows.split == "train"]
            for row, label in enumerate(train.tolist(), count):
                labels.setdefault(label, row)
            count += len(train)
            if count < FEW_ROWS:
                pieces.append(rows)
        few = part == "all" and count < FEW_ROWS
        return Overview(labels, count, pieces if few else None)


def require_one_use(columns, keys):
    """Refuse a column with two uses that exclude each other.

    Args:
        columns: key -> list of one name.
        keys: key -> tuple of names.

    Raises:
        ValueError: the first one, with both keys.
    """
    uses = {}
    for key, names in {**columns, **keys}.items():
        for name in names:
            uses.setdefault(name, []).append(key)
    for name, found in uses.items():
        inputs = {"numeric", "categorical"} & set(found)
        if (
            len(inputs) == 2
            or ("ignore" in found and len(found) > 1)
            or ("label" in found and len(found) > 1)
        ):
            first, second = found[:2]
            raise ValueError(
                f"a column with two uses. Received: {name!r} as ingest.{first} and "
                f"ingest.{second}. Expected one of them."
            )


def told(names):
    """Names of columns in one line: odd ones in quotes, of many the first ones.

    Args:
        names: list of str.
    """
    plain = [n and n.isprintable() and n == n.strip() and len(n) <= CUT for n in names]
    listed = [
        name if alone else repr(name[:CUT])
        for name, alone in zip(names[:MOST], plain, strict=False)
    ]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return (", ".join(listed) or "none") + more
