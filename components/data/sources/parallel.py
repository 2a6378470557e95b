"""Your own sentence pairs: two files, line n of one the translation of the other's.

Or a table, with a column of sentences and a column of their translations.

What a line holds is kept as it is. What the encoder reads as something else, like NUL,
is counted: components/data/encoders/text.py.
"""

import re
from typing import Annotated

from pydantic import Field

from phistar.components.data.files.columns import SUFFIXES
from phistar.components.data.files.dividing import Dividing
from phistar.components.data.files.encodings import require_encoding
from phistar.components.data.files.found import shown
from phistar.components.data.files.parts import (
    digest,
    origin,
    parts,
    require_apart,
    size_of,
)
from phistar.components.data.notices import Notices
from phistar.components.data.sources.base import Source, existing, require_no
from phistar.components.data.sources.pairs import overview
from phistar.components.data.sources.text_files import TextRows
from phistar.components.data.sources.text_parts import pair_parts
from phistar.components.data.sources.text_pieces import pairs_piece
from phistar.components.digests import Inputs

SIDES = ("source", "target")


def parallel(
    *,
    source_path: str | None = None,
    target_path: str | None = None,
    valid_source_path: str | None = None,
    valid_target_path: str | None = None,
    test_source_path: str | None = None,
    test_target_path: str | None = None,
    path: str | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    source_column: str = "source",
    target_column: str = "target",
    split: str | None = None,
    group: str | None = None,
    time: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    quote: str | None = None,
    max_bad_rows: Annotated[int, Field(ge=0)] = 0,
):
    """Pairs of lines of two files, or rows of a table; those with an empty side go.

    A test that is given is kept line by line, so that its BLEU is comparable.

    Args:
        source_path: of the file of sentences to translate, plain, .gz or .zst; relative
            to the working directory.
        target_path: of the file of their translations, with as many lines.
        valid_source_path: as `source_path`, of the pairs that choose the weights.
        valid_target_path: of their translations.
        test_source_path: as `source_path`, of the pairs that are scored at the end.
        test_target_path: of their translations.
        path: instead of two files, of a table with both sides: JSON lines, Parquet,
            Feather, TSV or CSV; a file, a folder or a pattern like "pairs/*.tsv".
            Folders train, valid and test in it, or files called so, are the splits.
        valid_path: as `path`, of the pairs that choose the weights.
        test_path: as `path`, of the pairs that are scored at the end.
        source_column: of a table, the column of sentences to translate.
        target_column: of a table, the column of their translations.
        split: of a table, the column that says train, valid or test.
        group: of a table, the column of groups; pairs of a group are in one split.
        time: of a table, the column of times; test is the latest.
        encoding: of all files, like windows-1252; default: as a byte order mark says,
            or UTF-8.
        separator: of the cells of a TSV or CSV file; default: as its first lines show.
        quote: around cells of such a file, "" for none; default: as its lines show.
        max_bad_rows: rows of a table that cannot be read and are left out, at most.

    Returns:
        Source of pairs.

    Raises:
        ValueError: if there is no such file.
    """
    require_encoding(encoding)
    two_files = {
        "train": (source_path, target_path),
        "valid": (valid_source_path, valid_target_path),
        "test": (test_source_path, test_target_path),
    }
    of_table = {"valid_path": valid_path, "test_path": test_path}
    of_table |= {"split": split, "group": group, "time": time}
    of_table |= {"separator": separator, "quote": quote}
    of_table |= {"max_bad_rows": max_bad_rows or None}
    notices, inputs = Notices(), Inputs()
    if path is None:
        require_no("without ingest.path, a table", of_table)
        both = files(two_files)
        data, facts = of_lines(both, encoding, notices, inputs)
    else:
        for part, both in two_files.items():
            given = dict(zip(keys_of(part), both, strict=True))
            require_no("with ingest.path, a table of both sides", given)
        given = parts(path, valid_path, test_path, split, SUFFIXES, notices)
        options = {"separator": separator, "quote": quote, "encoding": encoding}
        options |= {"max_bad_rows": max_bad_rows}
        named = {"source_column": source_column, "target_column": target_column}
        dividing = Dividing(split, group, time)
        data = TextRows.of_tables(given, named, dividing, options, notices)
        facts = {
            "name": (given.get("all") or given["train"]).found.title,
            "fingerprint": {"sha256": digest(given, inputs)},
            "origin": origin(given, dividing),
            "size": size_of(given),
        }
    return Source(
        kind="pairs",
        read=data.read,
        prepare=data.prepare,
        overview=lambda: overview(data, facts["size"], facts["origin"]),
        notices=notices,
        inputs=inputs,
        **facts,
    )


def of_lines(both, encoding, notices, inputs):
    """The rows of files of lines, and the facts of their Source.

    Args:
        both: dict of split, or "all" -> list of two Path.
        encoding: of the files, or None.
        notices: of the source.
        inputs: Inputs, which notes the files.

    Returns:
        (TextRows, dict).
    """
    named = {
        split: [(file, shown(file.name)) for file in two] for split, two in both.items()
    }
    data = TextRows(
        pairs_piece, lambda whole: pair_parts(named, encoding), named, notices
    )
    every = {
        f"{split} {side}": file
        for split, two in both.items()
        for side, file in zip(SIDES, two, strict=True)
    }
    first = next(iter(every.values()))
    hashes = inputs.sha256(list(every.values()))
    return data, {
        "name": re.sub(r"\W+", "_", first.resolve().name.split(".")[0]),
        "fingerprint": dict(zip(every, hashes, strict=True)),
        "origin": {split: " and ".join(map(shown, two)) for split, two in both.items()},
        "size": sum(file.stat().st_size for file in every.values()),
    }


def keys_of(split):
    """The keys of the two files of a split.  -> list of two str"""
    front = "" if split == "train" else f"{split}_"
    return [f"{front}{side}_path" for side in SIDES]


def files(paths):
    """The two files of each part.

    Args:
        paths: dict of split -> (path of the sources, path of the targets), None for one
            that is not given.

    Returns:
        dict of "train", "valid", "test", or "all" alone -> list of two Path.

    Raises:
        ValueError: one file without the other, a file that does not exist, or is in
            two splits.
    """
    given = {}
    for split, both in paths.items():
        named = dict(zip(keys_of(split), both, strict=True))
        if None in both and any(both):
            lacking = next(key for key, path in named.items() if path is None)
            key, path = next((k, p) for k, p in named.items() if p is not None)
            raise ValueError(
                f"one file of two. Received: ingest.{key}={path!r} without "
                f"ingest.{lacking}. Expected both, line n of the one the translation "
                "of line n of the other."
            )
        if any(both):
            kind = "a file of lines, plain, .gz or .zst"
            given[split] = [existing(*one, kind) for one in named.items()]
    if "train" not in given:
        raise ValueError(
            "no pairs to train on. Received: neither ingest.source_path and "
            "ingest.target_path nor ingest.path. Expected two files of lines, or a "
            "table with the columns source and target."
        )
    require_apart(given)
    return given if len(given) > 1 else {"all": given["train"]}
