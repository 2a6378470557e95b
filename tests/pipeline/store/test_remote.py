"""Results at a shared address: copied once, checked on arrival, never half there."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from phistar.pipeline.process.errors import Failure
from phistar.pipeline.store import keys
from phistar.pipeline.store.remote import Remote
from phistar.pipeline.store.shared import Shared
from phistar.pipeline.store.store import Store


def stored(store, stage="train", text="weights", **arguments):
    """Write a small result; its key."""
    parts = {"stage": stage, "arguments": arguments}
    key = keys.key(parts)
    with store.write(stage, key, parts, {"run_id": "a" * 32}) as folder:
        (folder / "weights.npz").write_text(text)
        (folder / "figures").mkdir()
        (folder / "figures" / "margin.png").write_bytes(bytes(3000))
    return key


@pytest.fixture
def here(tmp_path):
    return Store(tmp_path / "here")


@pytest.fixture
def there(tmp_path):
    return Store(tmp_path / "there")


@pytest.fixture
def remote(tmp_path):
    return Remote(str(tmp_path / "shared"))


def files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_pulled_result_is_the_pushed_one(here, there, remote):
    key = stored(here)
    assert remote.pull(there, "train", key) is None  # not there yet
    assert remote.push(here, "train", key) > 3000
    assert list(remote.keys()) == [("train", key)]
    assert remote.pull(there, "train", key) == 3000 + len("weights")
    assert files(there.path("train", key)) == files(here.path("train", key))
    assert there.get("train", key) is not None


def test_what_is_there_is_not_copied_again(here, remote, tmp_path):
    remote.push(here, "train", stored(here, seed=1))
    before = {
        p: p.stat().st_mtime_ns for p in (tmp_path / "shared" / "files").iterdir()
    }
    assert remote.push(here, "train", stored(here, seed=1)) is None
    second = stored(here, text="other weights", seed=2)
    copied = remote.push(here, "train", second)
    manifest = here.path("train", second) / "manifest.json"
    # the figure is the first result's
    assert copied == len("other weights") + manifest.stat().st_size
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_changed_byte_on_the_way_is_refused(here, there, remote, tmp_path):
    key = stored(here)
    remote.push(here, "train", key)
    for path in (tmp_path / "shared" / "files").iterdir():
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(ValueError, match=r"damaged file at .*Received: .*files/"):
            remote.pull(there, "train", key)
        assert list((tmp_path / "there" / "stages" / "train").iterdir()) == []
        path.write_bytes(whole)
    assert remote.pull(there, "train", key)


def damaged(manifest):
    """Manifests that a stranger or a bad disk may have left."""
    yield "{"
    for change in (
        {"key": "0" * 32},
        {"stage": "export"},
        {"parts": {"stage": "train", "arguments": {"seed": 9}}},
        {"digest": "0" * 64},
        {"origin": {}},
        {"files": {"../../../out": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"/out": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"out": {"size": 1, "sha256": "../../secret"}}},
        {"files": []},
    ):
        changed = manifest | change
        if "files" in change and isinstance(change["files"], dict):
            from phistar.pipeline.store.manifest import digest

            changed["digest"] = digest(change["files"])
        yield json.dumps(changed)


def test_manifest_of_another_result_is_refused(here, there, remote, tmp_path):
    key = stored(here)
    remote.push(here, "train", key)
    path = tmp_path / "shared" / "stages" / "train" / f"{key}.json"
    whole = json.loads(path.read_text())
    for text in damaged(whole):
        path.write_text(text)
        with pytest.raises(ValueError, match="damaged manifest at"):
            remote.pull(there, "train", key)
    assert not (tmp_path / "there").exists()


@pytest.mark.heavy
def test_killed_push_leaves_no_result(here, there, tmp_path):
    key = stored(here)
    script = f"""
import os
from phistar.pipeline.store.remote import Remote
from phistar.pipeline.store.store import Store
remote, named = Remote(os.environ["AT"]), []
move = remote.files.mv
def once(*names):
    if len(named) == int(os.environ["AFTER"]):
        os.kill(os.getpid(), 9)
    named.append(move(*names))
remote.files.mv = once
remote.push(Store({str(here.root)!r}), "train", {key!r})
"""
    for after in range(3):  # two files and the manifest get their names
        at = str(tmp_path / f"shared{after}")
        environment = os.environ | {"AFTER": str(after), "AT": at}
        done = subprocess.run([sys.executable, "-c", script], env=environment)
        assert done.returncode == -9
        remote = Remote(at)
        assert list(remote.keys()) == []
        assert remote.pull(there, "train", key) is None
    assert remote.push(here, "train", key)
    assert remote.pull(there, "train", key)


def test_remote_out_of_reach_is_said_once(here, capsys):
    class Broken:
        url = "s3://none"

        def manifest(self, *_):
            raise OSError("no route to host")

    shared = Shared(Broken())
    assert shared.manifest("train", "0" * 32) is None
    assert shared.manifest("train", "1" * 32) is None
    said = capsys.readouterr().err
    assert said.count("out of reach") == 1
    assert "PHISTAR_REMOTE=s3://none" in said and "no route to host" in said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("nope://bucket", "no address of results. Received: nope://bucket"),
        ("gs://name/folder", "need a package that is not installed"),
    ],
)
def test_address_that_nothing_reads_is_refused(url, expected):
    with pytest.raises(Failure, match=expected):
        Remote(url)


@pytest.mark.heavy
def test_results_go_through_an_s3_server(here, there, tmp_path, monkeypatch):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            request = urllib.request.Request(f"{address}/bucket", method="PUT")
            urllib.request.urlopen(request).close()
            remote = Remote("s3://bucket/team")
            key = stored(here)
            assert remote.push(here, "train", key) > 3000
            assert remote.push(here, "train", key) is None
            assert list(remote.keys()) == [("train", key)]
            assert remote.pull(there, "train", key) == 3000 + len("weights")
            assert files(there.path("train", key)) == files(here.path("train", key))
        finally:
            server.terminate()


def test_stage_folders_hold_nothing_else(here, there, remote):
    key = stored(here)
    remote.push(here, "train", key)
    remote.pull(there, "train", key)
    kept = [p.name for p in Path(there.root / "stages" / "train").iterdir()]
    assert kept == [key]
