import hashlib
import os
import time

import pytest

from phistar.components import digests
from phistar.components.digests import data_sha256
from phistar.components.hashing import file_sha256


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, and a list of the files that are read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read = []

    def noted(path):
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr(digests, "file_sha256", noted)
    return read


def write(path, data, age=60):
    """Write a file that is some seconds old."""
    path.write_bytes(data)
    then = time.time() - age
    os.utime(path, (then, then))


def settled(monkeypatch):
    """Let the clock be later: the times of change of new files are not settled."""
    now = time.time()
    monkeypatch.setattr(digests.time, "time", lambda: now + 60)


def test_a_file_that_did_not_change_is_read_once(tmp_path, cache, monkeypatch):
    settled(monkeypatch)
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        write(file, file.name.encode())
    expected = [hashlib.sha256(name).hexdigest() for name in (b"a", b"b")]
    assert [data_sha256(files) for _ in range(3)] == [expected] * 3
    assert cache == files


@pytest.mark.parametrize("change", ["bytes", "replaced", "same time"])
def test_a_file_that_changed_is_read_again(tmp_path, cache, monkeypatch, change):
    settled(monkeypatch)
    file = tmp_path / "a"
    write(file, b"one")
    data_sha256([file])
    before = file.stat()
    if change == "replaced":
        write(tmp_path / "b", b"two")
        os.replace(tmp_path / "b", file)
    else:
        file.write_bytes(b"two")
    if change != "bytes":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert data_sha256([file]) == [hashlib.sha256(b"two").hexdigest()]


def test_a_young_file_and_a_verified_one_are_read_each_time(
    tmp_path, cache, monkeypatch
):
    file = tmp_path / "a"
    write(file, b"one", age=0)
    data_sha256([file]), data_sha256([file])
    assert len(cache) == 2
    settled(monkeypatch)
    data_sha256([file]), data_sha256([file])
    assert len(cache) == 3
    monkeypatch.setenv(digests.VERIFY, "1")
    data_sha256([file])
    assert len(cache) == 4


def test_without_a_cache_files_are_read(tmp_path, cache, monkeypatch):
    (tmp_path / "cache").write_text("a file, no folder")
    write(tmp_path / "a", b"one")
    assert data_sha256([tmp_path / "a"]) == [hashlib.sha256(b"one").hexdigest()]
