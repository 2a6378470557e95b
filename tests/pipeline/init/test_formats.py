"""The same rows in every format: `init` and `ingest` make the same Dataset of them."""

import hashlib
import json
from pathlib import Path

import pytest

from phistar.components import ingest
from phistar.pipeline.config.load import load
from phistar.pipeline.init.command import init
from tests.helpers import stages, written
from tests.helpers.written import SPLITS, SUFFIXES, in_folders, pictures

# the ways of the standard suite; `make test-slow` tries all
FEW = ("commas.csv", "excel.csv", "packed.jsonl.zst", "typed.parquet", "pattern")
FEW += ("files", "folders", "tables", "png", "all formats", "two files", "lines")
EVERY = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["few", "every"]
)
FACTS = ("source.json", "journal.jsonl", "dataset.json")  # with names of files


def dataset(folder, data, label=None):
    """What `init` and `ingest` make of files.

    Args:
        folder: Path to write below.
        data: list of paths, as a user types them.
        label: column, or None.

    Returns:
        dict of a file of the Dataset -> SHA-256, but for the names in it.
    """
    init(folder / "root", list(map(str, data)), label, "one")
    sections = load("one", [], folder / "root").sections
    given = {"task": sections["task"], **sections["ingest"]}
    made = Path(stages.call(ingest, folder, **given))
    found = {
        str(file.relative_to(made)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(made.rglob("*"))
        if file.is_file() and file.name not in FACTS
    }
    described = json.loads((made / "dataset.json").read_text())
    own = described["inputs"]["encoder"]
    own.pop("reading", None)  # of the files' dialect
    return found | {"dataset.json": {k: v for k, v in described.items() if k != "name"}}


def same(tmp_path, every, ways, label=None):
    """Every way to give some rows gives one Dataset.

    Args:
        tmp_path: Path.
        every: True for all ways, False for those of FEW.
        ways: dict of a name -> function of a folder, list of paths.
        label: column, or None.
    """
    found = {}
    ways = {name: way for name, way in ways.items() if every or name in FEW}
    assert len(ways) > 1
    for number, (name, given) in enumerate(ways.items()):
        folder = tmp_path / f"{number}"
        folder.mkdir(parents=True)
        found[name] = dataset(folder, given(folder / "data"), label)
    first = next(iter(found))
    different = [name for name in found if found[name] != found[first]]
    assert not different, (first, different)


def split(made):
    """Rows with a column that says their split, and the rows of each.

    Args:
        made: function of (number, seed), list of rows.
    """
    rows = {name: made(n, seed) for seed, (name, n) in enumerate(SIZES.items())}
    marked = [row | {"split": name} for name in SPLITS for row in rows[name]]
    return rows, marked


SIZES = {"train": 60, "valid": 20, "test": 20}


@EVERY
def test_a_table_is_one_data_set_in_every_format(tmp_path, every):
    rows = written.shop(90, 0)
    ways = {
        name: lambda to, name=name: [written.table(to / name, rows)]
        for name in written.TABLES
    }
    ways["pattern"] = lambda to: [written.several(to, rows)]
    ways["typed files"] = lambda to: sorted(
        to.glob(written.several(to, rows, "{}.jsonl").name)
    )
    ways["folder"] = lambda to: [written.several(to, rows, "{}.parquet").parent]
    same(tmp_path, every, ways, "gekündigt")


@EVERY
def test_a_table_has_its_own_splits_as_files_folders_and_a_column(tmp_path, every):
    rows, marked = split(written.shop)

    def files(to, name="{}.csv"):
        return [written.table(to / name.format(one), rows[one]) for one in SPLITS]

    def mixed(to):
        ends = {"train": "csv.gz", "valid": "jsonl", "test": "parquet"}
        for one, end in ends.items():
            written.table(to / f"{one}.{end}", rows[one])
        return [to]

    ways = {
        "files": files,
        "files of other names": lambda to: files(to, "shop-{}-2024.csv"),
        "a folder of other names": lambda to: [files(to, "shop_{}.csv")[0].parent],
        "files of one folder": mixed,
        "folders": lambda to: [files(to, "{}/part.parquet")[0].parents[1]],
    }
    same(tmp_path, every, ways, "gekündigt")
    same(
        tmp_path / "column",
        every,
        {
            name: lambda to, name=name: [written.table(to / name, marked)]
            for name in written.COLUMNS
        },
        "gekündigt",
    )


@EVERY
def test_images_are_one_data_set_in_folders_and_tables_of_every_format(tmp_path, every):
    made = pictures(60, 0)

    def table(to, name):
        rows = in_folders(to, made)
        return [written.table(to / name, rows)]

    def flat(to):
        rows = [
            row | {"file": row["file"].replace("/", "")} for row in in_folders(to, made)
        ]
        for row, (_, pixels) in zip(rows, made, strict=True):
            written.picture(to / "flat" / row["file"], pixels)
        written.table(to / "flat" / "labels.csv", rows)
        return [to / "flat"]

    ways = {
        suffix: lambda to, suffix=suffix: [in_folders(to, made, (suffix,)) and to]
        for suffix in SUFFIXES
    }
    ways["all formats"] = lambda to: [in_folders(to, made) and to]
    ways |= {name: lambda to, name=name: table(to, name) for name in written.COLUMNS}
    ways["a table beside its images"] = flat
    same(tmp_path, every, ways)


@EVERY
def test_images_have_their_own_splits_as_folders_tables_and_a_column(tmp_path, every):
    made = {name: pictures(n, seed) for seed, (name, n) in enumerate(SIZES.items())}

    def rows(to):
        return {
            name: [
                row | {"file": f"{name}/{row['file']}"}
                for row in in_folders(to / name, made[name])
            ]
            for name in SPLITS
        }

    def tables(to):
        found = rows(to)
        return [written.table(to / f"{name}.csv", found[name]) for name in SPLITS]

    def column(to):
        marked = [r | {"split": n} for n, every in rows(to).items() for r in every]
        return [written.table(to / "all.parquet", marked)]

    same(
        tmp_path,
        every,
        {"folders": lambda to: [rows(to) and to], "tables": tables, "column": column},
    )


def pairs(number, seed):
    """Rows of sentences and of their translations."""
    return [{"source": a, "target": b} for a, b in written.sentences(number, seed)]


def sides(to, rows, name, ends=("en", "de")):
    """Two files of lines."""
    return [
        written.lines(to / name.format(end), [row[side] for row in rows])
        for side, end in zip(("source", "target"), ends, strict=True)
    ]


@EVERY
def test_pairs_are_one_data_set_in_every_format(tmp_path, every):
    rows = pairs(90, 0)
    named = [{"en": row["source"], "de": row["target"]} for row in rows]
    ways = {
        "two files": lambda to: sides(to, rows, "train.{}"),
        "two texts": lambda to: sides(to, rows, "{}.txt"),
        "packed": lambda to: sides(to, rows, "train.{}.gz"),
        "pattern": lambda to: [written.several(to, rows, "{}.tsv")],
    }
    ways |= {
        name: lambda to, name=name: [written.table(to / name, rows)]
        for name in (*written.COLUMNS, "latin.csv", "packed.jsonl.zst")
    }
    ways["languages"] = lambda to: [written.table(to / "named.jsonl", named)]
    same(tmp_path, every, ways)


@EVERY
def test_pairs_have_their_own_splits_as_files_folders_and_a_column(tmp_path, every):
    rows, marked = split(pairs)

    def files(to, *ends):
        return [f for one in SPLITS for f in sides(to, rows[one], one + ".{}", *ends)]

    def tables(to, name):
        return [written.table(to / name.format(one), rows[one]) for one in SPLITS]

    ways = {
        "files": files,
        "a folder": lambda to: [files(to, ("source", "target"))[0].parent],
        "tables": lambda to: tables(to, "{}.tsv"),
        "folders": lambda to: [tables(to, "{}/part.parquet")[0].parents[1]],
    }
    ways |= {
        name: lambda to, name=name: [written.table(to / name, marked)]
        for name in written.COLUMNS
    }
    same(tmp_path, every, ways)


def texts(number, seed):
    """Rows of texts."""
    return [{"text": source} for source, _ in written.sentences(number, seed)]


@EVERY
def test_texts_are_one_data_set_in_every_format(tmp_path, every):
    rows = texts(90, 0)
    words = [row["text"] for row in rows]
    ways = {
        "lines": lambda to: [written.lines(to / "letters.txt", words)],
        "packed lines": lambda to: [written.lines(to / "letters.txt.zst", words)],
        "files": lambda to: [written.each_a_file(to, words)],
        "pattern": lambda to: [written.each_a_file(to, words) / "*.txt"],
        "typed files": lambda to: sorted(written.each_a_file(to, words).iterdir()),
    }
    ways |= {
        name: lambda to, name=name: [written.table(to / name, rows)]
        for name in (*written.COLUMNS, "packed.jsonl.zst")
    }
    same(tmp_path, every, ways)


@EVERY
def test_texts_have_their_own_splits_as_files_folders_and_a_column(tmp_path, every):
    rows, marked = split(texts)
    words = {name: [row["text"] for row in rows[name]] for name in SPLITS}

    def folders(to):
        for name in SPLITS:
            written.each_a_file(to / name, words[name])
        return [to]

    ways = {
        "files": lambda to: [written.lines(to / f"{n}.txt", words[n]) for n in SPLITS],
        "folders": folders,
        "tables": lambda to: [
            written.table(to / f"my-{name}.jsonl", rows[name]) for name in SPLITS
        ],
    }
    ways |= {
        name: lambda to, name=name: [written.table(to / name, marked)]
        for name in written.COLUMNS
    }
    same(tmp_path, every, ways)
