"""`phistar runs`: the best valid_nll first, what failed and why, in 80 columns."""

import json
import subprocess
import sys
import time

import pytest

from phistar.pipeline.cli import ranks
from phistar.pipeline.record.journal import read
from phistar.pipeline.run.listing import listing
from phistar.pipeline.store.champions import ORIGIN, serving
from tests.helpers.commands import here
from tests.helpers.records import write
from tests.helpers.results import result


def ids(root, word=None):
    """run_id of each run, in the order of the list."""
    return [run["run_id"] for run in listing(word, root)]


def lines(root, *words):
    """What a person sees."""
    done = here("runs", *words, root=root, json=False)
    assert done.status == 0, done.stderr
    return done.stdout.splitlines()


def test_the_best_comes_first_then_other_data_and_no_result(tmp_path):
    failed = result(tmp_path, None, status="FAILED")
    other = result(tmp_path, 0.01, data="earlier")
    second, first = result(tmp_path, 0.3), result(tmp_path, 0.2)
    running = result(tmp_path, None, status=None)
    found = listing(None, tmp_path)
    order = [first, second, other, running, failed]
    assert [run["run_id"] for run in found] == order
    groups = ["present", "present", "other", "none", "none"]
    assert [run["group"] for run in found] == groups
    statuses = ["finished"] * 3 + ["running", "failed"]
    assert [run["status"] for run in found] == statuses


def test_seeds_follow_their_parent(tmp_path):
    parent = result(tmp_path, None, status=None)
    record = tmp_path / "mlruns" / "runs" / f"{parent}.jsonl"
    (start,) = read(record)[0]
    means = {"kind": "metrics", "time": 0, "values": {"valid_nll": 0.25}}
    start["tags"] = {"seeds": "2"}
    end = {"kind": "end", "time": 0, "status": "FINISHED"}
    write(record, (start, means, end))
    children = [result(tmp_path, nll, parent=parent) for nll in (0.3, 0.2)]
    ours = result(tmp_path, 0.9)
    assert ids(tmp_path) == [ours, parent, *children]
    assert listing(None, tmp_path)[1]["valid_nll"] == 0.25


def test_a_failed_run_shows_its_reason(tmp_path):
    why = {"stage": "train", "reason": "the loss is not finite", "advice": "Lower it."}
    result(tmp_path, None, status="FAILED", **why)
    result(tmp_path, None, status="FAILED")  # of an earlier program: no reason
    with_reason = listing(None, tmp_path)[1]
    assert {name: with_reason[name] for name in why} == why
    assert any("at train: the loss is not finite" in line for line in lines(tmp_path))


def test_the_champion_is_marked_with_its_version(tmp_path):
    ours = result(tmp_path, 0.1)
    result(tmp_path, 0.2)
    place = serving(tmp_path, "breast_cancer") / "3" / ORIGIN
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"run_id": ours}))
    assert [run["champion"] for run in listing(None, tmp_path)] == [3, None]
    (marked,) = [line for line in lines(tmp_path) if line.startswith("*  ")]
    assert ours[:8] in marked
    assert "* the champion: breast_cancer 3" in lines(tmp_path)


def test_it_fits_80_columns_and_leaves_out_what_is_too_much(tmp_path):
    long = "breast_cancer " + " ".join(f"train.some_long_key_{i}=0.1" for i in range(9))
    for i in range(22):
        result(tmp_path, 0.1 + i, name=long, verdict="not better")
    result(tmp_path, None, status="FAILED", stage="train", reason="very " * 99)
    *shown, last = lines(tmp_path)
    assert max(map(len, shown)) <= 80
    assert last.startswith("and 3 more (1 failed): phistar runs breast_cancer --all")
    every = lines(tmp_path, "--all")
    assert max(map(len, every)) <= 80
    assert sum("not better" in line for line in every) == 22
    assert len(here("runs", root=tmp_path).answer["runs"]) == 23


@pytest.mark.parametrize(
    ("word", "expected"),
    [("breast_cancr", "Did you mean"), ("digits", "no run of this")],
)
def test_an_unknown_recipe_is_refused(tmp_path, word, expected):
    result(tmp_path)
    done = here("runs", word, root=tmp_path)
    assert done.status == 2 and expected in done.answer["error"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200_000, "2 d")],
)
def test_age_is_in_its_largest_unit(seconds, text):
    now = time.time()
    assert ranks.age(int((now - seconds) * 1000), now) == f"{text} ago"


@pytest.mark.heavy
def test_neither_keras_nor_mlflow_is_imported(tmp_path):
    result(tmp_path)
    probe = (
        "import sys\nfrom pipeline.cli.main import main\nmain(sys.argv[1:])\n"
        "print({'keras', 'tensorflow', 'mlflow', 'numpy'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", probe, "runs", "--root", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
