"""Own files are read in parts: their number, and who reads them, change nothing."""

import csv
import json
import random

import numpy as np
import pytest
from PIL import Image

from phistar.components import ingest, progress
from phistar.components.data import pictures
from phistar.components.data.files import ranges
from phistar.pipeline.record.journal import Journal, read

WORDS = ["alpha", "beta, or", 'the "third"', "two\nlines", "größe", "", "NA"]


def write_rows(path, chance, rows=900):
    """A table with all that may go wrong at the border of a part."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["number", "word", "day", "grouped", "late", "verdict"])
        for row in range(rows):
            number = chance.choice([row, f"{row}.5", "", "-"])
            number = "?" if row == rows - 100 else number  # its line is told
            day = f"{chance.randrange(1, 13)}/{chance.randrange(1, 13)}/2020"
            # the forms of these are known only near the end
            day = "31/12/2020" if row == rows - 40 else day
            grouped = "1,234" if row == rows - 20 else chance.randrange(1000)
            late = chance.random() if row > rows - 60 else ""
            word = chance.choice(WORDS)
            table.writerow([number, word, day, grouped, late, ["no", "yes"][row % 2]])


def write_lines(path, chance, rows=900):
    """Lines, some of them empty or odd."""
    odd = ["", "\0", "a\ufffd", "\u2028ä"]
    lines = [
        # a word of its own: pairs that share a sentence are in one split
        " ".join(chance.choices(WORDS[:2] + odd, k=3)) + " x" * (row // 30) + "y" * row
        if row % 9
        else chance.choice(odd[:1])
        for row in range(rows)
    ]
    path.write_bytes("\n".join(lines).encode())


def write_images(path, chance, rows=60):
    """Images of two labels, sizes and formats; one is broken."""
    draw = np.random.default_rng(chance.randrange(99))
    for row in range(rows):
        file = path / "ab"[row % 2] / f"{row}.{chance.choice(['png', 'jpg', 'webp'])}"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (8, 8 + row % 3, 3), np.uint8)
        Image.fromarray(pixels).save(file)
    (path / "b" / "41.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


def small_parts(monkeypatch, num_bytes):
    """Have files read in parts of so many bytes, and a few images at a time."""
    monkeypatch.setattr(ranges, "PART_BYTES", num_bytes)
    monkeypatch.setattr(pictures, "PIECE_FILES", 4)


def made(tmp_path, name):
    """The task and the keys of ingest of a kind of files."""
    chance, path = random.Random(0), tmp_path / name
    match name:
        case "t.csv":
            write_rows(path, chance)
            task = {"name": "binary", "positive": "yes"}
            return task, {"source": "table", "label": "verdict", "path": str(path)}
        case "images":
            write_images(path, chance)
            keys = {"source": "image_folder", "path": str(path), "max_bad_files": 1}
            return {"name": "multiclass"}, keys
        case "t.txt":
            write_lines(path, chance)
            keys = {"source": "text", "document": "line", "path": str(path)}
        case "t.jsonl":
            rows = [
                {
                    "text": " ".join(chance.choices(WORDS, k=3)),
                    "g": chance.randrange(99),
                }
                for _ in range(900)
            ]
            path.write_text("\n\n".join(map(json.dumps, rows)))
            keys = {"source": "text", "text": "text", "group": "g", "path": str(path)}
        case "pairs":
            both = {f"{s}_path": tmp_path / s for s in ("source", "target")}
            for side in both.values():
                write_lines(side, chance)
            keys = {"source": "parallel", **{k: str(v) for k, v in both.items()}}
            task = {
                "name": "translation",
                "tokenizer": "characters",
                "max_length": 5000,
            }
            return task, keys
    return {"name": "language", "tokenizer": "characters"}, keys


def run(folder, task, keys, **more):
    """Ingest into a folder.  -> dict of relative path -> bytes, without the journal"""
    folder.mkdir(exist_ok=True)
    log = Journal(folder / "journal.jsonl", "ingest", "0" * 32)
    ingest.run(task, str(folder), log, **keys, **more)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    del files["journal.jsonl"]
    journal = read(folder / "journal.jsonl")[0]
    for entry in journal:
        del entry["time"]
    return files | {"journal": journal}


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.jsonl", "pairs", "images"])
def test_the_parts_change_nothing(tmp_path, monkeypatch, name):
    task, keys = made(tmp_path, name)
    whole = run(tmp_path / "whole", task, keys)
    small_parts(monkeypatch, 1500)
    assert run(tmp_path / "parts", task, keys) == whole


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name",
    [
        "t.csv",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("pairs", "images")),
    ],
)
def test_the_number_of_workers_changes_nothing(tmp_path, monkeypatch, name):
    task, keys = made(tmp_path, name)
    small_parts(monkeypatch, 4000)
    alone = run(tmp_path / "one", task, keys, workers=1)
    assert run(tmp_path / "two", task, keys, workers=2) == alone


class Stops:
    """A listener that interrupts the work at the n-th thing that is counted."""

    def __init__(self, number):
        self.left = number

    def doing(self, text):
        """Take no notice."""

    def count(self, done, total, unit):
        """Interrupt."""
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "images"])
@pytest.mark.parametrize("stop", [9, 30])
def test_an_interrupted_ingest_goes_on(tmp_path, monkeypatch, capsys, name, stop):
    task, keys = made(tmp_path, name)
    small_parts(monkeypatch, 1500)
    whole = run(tmp_path / "whole", task, keys)
    assert "goes on" not in capsys.readouterr().err
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt), progress.listening(Stops(stop)):
        run(folder, task, keys)
    assert run(folder, task, keys) == whole
    told = capsys.readouterr().err.split("goes on: ")[-1].split()
    there, parts = int(told[0]), int(told[2])
    assert 0 < there <= parts and parts > 10


def test_a_mistake_in_the_data_leaves_nothing_behind(tmp_path, monkeypatch):
    task, keys = made(tmp_path, "t.csv")
    with open(keys["path"], "a") as file:
        file.write("1,2\n")
    monkeypatch.setattr(ranges, "PART_BYTES", 1500)
    with pytest.raises(ValueError, match="t.csv:.*a row of another length"):
        run(tmp_path / "out", task, keys)
    assert not (tmp_path / "out" / ingest.SCRATCH).exists()
