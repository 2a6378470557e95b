"""A repeat is an execution whose results one earlier run has, all of them."""

from types import SimpleNamespace

from phistar.pipeline.run.repeats import earlier

KEYS = {"ingest": "i", "train": "t", "export": "e"}


def entries(status="cached", keys=KEYS, parent=None, seeds=None):
    """A record without an end."""
    tags = {"seeds": seeds} if seeds else {}
    start = {"kind": "start", "experiment": "digits", "parent": parent, "tags": tags}
    stages = [
        {"kind": "stage", "stage": name, "key": key, "status": status}
        for name, key in keys.items()
    ]
    return [start, *stages]


def run(run_id, status="FINISHED", **about):
    """A record on disk: (record, entries)."""
    end = {"kind": "end", "status": status}
    return SimpleNamespace(run_id=run_id), [*entries(**about), end]


def test_the_newest_run_with_all_results_is_repeated():
    records = [run("one", keys={"ingest": "i"}), run("two"), run("three")]
    assert earlier(entries(), [], records) == "three"
    assert earlier(entries(keys={"ingest": "i"}), [], records[:1]) == "one"


def test_another_result_or_work_done_is_no_repeat():
    records = [run("one")]
    assert earlier(entries(keys=KEYS | {"train": "other"}), [], records) == ""
    assert earlier(entries("ran"), [], records) == ""


def test_failed_runs_and_children_are_not_pointed_to():
    assert earlier(entries(), [], [run("one", "FAILED")]) == ""
    assert earlier(entries(), [], [run("one", parent="p")]) == ""


def test_a_parent_is_repeated_if_all_of_its_children_are():
    other = KEYS | {"train": "t1"}
    records = [
        run("p", keys={}, seeds="2"),
        run("a", parent="p", status="FINISHED"),
        run("b", parent="p", keys=other),
    ]
    held = entries(keys={}, seeds="2")
    assert earlier(held, [entries(), entries(keys=other)], records) == "p"
    third = KEYS | {"train": "t2"}
    assert earlier(held, [entries(), entries(keys=third)], records) == ""
    assert earlier(entries(keys={}, seeds="3"), [entries()], records) == ""
