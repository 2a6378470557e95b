"""A full disk is told with its place, and the stage that met it."""

import errno
import os
import resource
import signal

import pytest

from phistar.pipeline.process import disk
from phistar.pipeline.process.errors import FAILED, Failure
from phistar.pipeline.run.process import in_process
from phistar.pipeline.store.store import Store


def full(text="x"):
    """The system's own error of a full disk, which names no file."""
    with pytest.raises(OSError) as caught, open("/dev/full", "w") as file:
        file.write(text)
    return caught.value


def test_a_full_disk_is_told_with_stage_place_and_space(tmp_path):
    failure = Failure.of(full(), "train", tmp_path)
    assert failure.status == FAILED and failure.expected
    text = str(failure)
    assert text.startswith("the disk is full in stage train. Received: ")
    assert f"No space left on device ({disk.size(disk.free(tmp_path))} free" in text
    assert "phistar prune" in text and "TMPDIR" in text


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
        # as TensorFlow and HDF5 tell it
        RuntimeError("a/b.data; No space left on device [Op:SaveV2]"),
        OSError("Unable to write (file write failed: No space left on device)"),
    ],
)
def test_every_kind_of_full_disk_is_known(tmp_path, error):
    text = str(Failure.of(error, "export", tmp_path))
    assert "in stage export. Received: " in text and "Expected more space" in text


def test_another_error_is_no_full_disk(tmp_path):
    for error in (OSError(errno.ENOENT, "No such file"), RuntimeError("x")):
        assert not disk.reason(error)


def test_a_path_is_named_where_the_system_names_none(tmp_path):
    error, words = full(), f"No space left on device: '{tmp_path}'"
    with pytest.raises(OSError, match=words), disk.named(tmp_path):
        raise error
    with pytest.raises(OSError, match="'/other'"), disk.named(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device", "/other")


def test_a_result_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def fails(descriptor):
        raise full()

    monkeypatch.setattr(os, "fsync", fails)
    path = str(store.path("train", "k"))
    with pytest.raises(OSError, match=path), store.write("train", "k", {}, {}):
        pass


@pytest.mark.parametrize("limit", [0, 500, 3000])
def test_a_stage_that_may_not_write_tells_its_name(tmp_path, limit):
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(3000))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
    keys = {"source": "table", "path": str(tmp_path / "t.csv"), "label": "y"}
    folder, (read, write) = tmp_path / "out", os.pipe()
    folder.mkdir()
    if not (child := os.fork()):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            arguments = {"task": {"name": "multiclass"}} | keys
            in_process("ingest", arguments, folder, "0" * 32)
        except Failure as failure:
            os.write(write, str(failure).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    text = os.read(read, 10_000).decode()
    assert text.startswith("a file has become larger than this process may write in")
    assert "in stage ingest. Received: " in text and str(tmp_path) in text


def test_space_that_is_lacking_is_told(tmp_path):
    free = disk.free(tmp_path / "not" / "there")
    assert disk.lacking(free // 2, tmp_path) == ""
    assert f"Expected {disk.size(4 * free)}" in disk.lacking(4 * free, tmp_path)
    shown = [disk.size(n) for n in (0, 999, 1000, 3.75e6, 1e15)]
    assert shown == ["0 bytes", "999 bytes", "1 kB", "3.75 MB", "1e+03 TB"]
