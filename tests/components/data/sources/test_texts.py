"""The sources of texts: kjv, text, tfds_text."""

import gzip
import json
import os
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pytest
import tensorflow_datasets

from phistar.components.data.sources import fetch, kjv
from phistar.components.data.sources.parallel import parallel
from phistar.components.data.sources.text import text
from phistar.components.data.sources.text_pieces import NO_TEXT
from phistar.components.data.sources.tfds_text import tfds_text
from phistar.components.hashing import file_sha256
from tests.helpers import odd


def texts(rows):
    """All texts of pieces of Rows.  -> list of bytes."""
    return [one for piece in rows for one in piece.labels]


def module(folder, books):
    """Write a SWORD module: a list of books, each a list of entries."""
    blocks, packed, entries = b"", b"", b""
    for number, book in enumerate(books):
        data = [entry.encode() for entry in book]
        for i, entry in enumerate(data):
            entries += struct.pack("<IIH", number, sum(map(len, data[:i])), len(entry))
        body = zlib.compress(b"".join(data))
        blocks += struct.pack("<III", len(packed), len(body), 0)
        packed += body
    for end, content in {"bzs": blocks, "bzz": packed, "bzv": entries}.items():
        (folder / f"ot.{end}").write_bytes(content)


def test_kjv_chapters_are_the_text_of_their_verses(tmp_path):
    books = [
        ["", "<milestone n='x'/>", "<title>The First Book</title>"],
        [
            '<div sID="p"/> <chapter n="1" osisID="Gen.1" sID="Gen.1"/> ',
            'In <w lemma="strong:H1">the</w> beginning<note n="a">Heb. x</note>. ',
            "¶ And  <transChange>it was</transChange> so &amp; good, the \\nd LORD. ",
            '<chapter n="2" osisID="Gen.2" sID="Gen.2"/> ',
            "Thus. <foreign>א ALEPH</foreign>",
        ],
    ]
    module(tmp_path, books)
    assert kjv.chapters(kjv.verses(tmp_path, "ot")) == [
        "In the beginning.\nAnd it was so & good, the LORD.\n",
        "Thus.\n",
    ]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small Debian package in place of the archive.  -> its SHA-256."""
    root = tmp_path / "package"
    (root / "DEBIAN").mkdir(parents=True)
    control = "Package: made\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\n"
    (root / "DEBIAN" / "control").write_text(control + "Description: x\n")
    (root / "word").write_text("hello")
    deb = tmp_path / "made_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", root, deb], check=True, capture_output=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    real, asked = fetch.run, []

    def run(command, folder):
        if command[0] != "apt-get":
            return real(command, folder)
        asked.append(command)
        (Path(folder) / deb.name).write_bytes(deb.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch, "run", run)
    return file_sha256(deb), asked


def test_debian_of_a_known_version_is_fetched_once(package, tmp_path):
    sha256, asked = package
    for name in ("first", "second"):
        fetch.debian("made", tmp_path / name, sha256)
        assert (tmp_path / name / "word").read_text() == "hello"
    assert len(asked) == 1


def test_debian_refuses_another_version(package, tmp_path):
    with pytest.raises(ConnectionError, match="another version.*Expected 00"):
        fetch.debian("made", tmp_path / "out", "0" * 64)
    assert not (tmp_path / "out").exists()


def test_text_files_are_documents(tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "b.TXT").write_bytes(b"second\r\n\n\0")
    (tmp_path / "deeper" / "c.txt.gz").write_bytes(gzip.compress(b"third"))
    (tmp_path / "a.md").write_bytes("\ufeffgröß\ufffd".encode())
    (tmp_path / "picture.png").write_bytes(b"no text")
    source = text(path=str(tmp_path))
    found = texts(source.read()["all"])
    assert found == ["größ\ufffd".encode(), b"second\r\n\n\0", b"third"]
    assert {one.places[0] for one in source.notices.found()} == {
        "picture.png",
        "a.md",
        "b.TXT",
    }


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.zst"])
def test_text_lines_are_documents_but_for_empty_ones(tmp_path, ending, suffix):
    file = tmp_path / f"lines{suffix}"
    odd = "t\x85w\u2028\0ö\x0b\x0c".encode()
    content = ending.join([b"one", b"", b" ", odd, b"x" * 2**20, b"", b"end"])
    pack = {".txt": "", ".txt.gz": "gzip", ".txt.zst": "zstd"}[suffix]
    with pyarrow.output_stream(file, compression=pack or None) as stream:
        stream.write(content)
    source = text(path=str(file), document="line")
    assert texts(source.read()["all"]) == [b"one", b" ", odd, b"x" * 2**20, b"end"]
    empty, nul = sorted(source.notices.found(), key=lambda one: one.what)
    assert (empty.count, empty.places) == (2, [f"{file.name}:2", f"{file.name}:6"])
    assert nul.places == [f"{file.name}:4"]
    assert source.size == file.stat().st_size


def test_text_can_be_read_again_and_knows_a_change(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one\ntwo\n")
    source = text(path=str(file), document="line")
    rows = source.read()["all"]
    assert texts(rows) == texts(rows) == [b"one", b"two"]
    assert text(path=str(file)).fingerprint == source.fingerprint
    file.write_text("one\ntwo!\n")
    assert text(path=str(file)).fingerprint != source.fingerprint


def test_text_comes_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("phistar.components.data.sources.pieces.PIECE_BYTES", 6)
    file = tmp_path / "a.txt"
    file.write_bytes(b"\n".join([b"abc"] * 5))
    pieces = list(text(path=str(file), document="line").read()["all"])
    assert [len(piece) for piece in pieces] == [2, 2, 1]


def test_text_refuses_what_is_not_there(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"no text")
    with pytest.raises(ValueError, match="with 1 files of other kinds.*picture.png"):
        text(path=str(tmp_path))
    for path in ("missing.txt", "*.txt"):
        with pytest.raises(ValueError, match="no such file. Received: ingest.path="):
            text(path=str(tmp_path / path))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(ValueError, match="picture.png is no text.*a PNG image"):
        text(path=str(tmp_path / "picture.png")).overview()


def test_folders_and_names_of_files_are_splits(tmp_path):
    for folder, names in {
        "a": ("train/1.txt", "train/2.txt", "validation/1.txt", "test/1.txt"),
        "b": ("train.txt", "test.txt"),
    }.items():
        for name in names:
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{folder} {name}")
    found = {
        folder: {
            s: texts(rows)
            for s, rows in text(path=str(tmp_path / folder)).read().items()
        }
        for folder in "ab"
    }
    assert found["a"]["train"] == [b"a train/1.txt", b"a train/2.txt"]
    assert found["a"]["valid"] == [b"a validation/1.txt"]
    assert found["b"] == {"train": [b"b train.txt"], "test": [b"b test.txt"]}
    (tmp_path / "a" / "loose.txt").write_text("x")
    with pytest.raises(ValueError, match="other files beside them. Received: loose"):
        text(path=str(tmp_path / "a"))


def test_given_files_are_splits(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.wiki").write_text(f"{name}\n")
    keys = {"valid_path": str(tmp_path / "b.wiki"), "test_path": str(tmp_path / "c.*")}
    source = text(path=str(tmp_path / "a.wiki"), document="line", **keys)
    found = {split: texts(rows) for split, rows in source.read().items()}
    assert found == {"train": [b"a"], "valid": [b"b"], "test": [b"c"]}
    with pytest.raises(ValueError, match="one file in two splits. Received: .*a.wiki"):
        text(path=str(tmp_path / "*.wiki"), test_path=str(tmp_path / "a.wiki"))


def test_texts_of_a_column(tmp_path):
    rows = [("erste\nZeile", 1, "train"), (None, 2, "train"), ("zweite", 3, "test")]
    table = pandas.DataFrame(rows, columns=["body", "id", "part"])
    table.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    table.to_parquet(tmp_path / "b.parquet")
    for name in ("a.jsonl", "b.parquet"):
        source = text(path=str(tmp_path / name), text="body", split="part")
        (found,) = source.read()["all"]
        assert found.labels.tolist() == [b"erste\nZeile", b"zweite"]
        assert found.split.tolist() == ["train", "test"]
        (dropped,) = source.notices.found()
        assert dropped.what == NO_TEXT and dropped.count == 1
    with pytest.raises(ValueError, match="ingest.text=COLUMN"):
        text(path=str(tmp_path / "a.jsonl"))
    with pytest.raises(ValueError, match="ingest.text='txt'. Expected one of 'body'"):
        text(path=str(tmp_path / "b.parquet"), text="txt").overview()
    (tmp_path / "c.txt").write_text("x")
    with pytest.raises(ValueError, match="ingest.group='id', without ingest.text"):
        text(path=str(tmp_path / "c.txt"), group="id")


@pytest.mark.parametrize(("document", "content"), [("file", b""), ("line", b"\n\r\n")])
def test_text_refuses_files_without_a_text(tmp_path, document, content):
    (tmp_path / "a.txt").write_bytes(content)
    source = text(path=str(tmp_path), document=document)
    with pytest.raises(ValueError, match=f"no text. Received: .*every {document} is"):
        source.overview()
    for name in "bc":
        (tmp_path / f"{name}.txt").write_bytes(b"one")
    (rows,) = text(path=str(tmp_path), document=document).overview().rows
    assert b"one" in rows.labels


def test_names_of_files_and_folders_may_be_odd(tmp_path):
    names = [*odd.FOLDERS, os.fsdecode(b"latin \xfc")]
    for name in names:
        folder = tmp_path / "odd" / name
        folder.mkdir(parents=True)
        (folder / f"{name[:100]}.txt").write_text("one\ufffd\n")
        for path in (folder, folder / f"{name[:100]}.txt"):
            source = text(path=str(path), document="line")
            assert texts(source.read()["all"]) == ["one\ufffd".encode()]
            assert json.dumps([source.origin, source.fingerprint]).encode()
        path = str(folder / f"{name[:100]}.txt")
        source = parallel(source_path=path, target_path=path)
        assert sum(map(len, source.read()["all"])) == 1
    source = text(path=str(tmp_path / "odd"), document="line")
    assert len(texts(source.read()["all"])) == len(names)
    notices = [vars(one) for one in source.notices.found()]
    assert json.dumps([notices, source.fingerprint], ensure_ascii=False).encode()


def test_one_file_is_too_few_unless_its_lines_are_meant(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    with pytest.raises(ValueError, match="1 files.*ingest.document=line makes"):
        text(path=str(tmp_path / "a.txt")).overview()
    assert text(path=str(tmp_path / "a.txt"), document="line").overview().rows


def test_text_refuses_half_a_gzip_file(tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(bytes(range(256)) * 100)[:-20])
    with pytest.raises(ValueError, match="a.gz cannot be read.*whole"):
        texts(text(path=str(file)).read()["all"])


LINES = {"train": ["one", "größer", "drei"], "validation": ["four"], "test": ["five"]}


class Lines(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set in the shape of lm1b, which TFDS does not know."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    pkg_dir_path = Path(__file__).parent

    def _info(self):
        features = tensorflow_datasets.features
        kinds = {"text": features.Text(), "number": features.Scalar(np.int64)}
        return self.dataset_info_from_configs(features=features.FeaturesDict(kinds))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in LINES}

    def _generate_examples(self, split):
        for key, line in enumerate(LINES[split]):
            yield key, {"text": line, "number": key}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Lines, prepared."""
    folder = tmp_path_factory.mktemp("tfds")
    tensorflow_datasets.disable_progress_bar()
    Lines(data_dir=folder).download_and_prepare()
    return str(folder)


def test_tfds_text_has_the_splits_as_registered(data_dir):
    source = tfds_text(name="lines", data_dir=data_dir)
    found = {split: texts(rows) for split, rows in source.read().items()}
    assert sorted(found["train"]) == sorted(t.encode() for t in LINES["train"])
    assert found["valid"] == [b"four"] and found["test"] == [b"five"]
    assert source.kind == "text" and source.name == "lines"


def test_tfds_text_refuses_what_is_no_text(data_dir):
    with pytest.raises(ValueError, match=r"'number'. Expected one of \['text'\]"):
        tfds_text(name="lines", data_dir=data_dir, feature="number")


@pytest.mark.parametrize("name", ["tiny_shakespeare", "lm1b"])
def test_tfds_text_knows_the_registered_ones(name, tmp_path):
    source = tfds_text(name=name, data_dir=str(tmp_path))
    assert source.kind == "text" and name in source.fingerprint["tfds"]
