"""Image files whose labels are known: by their folders, or by a table."""

import hashlib
import os
from functools import cached_property
from typing import NamedTuple

from phistar.components.data.image_survey import Bad, chosen, survey
from phistar.components.data.sources.base import Chunks, Overview
from phistar.components.hashing import file_sha256
from phistar.components.labels import first_rows


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
    """

    def __init__(self, splits, options, notices):
        self.splits, self.options, self.notices = splits, options, notices
        self.bad = Bad(options.max_bad_files, notices.begin("bad files"))
        self.white = None  # known after `read`

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
        for part in self.splits.values():
            for one in part:
                size, content = stated(one.file)
                line = f"{one.name}\0{size}\0{content}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
        return {"sha256": digest.hexdigest()}

    def overview(self):
        """The labels of train, once all files have been looked at.  -> Overview"""
        _ = self.survey
        train = self.splits.get("all") or self.splits["train"]
        train = [one.fields for one in train if one.file not in self.bad]
        labels = [f["labels"] for f in train if f.get("split", "train") == "train"]
        return Overview(first_rows(labels), len(labels))

    def prepare(self, folder):
        """Keep the list of the files that are left out in a folder."""
        self.bad.folder = folder

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
        """The rows of a split.  -> iterator of Rows"""
        from phistar.components.data.pictures import Picture, pieces

        def pictures():
            for one in self.splits[split]:
                if one.file not in self.bad:
                    with open(one.file, "rb") as file:
                        data = file.read()
                    yield Picture(data, one.fields, one.file)

        counts = self.notices.begin(split)
        yield from pieces(pictures(), shape, counts, self.white, self.bad.add)
        self.bad.end()

    def fitting(self):
        """Further arguments of the encoder's `fit`.  -> dict"""
        return {"white": self.white}


def stated(file):
    """Size and SHA-256 of a file; of one that cannot be read, nothing.

    It is refused, or left out, where it is looked at.
    """
    try:
        if os.path.isfile(file):
            return os.path.getsize(file), file_sha256(file)
    except OSError:
        pass
    return 0, ""
