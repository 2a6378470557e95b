"""Image files whose labels are known: by their folders, or by a table."""

import hashlib
import math
import os
from functools import cache, cached_property
from itertools import chain, islice
from typing import NamedTuple

from phistar.components.data.files import bad_rows
from phistar.components.data.image_survey import Bad, chosen, survey
from phistar.components.data.sources.base import Chunks, Overview, Source
from phistar.components.digests import Inputs
from phistar.components.labels import first_rows

BLOCK = 10**4  # files that are hashed at a time


class Options(NamedTuple):
    """Keys that sources of own images share.

    Args:
        height, width, channels: of the images in the data, or None.
        max_bad_files: files that may be left out.
    """

    height: int | None
    width: int | None
    channels: int | None
    max_bad_files: int


class Example(NamedTuple):
    """One image.

    Args:
        file: str.
        fields: what its row has beside the pixels, see `Picture` of pictures.py.
        name: of the file in the fingerprint.
    """

    file: str
    fields: dict
    name: str


class ImageFiles:
    """The files of a Source of images; its methods are those of the Source.

    Args:
        splits: dict of split, or "all" -> list of Example.
        options: Options.
        notices: Notices, with what was left out so far.
        bad_rows: list of Fault, of the tables that name the files.
        inputs: Inputs, with these tables.
    """

    def __init__(self, splits, options, notices, bad_rows=(), inputs=None):
        self.splits, self.options, self.notices = splits, options, notices
        self.bad_rows, self.inputs = bad_rows, inputs or Inputs()
        self.bad = Bad(options.max_bad_files, notices.begin("bad files"))
        self.white = None  # known after `read`
        self.folder, self.kept = None, set()  # splits whose pixels are kept in it

    def source(self, kind, name, origin, table=""):
        """The Source of these files.

        Args:
            kind: "images"; the config reads it where a source is defined.
            name: of the data.
            origin: of the Source.
            table: hash of the tables that name the files.
        """
        return Source(
            name=name,
            kind=kind,
            fingerprint=self.fingerprint(table),
            read=self.read,
            overview=cache(self.overview),
            prepare=self.prepare,
            fitting=self.fitting,
            stratified=True,
            notices=self.notices,
            origin=origin,
            inputs=self.inputs,
        )

    @cached_property
    def survey(self):
        """The Survey of all files; it takes a while."""
        every = [one.file for part in self.splits.values() for one in part]
        return survey(every, self.bad)

    def fingerprint(self, table=""):
        """Plain data that changes with the files: opening must not decode the images.

        Args:
            table: hash of the tables that the examples come from.
        """
        digest = hashlib.sha256(table.encode())
        every = chain.from_iterable(self.splits.values())
        while block := list(islice(every, BLOCK)):
            # one that cannot be read is refused, or left out, where it is looked at
            files = [one.file for one in block if os.path.isfile(one.file)]
            files = [file for file in files if os.access(file, os.R_OK)]
            known = dict(zip(files, self.inputs.sha256(files), strict=True))
            for one in block:
                line = f"{one.name}\0{known.get(one.file, '')}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
        return {"sha256": digest.hexdigest()}

    def overview(self):
        """The labels of train, once all files have been looked at.  -> Overview"""
        _ = self.survey
        train = self.splits.get("all") or self.splits["train"]
        train = [one.fields for one in train if one.file not in self.bad]
        labels = [f["labels"] for f in train if f.get("split", "train") == "train"]
        return Overview(first_rows(labels), len(labels))

    def prepare(self, scratch):
        """Keep pixels in a Scratch, and the list of the files that are left out."""
        self.bad.folder = self.folder = scratch.folder
        bad_rows.write(self.bad_rows, self.folder / bad_rows.NAME.format(""))

    def read(self):
        """Pieces of the rows.  -> dict of split, or "all" -> Chunks"""
        counts = self.notices.begin("sizes and colours")
        size = self.options[:3]
        shape, self.white = chosen(self.survey, *size, counts)
        return {
            split: Chunks(lambda split=split: self.pieces(split, shape))
            for split in self.splits
        }

    def pieces(self, split, shape):
        """The rows of a split, decoded once if there is a folder.

        Yields:
            Rows.
        """
        from phistar.components.data.pictures import Picture, pieces

        if split in self.kept:
            yield from self.again(split, shape)
            return

        def pictures():
            for one in self.good(split):
                with open(one.file, "rb") as file:
                    data = file.read()
                yield Picture(data, one.fields, one.file)

        counts = self.notices.begin(split)
        found = pieces(pictures(), shape, counts, self.white, self.bad.add)
        # a pass may be left before its end, and then begins anew
        with open(self.pixels(split) if self.folder else os.devnull, "wb") as kept:
            for rows in found:
                kept.write(rows.inputs)
                yield rows
        self.bad.end()
        if self.folder:
            self.kept.add(split)

    def again(self, split, shape):
        """The rows of a split whose pixels are kept.  -> iterator of Rows"""
        import numpy as np

        from phistar.components.data.pictures import rows, rows_of_piece

        fields = (one.fields for one in self.good(split))
        most, size = rows_of_piece(shape), math.prod(shape)
        with open(self.pixels(split), "rb") as kept:
            while part := list(islice(fields, most)):
                pixels = np.fromfile(kept, "uint8", len(part) * size)
                yield rows(pixels.reshape(len(part), *shape), part)

    def good(self, split):
        """The examples of a split whose files can be read.  -> iterator of Example"""
        return (one for one in self.splits[split] if one.file not in self.bad)

    def pixels(self, split):
        """The file of a split's pixels, all images one behind the other."""
        return self.folder / f"{split}.pixels"

    def fitting(self):
        """Further arguments of the encoder's `fit`.  -> dict"""
        return {"white": self.white}
