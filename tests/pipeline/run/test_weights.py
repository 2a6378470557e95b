"""`build.weights`: the files of an earlier network, in a run and in its keys."""

import shutil

from tests.helpers.commands import SHORT, copy_store, here, plan, to_run


def test_missing_weights_are_refused_before_any_work(tmp_path):
    nowhere = tmp_path / "nonesuch"
    done = here("run", "breast_cancer", f"build.weights={nowhere}", root=tmp_path / "r")
    assert done.status == 2
    assert "no network to start from" in done.stderr
    assert str(nowhere) in done.stderr and "stages/train" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r").exists()


def test_key_of_build_follows_the_bytes_of_the_weights(trained, tmp_path):
    root, done = trained
    earlier = tmp_path / "earlier"
    shutil.copytree(done.answer["stages"]["train"]["path"], earlier)
    copy = copy_store(root, tmp_path / "copy", "ingest")
    words = ("--to", "build", f"build.weights={earlier}")
    made = here("run", "breast_cancer", *SHORT, *words, root=copy)
    assert made.statuses == {"ingest": "cached", "build": "ran"}, made.stderr
    assert "taken over  30x1, 1" in made.stderr  # the head is all a linear network has
    rows = plan(copy, f"build.weights={earlier}")
    assert "build" not in to_run(rows)
    with open(earlier / "weights.npz", "ab") as file:
        file.write(b"x")
    rows = plan(copy, f"build.weights={earlier}")
    assert any("source weights.npz" in reason for reason in rows["build"]["reasons"])
