"""Image files whose labels are known: by their folders, or by a table."""

import hashlib
import os
from functools import cache, cached_property, partial
from itertools import chain, count, islice
from typing import NamedTuple

from phistar.components import progress
from phistar.components.data.files import bad_rows
from phistar.components.data.image_survey import Bad, chosen, survey
from phistar.components.data.kept import Piece, Scratch
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


class Part(NamedTuple):
    """Some images of a split.

    Args:
        split: or "all".
        examples: list of Example.
        piece: Piece, that decodes them.
    """

    split: str
    examples: list
    piece: Piece


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
        self.scratch = None  # Scratch, for the pixels
        self.size = 0  # bytes of the files, known with their hashes

    def source(self, kind, name, origin, table=""):
        """The Source of these files.

        Args:
            kind: "images"; the config reads it where a source is defined.
            name: of the data.
            origin: of the Source.
            table: hash of the tables that name the files.
        """
        fingerprint = self.fingerprint(table)
        return Source(
            name=name,
            kind=kind,
            fingerprint=fingerprint,
            read=self.read,
            overview=cache(self.overview),
            prepare=self.prepare,
            fitting=self.fitting,
            stratified=True,
            notices=self.notices,
            origin=origin,
            size=self.size,
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
            self.size += sum(map(os.path.getsize, files))
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
        self.scratch, self.bad.folder = scratch, scratch.folder
        bad_rows.write(self.bad_rows, scratch.folder / bad_rows.NAME.format(""))

    def read(self):
        """Pieces of the rows.  -> dict of split, or "all" -> Chunks"""
        counts = self.notices.begin("sizes and colours")
        size = self.options[:3]
        shape, self.white = chosen(self.survey, *size, counts)
        kept = (self.scratch or Scratch()).kept("rows")
        parts = list(self.parts(shape))
        self.decode(parts, kept)
        return {
            split: Chunks(partial(self.rows, split, parts, shape, kept))
            for split in self.splits
        }

    def parts(self, shape):
        """The images that can be read, as many at a time as a piece of rows has.

        Args:
            shape: (height, width, channels).

        Yields:
            Part.
        """
        from phistar.components.data.pictures import rows_of_piece

        about, numbers = {"shape": list(shape), "white": self.white}, count()
        for split, every in self.splits.items():
            good = (one for one in every if one.file not in self.bad)
            while few := list(islice(good, rows_of_piece(shape))):
                request = {"files": [one.file for one in few], **about}
                yield Part(split, few, Piece(f"{next(numbers):06}", len(few), request))

    def decode(self, parts, kept):
        """Decode the images of all parts, each once.

        Args:
            parts: list of Part.
            kept: Kept, for their pixels.

        Raises:
            ValueError: too many are no images.
        """
        from phistar.components.data.sources.image_pieces import images_piece

        counts = {split: self.notices.begin(split) for split in self.splits}
        first, *others = [part.piece for part in parts]
        seen = progress.counter("images", sum(len(part.examples) for part in parts))
        made = kept.map(images_piece, first, lambda result: others, seen)
        for part, result in zip(parts, made, strict=True):
            counts[part.split].join(result["noted"])
            for file, what in result["bad"]:
                self.bad.add(file, what)
        self.bad.end()

    def rows(self, split, parts, shape, kept):
        """The rows of a split.

        Args:
            split: name.
            parts: list of Part.
            shape: (height, width, channels).
            kept: Kept, with their pixels.

        Yields:
            Rows.
        """
        import numpy as np

        from phistar.components.data.pictures import rows
        from phistar.components.data.sources.image_pieces import SUFFIX

        for part in parts:
            good = [one.fields for one in part.examples if one.file not in self.bad]
            if part.split == split and good:
                pixels = np.fromfile(f"{kept.path(part.piece)}{SUFFIX}", "uint8")
                yield rows(pixels.reshape(len(good), *shape), good)

    def fitting(self):
        """Further arguments of the encoder's `fit`.  -> dict"""
        return {"white": self.white}
