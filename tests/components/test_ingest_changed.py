"""What is kept under a file's hash is made of the bytes that were hashed."""

import gc
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from phistar.components import digests, ingest, progress
from phistar.components.data.kept import Kept, Piece
from phistar.components.data.sources import source as source_function
from phistar.components.training.warm_start import fingerprint, start_from
from phistar.pipeline.record.journal import Journal
from tests.helpers.formats import colours, saved

LABELLED = {"name": "multiclass"}
WORDS = {"name": "language", "tokenizer": "characters"}
PAIRS = {"name": "translation", "tokenizer": "characters", "max_length": 99}
CHANGES = ("edited", "replaced", "put back")


def table(folder):
    """(task, keys of ingest, file, its other content) of a table."""
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(300))
    (folder / "t.csv").write_text(f"x,y\n{rows}")
    keys = {"source": "table", "path": str(folder / "t.csv"), "label": "y"}
    return LABELLED, keys, folder / "t.csv", f"x,y\n5.5,a\n{rows}"


def text(folder):
    """The same of texts."""
    lines = "".join(f"line {n}\n" for n in range(90))
    (folder / "t.txt").write_text(lines)
    keys = {"source": "text", "path": str(folder / "t.txt"), "document": "line"}
    return WORDS, keys, folder / "t.txt", lines.upper()


def pairs(folder):
    """The same of pairs of lines."""
    # a word of their own keeps the pairs apart
    lines = "".join(f"line {chr(0x4E00 + n)} {n}\n" for n in range(90))
    keys = {"source": "parallel"}
    for side in ("source", "target"):
        (folder / side).write_text(lines)
        keys[f"{side}_path"] = str(folder / side)
    return PAIRS, keys, folder / "target", lines.upper()


def images(folder):
    """The same of images in folders by label."""
    for number in range(40):
        place = folder / "images" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(saved(colours(number)))
    keys = {"source": "image_folder", "path": str(folder / "images")}
    return LABELLED, keys, folder / "images" / "a" / "0.png", saved(colours(99))


def named_images(folder):
    """The same of images that a table names."""
    task, _, file, other = images(folder)
    rows = [f"images/{'ab'[n % 2]}/{n}.png,{'ab'[n % 2]}\n" for n in range(40)]
    (folder / "t.csv").write_text("file,y\n" + "".join(rows))
    keys = {"source": "image_table", "path": str(folder / "t.csv")}
    return task, keys | {"images": "file", "label": "y"}, file, other


def naming_table(folder):
    """The same, where the table itself is changed."""
    task, keys, _, _ = named_images(folder)
    rows = (folder / "t.csv").read_text()
    return task, keys, folder / "t.csv", rows.replace("0.png,a", "0.png,b")


MADE = (table, text, pairs, images, named_images, naming_table)


class Changing:
    """A listener that changes a file while ingest reads it."""

    def __init__(self, file, other, how):
        self.file, self.how = file, how
        self.other = other if isinstance(other, bytes) else other.encode()

    def doing(self, what):
        aside = self.file.with_name("aside")
        if what == "reading the data":
            if self.how != "edited":
                self.file.rename(aside)
            with open(self.file, "wb") as file:
                file.write(self.other)
        elif what == "encoding" and self.how == "put back":
            aside.rename(self.file)

    def count(self, done, total, unit):
        pass


def run(folder, task, keys, listener=None, **more):
    """Ingest into `folder`.  -> Path of it"""
    folder.mkdir(exist_ok=True)
    log = Journal(folder / "journal.jsonl")
    with progress.listening(listener):
        ingest.run(task=task, out_dir=str(folder), log=log, **keys, **more)
    return folder


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("make", MADE)
def test_a_file_changed_while_it_is_read_is_refused(tmp_path, make, how):
    task, keys, file, other = make(tmp_path)
    # as old as a user's files: their times alone tell
    os.utime(file, (1, 1))
    with pytest.raises(ValueError, match=f"changed while it was read.*{file}"):
        run(tmp_path / "out", task, keys, Changing(file, other, how))
    run(tmp_path / "again", task, keys)


def test_files_that_change_before_they_are_read_are_refused(tmp_path):
    task, keys, file, other = table(tmp_path)
    options = {name: value for name, value in keys.items() if name != "source"}
    known = source_function("table")(**options).fingerprint
    run(tmp_path / "same", task, keys, fingerprint=known)
    file.write_text(other)
    with pytest.raises(ValueError, match="were changed while the command began"):
        run(tmp_path / "out", task, keys, fingerprint=known)


def test_a_file_added_to_a_folder_before_it_is_read_is_refused(tmp_path):
    task, keys, file, other = images(tmp_path)
    known = source_function("image_folder")(path=keys["path"]).fingerprint
    file.with_name("new.png").write_bytes(other)
    with pytest.raises(ValueError, match="were changed while the command began"):
        run(tmp_path / "out", task, keys, fingerprint=known)


def test_parts_of_files_that_were_changed_and_put_back_are_read_again(tmp_path):
    task, keys, file, other = table(tmp_path)
    whole = run(tmp_path / "whole", task, keys)

    class Killing(Changing):
        def doing(self, what):
            super().doing(what)
            if what == "encoding":  # all parts of the other file are kept by now
                os.kill(os.getpid(), signal.SIGKILL)

    if not (child := os.fork()):
        run(tmp_path / "cut", task, keys, Killing(file, other, "put back"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    cut = tmp_path / "cut"
    assert list(cut.glob("checkpoints/rows/*")), "nothing was kept"
    run(cut, task, keys)
    for name in ("dataset.json", "digest.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_parts_of_files_that_are_as_they_were_are_kept(tmp_path):
    _, keys, file, _ = table(tmp_path)
    opened = source_function("table")(path=str(file), label="y")
    log = Journal(tmp_path / "journal.jsonl")
    for expected in (False, True):
        scratch = ingest.begun(tmp_path, log, opened.inputs)
        assert (scratch / "part").exists() == expected
        (scratch / "part").touch()
    os.utime(file)
    again = source_function("table")(path=str(file), label="y")
    assert not (ingest.begun(tmp_path, log, again.inputs) / "part").exists()


def test_a_young_file_is_compared_by_its_bytes(tmp_path, monkeypatch):
    file, inputs = tmp_path / "a", digests.Inputs()
    file.write_text("one")
    inputs.sha256([file])
    file.write_text("two")
    # as if the clock had not ticked in between
    now = digests.mark(digests.state(file))
    inputs.states[0] = now
    with pytest.raises(ValueError, match="changed while it was read"):
        inputs.require_same()
    old, then = digests.Inputs(), time.time()
    monkeypatch.setattr(digests.time, "time", lambda: then + 60)
    old.sha256([file])
    assert not old.young
    old.require_same()


def write_network(folder, value):
    """Write the files of a network with one weight."""
    folder.mkdir(exist_ok=True)
    described = {"names": ["layer/weight"], "shapes": [[1]]}
    (folder / "network.json").write_text(json.dumps(described))
    np.savez(folder / "weights.npz", np.array([value], "float32"))


@pytest.mark.parametrize("how", CHANGES)
def test_earlier_weights_that_change_are_refused(tmp_path, how):
    folder = tmp_path / "network"
    write_network(folder, 1.0)
    known = fingerprint(folder)
    if how == "edited":
        write_network(folder, 2.0)
    elif how == "replaced":
        write_network(tmp_path / "other", 2.0)
        shutil.rmtree(folder)
        (tmp_path / "other").rename(folder)
    else:
        return
    with pytest.raises(ValueError, match="were changed while the command began"):
        start_from(None, folder, ("*",), known)


@pytest.mark.parametrize("make", MADE)
def test_nothing_is_left_in_the_folder_of_temporary_files(tmp_path, monkeypatch, make):
    task, keys, _, _ = make(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    options = {name: value for name, value in keys.items() if name != "source"}
    source_function(keys["source"])(**options).overview()
    run(tmp_path / "out", task, keys)
    gc.collect()
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("what", ["000000.arrow", "000000.json", "notes.json"])
def test_a_damaged_part_is_read_again(tmp_path, what):
    made = []

    def make(out, read):
        made.append(out)
        Path(f"{out}.arrow").write_bytes(b"rows")
        return {"rows": 3}

    def kept():
        pieces = Kept(tmp_path / "rows")
        found = list(pieces.map(make, Piece("000000", 4, {}), lambda first: []))
        assert found == [{"rows": 3}]
        return pieces

    kept().note(["whole"])
    assert kept().notes() == ["whole"] and len(made) == 1
    path = tmp_path / "rows" / what
    text = path.read_bytes()
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1
        path.write_bytes(changed)
        if what == "notes.json":
            assert Kept(tmp_path / "rows").notes() in (None, ["whole"])
        elif what.endswith(".arrow"):
            kept()
            assert len(made) == 2 + place
            assert path.read_bytes() == b"rows"
        else:
            kept()  # a part that says the same is taken as it is
