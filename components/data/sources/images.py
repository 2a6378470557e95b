"""A Source of image files whose labels are known: by their folders, or by a table."""

import hashlib
import os
from functools import cache
from typing import NamedTuple

from phistar.components.data.image_survey import Bad, chosen, survey
from phistar.components.data.sources.base import Chunks, Overview, Source
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


def images(name, splits, options, notices, origin, table=""):
    """The Source.

    Args:
        name: of the data.
        splits: dict of split, or "all" -> list of Example.
        options: Options.
        notices: Notices, with what was left out so far.
        origin: of the Source.
        table: hash of the tables that the examples come from.

    Returns:
        Source of images.
    """
    every = [one for part in splits.values() for one in part]
    bad = Bad(options.max_bad_files, notices.begin("bad files"))
    # opening must not decode the images, so the fingerprint is that of the files
    digest = hashlib.sha256(table.encode())
    for one in every:
        size, content = stated(one.file)
        line = f"{one.name}\0{size}\0{content}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    fitting = {}

    @cache
    def surveyed():
        return survey([one.file for one in every], bad)

    def overview():
        surveyed()
        train = splits.get("all") or splits["train"]
        train = [one.fields for one in train if one.file not in bad]
        labels = [f["labels"] for f in train if f.get("split", "train") == "train"]
        return Overview(first_rows(labels), len(labels))

    def prepare(folder):
        bad.folder = folder

    def read():
        from phistar.components.data.pictures import Picture, pieces

        counts = notices.begin("sizes and colours")
        given = options.height, options.width, options.channels
        shape, white = chosen(surveyed(), *given, counts)
        fitting["white"] = white

        def read_split(split):
            def pictures():
                for one in splits[split]:
                    if one.file not in bad:
                        with open(one.file, "rb") as file:
                            data = file.read()
                        yield Picture(data, one.fields, one.file)

            yield from pieces(pictures(), shape, notices.begin(split), white, bad.add)
            bad.end()

        return {
            split: Chunks(lambda split=split: read_split(split)) for split in splits
        }

    return Source(
        name=name,
        kind="images",
        fingerprint={"sha256": digest.hexdigest()},
        read=read,
        overview=cache(overview),
        prepare=prepare,
        stratified=True,
        notices=notices,
        fitting=lambda: fitting,
        origin=origin,
    )


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
