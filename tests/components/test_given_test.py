"""A test that the user gives: kept line by line, its BLEU is the field's number."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build, evaluate, ingest, train
from phistar.components.artifacts import Dataset
from phistar.components.data.sources.text_pieces import KEPT
from phistar.components.data.text_blocks import KEPT_LONG
from phistar.components.reports import translation
from tests.helpers import stages

MAX_LENGTH = 24
TASK = {"name": "translation", "tokenizer": "bytes", "max_length": MAX_LENGTH}
WORDS = ["old", "red", "süß", "new"]
# line by line: an empty source, an empty target, both, long sides, odd white space
ODD = [
    ("", "eins"),
    ("one", ""),
    ("", ""),
    ("one " * 20, "eins"),
    ("two", "zwei " * 20),
    ("b\u2028one", "b\u2028eins\x85 zwei"),
    ("two\tone", "zwei\u00a0eins \x0b"),
    ("süß one", "sweet, eins!"),
]


def made(num, seed):
    """Pairs of four words, one of which is translated.  -> list of (str, str)"""
    chosen = np.random.default_rng(seed).choice(WORDS, (num, 3)).tolist()
    return [(f"{' '.join(row)} one", f"{' '.join(row)} eins") for row in chosen]


def copied(network, sources, *_):
    """The sources as their own translations, as far as they were read."""
    tokens = [sources[row] for row in range(len(sources))]
    return [translation.Found(row, len(row), -1.0, True, 1.0) for row in tokens]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A run on own train, valid and test.  -> folders: files, Dataset, Report

    A network of so few steps translates nothing: its search is replaced.
    """
    folder = tmp_path_factory.mktemp("own")
    parts = {"train": made(160, 0), "valid": made(20, 1), "test": made(12, 2) + ODD}
    keys = {}
    for split, pairs in parts.items():
        for side, texts in zip(
            ("source", "target"), zip(*pairs, strict=True), strict=True
        ):
            file = folder / f"{split}.{side}"
            file.write_bytes("".join(f"{text}\n" for text in texts).encode())
            front = "" if split == "train" else f"{split}_"
            keys[f"{front}{side}_path"] = str(file)
    given = {"task": TASK, "folder": folder / "run"}
    dataset = stages.call(ingest, **given, source="parallel", **keys)
    given |= {"dataset": dataset}
    sizes = {"model_dim": 16, "mlp_dim": 16, "num_layers": 1, "num_heads": 2}
    untrained = stages.call(build, **given, network="transformer", **sizes)
    steps = {"loss": "cross_entropy", "steps": 2, "eval_every": 2, "batch_tokens": 512}
    network = stages.call(train, **given, network=untrained, **steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "translate", copied)
        report = stages.call(evaluate, **given, network=network)
    return folder, Path(dataset), Path(report)


def test_a_given_test_is_whole(own):
    folder, dataset, report = own
    data = Dataset.load(dataset)
    for side, raw in zip(("source", "target"), data.raw(), strict=True):
        lines = (folder / f"test.{side}").read_bytes().split(b"\n")[:-1]
        assert [raw[row].tobytes() for row in range(len(raw))] == lines
    sources, targets = data.split("test")
    assert sources.lengths.max() == MAX_LENGTH  # cut, as a server does
    assert targets.lengths.max() > MAX_LENGTH  # scored to its end
    said = json.loads((dataset / "source.json").read_text())
    notices, taken = " ".join(said["notices"]), said["splits"]
    assert f"3 {KEPT}: test.source:13, " in notices
    assert f"2 {KEPT_LONG.format('test', MAX_LENGTH)}: 'one one" in notices
    assert {split: one["rows"] for split, one in taken.items()} == {
        "train": 160,
        "valid": 20,
        "test": 20,
    }
    assert taken["test"]["from"] == f"of {folder}/test.source and {folder}/test.target"


def test_bleu_and_chrf_are_the_command_lines(own):
    folder, dataset, report = own
    metrics = json.loads((report / "metrics.json").read_text())
    page = (report / "report.html").read_text()
    command = [sys.executable, "-m", "sacrebleu", str(folder / "test.target"), "-i"]
    for file, name in (
        ("translations.txt", "test_bleu"),
        ("sources.txt", "test_bleu_copy"),
    ):
        options = [str(report / file), "-m", "bleu", "chrf", "-w", "12"]
        done = subprocess.run(command + options, capture_output=True, check=True)
        theirs = {one["name"]: one for one in json.loads(done.stdout)}
        assert 0 < metrics[name] == pytest.approx(theirs["BLEU"]["score"], abs=1e-11)
        if name == "test_bleu":
            score = theirs["chrF2"]["score"]
            assert metrics["test_chrf"] == pytest.approx(score, abs=1e-11)
        for one in theirs.values():
            assert one["signature"] in page
