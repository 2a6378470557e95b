import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phistar.components.hashing import seal
from phistar.pipeline.store.store import Store

REPOSITORY = Path(__file__).parents[3]

# Forks writers; the n-th one kills itself with SIGKILL before the n-th line that it
# executes in pipeline/. Ends when a writer gets through; prints how many were killed.
KILLED_AT_EVERY_LINE = """
import os, signal, sys
from pathlib import Path
from phistar.pipeline.store.store import Store

def write(root):
    store = Store(root)
    with (
        store.lock("train", "k"),
        store.write("train", "k", {}, {}, replace=replace) as folder,
    ):
        (folder / "weights.npz").write_bytes(bytes(10_000))
        (folder / "figures").mkdir()
        (folder / "figures" / "margin.png").write_bytes(b"png")

replace = sys.argv[2] == "replace"
for n in range(1, 1000):
    if replace:
        with Store(Path(sys.argv[1]) / str(n)).write("train", "k", {}, {}) as folder:
            (folder / "weights.npz").write_bytes(b"first")
    if not (pid := os.fork()):
        steps = 0
        def trace(frame, event, _):
            global steps
            if "/pipeline/" not in frame.f_code.co_filename:
                return None
            steps += event == "line"
            if steps == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
        write(Path(sys.argv[1]) / str(n))
        os._exit(0)
    if os.waitpid(pid, 0)[1] == 0:
        print(n - 1)
        break
"""

# Builds a key unless it is there; says on stdout when it builds, and waits for a line.
BUILD_ONCE = """
import signal, sys
from phistar.pipeline.store.store import Store

signal.alarm(20)  # a test that fails must not hang
store = Store(sys.argv[1])
with store.lock("train", "k"):
    if store.get("train", "k") is None:
        with store.write("train", "k", {}, {}) as folder:
            (folder / "weights.npz").write_text("weights")
            print("building", flush=True)
            sys.stdin.readline()
"""


def python(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(store, key="k", files=None, **arguments):
    arguments = {"parts": {"stage": "train"}, "origin": {"run_id": "r"}} | arguments
    with store.write("train", key, **arguments) as folder:
        assert contents(folder) == set()
        for name, text in (files or {"a.txt": "a", "sub/b.txt": "b"}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
    return store.path("train", key)


def contents(path):
    return {p.name for p in path.iterdir()}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "mlruns")


def test_write_then_get(store):
    path = fill(store)
    assert path == store.root / "stages" / "train" / "k"
    assert store.get("train", "k") == path
    assert store.get("train", "other") is None
    manifest = store.manifest("train", "k")
    assert set(manifest) == {"stage", "key", "parts", "files", "digest", "origin"}
    assert manifest["files"]["sub/b.txt"]["size"] == 1
    assert set(manifest["origin"]) == {"run_id", "time", "host", "pid", "seconds"}
    text = (path / "manifest.json").read_text()
    whole = manifest | {"seal": seal(manifest)}
    assert text == json.dumps(whole, sort_keys=True, indent=2) + "\n"


def test_manifests_come_newest_first(store):
    for made, key in enumerate(["b", "c", "a"]):
        fill(store, key, origin={"time": made})
    fill(store, "d", origin={"time": 9}).rename(store.path("train", "d.damaged-1"))
    assert [m["key"] for m in store.manifests("train")] == ["a", "c", "b"]
    assert store.manifests("evaluate") == []


def test_digest_depends_on_names_and_bytes_only(store):
    files = {"a.txt": "a", "b.txt": "b"}
    fill(store, "forward", files)
    fill(store, "backward", dict(reversed(files.items())), parts={}, origin={})
    volatile = ("journal.jsonl", "sub/contract.json", "numeric/saved_model.pb")
    fill(store, "journal", files | dict.fromkeys(volatile, "{}"))
    fill(store, "renamed", {"a.txt": "a", "c.txt": "b"})
    fill(store, "swapped", {"a.txt": "b", "b.txt": "a"})
    digests = {m["key"]: m["digest"] for m in store.manifests("train")}
    assert digests["forward"] == digests["backward"] == digests["journal"]
    assert len(set(digests.values())) == 3
    assert "journal.jsonl" in store.manifest("train", "journal")["files"]


def test_a_jump_of_the_clock_does_not_enter_the_duration(store, monkeypatch):
    with store.write("train", "k", {}, {}):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 172_800)
    assert store.manifest("train", "k")["origin"]["seconds"] < 3600


def test_modes_respect_umask(store):
    before = os.umask(0o027)
    try:
        path = fill(store)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o750
    assert (path / "manifest.json").stat().st_mode & 0o777 == 0o640


def test_the_first_of_two_results_is_kept(store):
    with store.write("train", "k", {}, {}) as folder:
        (folder / "a.txt").write_text("second")
        fill(store, files={"a.txt": "first"})
    assert (store.path("train", "k") / "a.txt").read_text() == "first"
    assert contents(store.path("train", "k").parent) == {"k"}


def test_a_forced_result_replaces_the_first(store):
    fill(store, files={"a.txt": "first"})
    fill(store, files={"b.txt": "second"}, replace=True)
    path = store.get("train", "k")
    assert contents(path) == {"b.txt", "manifest.json"}
    assert contents(path.parent) == {"k"}


def test_a_failing_forced_result_leaves_the_first(store):
    path = fill(store)
    with (
        pytest.raises(RuntimeError),
        store.write("train", "k", {}, {}, replace=True),
    ):
        raise RuntimeError
    assert Store(store.root).get("train", "k") == path


@pytest.mark.parametrize("asks", ["manifest", "get"])
def test_a_result_comes_back_if_a_kill_falls_between_its_two_renames(
    store, monkeypatch, asks
):
    fill(store, files={"a.txt": "first"})
    rename, names = os.rename, []

    def killed(old, new):
        names.append(Path(new).name)
        if len(names) == 2:
            raise KeyboardInterrupt  # and nothing is put back
        rename(old, new)

    monkeypatch.setattr(os, "rename", killed)
    with (
        pytest.raises(KeyboardInterrupt),
        store.write("train", "k", {}, {}, replace=True) as folder,
    ):
        (folder / "b.txt").write_text("second")
    monkeypatch.undo()
    assert names[0].endswith("-replaced") and names[1] == "k"
    assert not store.path("train", "k").exists()
    assert getattr(store, asks)("train", "k") is not None
    assert (store.get("train", "k") / "a.txt").read_text() == "first"
    assert contents(store.path("train", "k").parent) == {"k"}


def test_a_result_that_is_being_replaced_is_left_to_its_writer(store, monkeypatch):
    fill(store, files={"a.txt": "first"})
    rename, seen = os.rename, []

    def slow(old, new):
        if seen:  # another process asks between the two renames
            seen.append(Store(store.root).get("train", "k"))
        seen.append(new)
        rename(old, new)

    monkeypatch.setattr(os, "rename", slow)
    fill(store, files={"b.txt": "second"}, replace=True)
    assert None in seen
    assert (store.get("train", "k") / "b.txt").read_text() == "second"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failing_block_keeps_its_journal_only(store, tmp_path, error):
    journal = tmp_path / "failed" / "r.jsonl"
    with (
        pytest.raises(error, match="NaN"),
        store.write("train", "k", {}, {}, journal) as folder,
    ):
        (folder / "journal.jsonl").write_text("{}\n")
        (folder / "weights.npz").write_text("half")
        raise error("NaN loss")
    assert journal.read_text() == "{}\n"
    assert contents(store.path("train", "k").parent) == set()


def test_no_failing_fsync_leaves_a_part(store, tmp_path, monkeypatch):
    fsync = os.fsync
    for n in range(1, 100):
        calls = iter(range(1, 1000))

        def full(descriptor, calls=calls, n=n):
            if next(calls) == n:
                raise OSError(errno.ENOSPC, "No space left on device")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        key = f"k{n}"
        journal = tmp_path / f"{key}.jsonl"
        try:
            fill(store, key, {"journal.jsonl": "{}"}, failed_journal=journal)
        except OSError:
            if (path := store.path("train", key)).exists():  # after the rename
                assert Store(store.root).get("train", key) == path
            else:
                assert journal.read_text() == "{}"
            assert not [n for n in contents(path.parent) if n.startswith(".")]
        else:
            break
    assert n == 5  # journal, manifest, folder, parent


def damaged(store, capsys):
    path = store.path("train", "k")
    assert store.get("train", "k") is None
    assert not path.exists()
    (aside,) = path.parent.glob("k.damaged-*")
    warning = capsys.readouterr().err
    assert str(path) in warning and aside.name in warning
    fill(store)
    assert store.get("train", "k") == path
    return warning


def fill_elsewhere(store):
    """As another process would: this one has not verified the files."""
    fill(store, "moved").rename(store.path("train", "k"))
    return store.path("train", "k")


def test_a_flipped_byte_is_found_and_moved_aside(store, capsys):
    file = fill_elsewhere(store) / "sub" / "b.txt"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]))
    warning = damaged(store, capsys)
    assert "sub/b.txt: expected SHA-256 3e23e816" in warning  # of "b"
    assert "found 2e7d2c03" in warning  # of "c"


def test_a_truncated_file_is_found(store, capsys):
    (fill_elsewhere(store) / "a.txt").write_bytes(b"")
    assert "a.txt: expected 1 bytes, found 0." in damaged(store, capsys)


def test_a_missing_file_is_found(store, capsys):
    (fill_elsewhere(store) / "a.txt").unlink()
    assert "a.txt: expected 1 bytes, found no file." in damaged(store, capsys)


def test_a_truncated_manifest_is_found(store, capsys):
    manifest = fill_elsewhere(store) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:40])
    assert store.manifest("train", "k") is None
    assert "manifest.json: expected a whole manifest" in damaged(store, capsys)


def test_a_manifest_that_lost_a_file_is_found(store, capsys):
    path = fill_elsewhere(store) / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["files"]["a.txt"]
    path.write_text(json.dumps(manifest))
    assert "its seal is not that of the rest" in damaged(store, capsys)


def test_no_flipped_bit_of_a_manifest_is_believed(store):
    path = fill(store)
    whole = (path / "manifest.json").read_bytes()
    written = store.manifest("train", "k")
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        (path / "manifest.json").write_bytes(changed)
        # a space more or less says the same
        assert store.manifest("train", "k") in (None, written)


def test_a_file_that_was_added_is_found(store, capsys):
    (fill_elsewhere(store) / "sub").mkdir(exist_ok=True)
    (store.path("train", "k") / "sub" / "more.txt").write_text("more")
    assert "sub/more.txt: expected no such file." in damaged(store, capsys)


@pytest.mark.heavy
@pytest.mark.parametrize("what", ["a new key", "replace"])
def test_a_writer_killed_at_any_line_leaves_all_or_nothing(what, tmp_path, capsys):
    process = python(KILLED_AT_EVERY_LINE, tmp_path, what)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    killed = int(out)
    assert killed > 40
    whole = 0
    for n in range(1, killed + 1):
        store = Store(tmp_path / str(n))
        if store.manifest("train", "k"):
            assert store.get("train", "k") == store.path("train", "k")
            whole += 1
        with store.lock("train", "k"):
            path = fill(store)
        assert store.get("train", "k") == path
        assert contents(path.parent) == {"k", ".k.lock"}
    # where a result was to be replaced, that one or the new one is there each time
    assert whole == killed if what == "replace" else 0 < whole < killed
    assert capsys.readouterr().err == ""  # nobody waited, nothing was damaged


@pytest.mark.heavy
def test_two_processes_do_the_work_once(store):
    first = python(BUILD_ONCE, store.root)
    assert first.stdout.readline() == "building\n"
    second = python(BUILD_ONCE, store.root)
    assert f"waiting for pid {first.pid}" in second.stderr.readline()
    assert first.communicate("\n", timeout=120) == ("", "")
    assert second.communicate("\n", timeout=120) == ("", "")  # it did not build
    assert first.returncode == second.returncode == 0
    assert store.manifest("train", "k")["origin"]["pid"] == first.pid


@pytest.mark.heavy
def test_a_dead_holder_loses_its_lock_and_its_temporary(store):
    first = python(BUILD_ONCE, store.root)
    assert first.stdout.readline() == "building\n"
    second = python(BUILD_ONCE, store.root)
    second.stderr.readline()
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=120)
    assert second.communicate("\n", timeout=120) == ("building\n", "")
    assert contents(store.path("train", "k").parent) == {"k", ".k.lock"}


def test_a_living_writer_is_not_swept(store):
    with store.write("train", "one", {}, {}) as folder:
        fill(store, "two")
        assert folder.is_dir()


def test_a_writer_that_was_swept_too_early_starts_again(store, monkeypatch):
    flock, folders = fcntl.flock, []

    def late(descriptor, operation):
        if not folders:
            folders.extend(store.path("train", "k").parent.glob(".k.tmp-*"))
            folders[0].rmdir()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    assert store.get("train", "k") is None
    assert fill(store).is_dir()
    assert folders


def test_checkpoints_are_adopted_under_their_own_key_only(store):
    # the key is made of all arguments, data and code: a checkpoint names none of them
    with (
        pytest.raises(KeyboardInterrupt),
        store.write("train", "k", {}, {}, resume=True) as folder,
    ):
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints" / "step-4").write_text("of k")
        raise KeyboardInterrupt
    with store.write("train", "other", {}, {}, resume=True) as folder:
        assert contents(folder) == set()
    with store.write("train", "k", {}, {}, resume=True) as folder:
        assert (folder / "checkpoints" / "step-4").read_text() == "of k"
