"""The way to a machine with a GPU and back, with a CPU in its place, under JAX.

The short form of `make gpu-dry`: breast_cancer, few steps, no wheels.
"""

import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from phistar.pipeline.record.journal import Journal
from phistar.pipeline.store.store import Store
from tests.helpers.commands import here, mlflow_runs
from tests.helpers.verified import verified_here

ROOT = Path(__file__).parents[1]
STEPS = 8


@pytest.fixture(scope="module")
def bench():
    """The programs of bench/ that run here, as modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "bench")
        programs = ("gpu_pack", "gpu_unpack")
        yield SimpleNamespace(**{n: importlib.import_module(n) for n in programs})


@pytest.fixture(scope="module")
def packed(bench, tmp_path_factory):
    """(root, folder of the pack)."""
    root = tmp_path_factory.mktemp("here")
    return root, pack(bench, root, root / "pack")


def pack(bench, root, folder):
    """Pack breast_cancer.  -> the pack."""
    words = ["--recipes", "breast_cancer", "--steps", str(STEPS), "--no-wheels"]
    bench.gpu_pack.main([str(folder), *words, "--root", str(root)])
    return folder


@pytest.fixture(scope="module")
def back(bench, packed, tmp_path_factory):
    """Trained elsewhere and taken back: (root, job, history from there)."""
    root, folder = packed
    out, hidden = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("hidden")
    for name in ("tensorflow", "mlflow"):
        missing = f"raise ModuleNotFoundError('No module named {name}', name='{name}')"
        (hidden / f"{name}.py").write_text(missing)
    script = folder / "source" / "bench" / "gpu.py"
    subprocess.run(
        [sys.executable, script, folder, out, "--small", "--only", "breast_cancer"],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(hidden)},
        check=True,
        cwd=out,
    )
    with verified_here(asked=False):
        status = bench.gpu_unpack.main([str(folder), str(out), "--root", str(root)])
    assert status == 0
    with tarfile.open(out / "breast_cancer.tar") as tar:
        history = json.load(tar.extractfile("history.json"))
    return root, job_of(folder), history


def job_of(folder):
    """The only job of a pack."""
    (job,) = json.loads((folder / "jobs.json").read_text())["jobs"]
    return job


def names(folder):
    """Names in a folder.  -> set of str."""
    return {path.name for path in folder.iterdir()}


def write_jobs(folder, *jobs):
    """Write a pack that is a list of jobs."""
    folder.mkdir()
    (folder / "jobs.json").write_text(json.dumps({"steps": STEPS, "jobs": jobs}))


def tar_of(**files):
    """Bytes of a plain tar; a content that is a str is the target of a link."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
            member.size = len(data) if isinstance(data, bytes) else 0
            tar.addfile(member, io.BytesIO(data) if member.size else None)
    return content.getvalue()


def whole(bench):
    """The four files of a training, name -> bytes."""
    return {name: b"{}" for name in bench.gpu_unpack.FILES}


def test_store_holds_the_training_under_its_key(back):
    root, job, history = back
    manifest = Store(root / "mlruns").manifest("train", job["key"])
    origin = manifest["origin"]
    assert (origin["run_id"], origin["host"]) == ("gpu", "elsewhere")
    assert "device" in origin["tags"] and origin["seconds"] > 0
    assert set(manifest["files"]) >= {"weights.npz", "network.json", "history.json"}
    assert history["step"] == [2, 4, 6, 8]


def test_run_finds_every_stage_in_the_store(back):
    root, job, _ = back
    done = here("plan", "breast_cancer", *job["overrides"], root=root)
    assert {row["status"] for row in done.answer["stages"]} == {"cached"}


def test_mlflow_has_one_run_with_the_curves_from_there(back):
    root, job, history = back
    (run,) = mlflow_runs(root).values()
    curve = [(step, value) for step, _, value in run["metrics"]["valid/nll"] if step]
    assert run["status"] == "FINISHED"
    assert curve == list(zip(history["step"], history["valid_nll"], strict=True))
    assert run["tags"]["key.train"] == job["key"]
    assert {"device", "device_count"} <= run["tags"].keys()
    assert "test/nll" in run["metrics"]


def test_export_answers_as_evaluated(back):
    (run,) = mlflow_runs(back[0]).values()
    found = [v for tag, v in run["tags"].items() if tag.startswith("parity.")]
    assert len(found) == 4
    assert max(map(float, found)) <= 1e-4


def test_pack_is_what_train_reads_and_the_source(packed):
    _, folder = packed
    own = folder / "breast_cancer"
    assert names(folder) == {"jobs.json", "source", "breast_cancer"}
    assert names(folder / "source") == {"phistar", "pipeline", "components", "bench"}
    assert names(own / "dataset") == {"dataset.json", "train", "valid"}
    assert names(own / "network") == {"network.json", "weights.npz"}


def test_pack_leaves_no_run_behind(bench, tmp_path):
    pack(bench, tmp_path, tmp_path / "pack")
    assert not list((tmp_path / "mlruns" / "runs").iterdir())


def test_pack_that_is_too_large_is_refused_and_the_old_one_stays(bench, packed):
    root, folder = packed
    before = (folder / "jobs.json").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.gpu_pack, "LARGEST", 0.01)
        with pytest.raises(ValueError, match=r"too large. Received: .* MiB \(breast"):
            pack(bench, root, folder)
    assert (folder / "jobs.json").read_bytes() == before
    assert names(root) == {"mlruns", "pack"}


def test_pack_replaces_no_other_folder(bench, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="holds other things"):
        pack(bench, tmp_path / "root", tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_wheels_are_those_of_the_lock(bench):
    lock = (ROOT / "requirements.lock").read_text()
    for name in bench.gpu_pack.PACKAGES:
        first, *hashes = bench.gpu_pack.locked(name, lock).splitlines()
        assert first.startswith(f"{name}==") and hashes
    with pytest.raises(ValueError, match="no such package. Received: ker"):
        bench.gpu_pack.locked("ker", lock)


def test_recipe_that_fails_is_reported_and_the_next_one_is_taken(
    bench, packed, tmp_path, capsys
):
    root, folder = packed
    job = job_of(folder)
    write_jobs(tmp_path / "pack", job | {"recipe": "digits"}, job | {"key": "0" * 32})
    tar = tar_of(**whole(bench))
    (tmp_path / "breast_cancer.tar").write_bytes(tar)
    words = [str(tmp_path / "pack"), str(tmp_path), "--root", str(root)]
    assert bench.gpu_unpack.main(words) == 1
    errors = capsys.readouterr().err
    assert "digits: its training did not come back. Received: no file" in errors
    assert "breast_cancer: the pack is of another source" in errors
    assert f"Received: {'0' * 32}. Expected {job['key']}" in errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evil.py": b"import os"}, "no training writes. Received: 'evil.py'"),
        ({"../network.json": b"{}"}, "Received: '../network.json'"),
        ({"weights.npz": "/etc/passwd"}, "Received: 'weights.npz'"),
        ({"history.json": None}, "not the files of a training"),
    ],
)
def test_tar_of_other_files_is_refused(bench, tmp_path, change, message):
    files = whole(bench) | change
    files = {name: data for name, data in files.items() if data is not None}
    with pytest.raises(ValueError, match=message):
        bench.gpu_unpack.extract(tar_of(**files), tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
    assert not (tmp_path / "evil.py").exists()


def test_tar_that_is_cut_off_is_refused(bench, tmp_path):
    content = tar_of(**whole(bench) | {"weights.npz": bytes(10_000)})
    with pytest.raises(ValueError, match="the tar cannot be read"):
        bench.gpu_unpack.extract(content[:6000], tmp_path)


def test_training_of_another_length_is_refused(bench):
    bench.gpu_unpack.require_whole({"step": [4, 8]}, 8)
    with pytest.raises(ValueError, match="Received: 4 steps. Expected 8"):
        bench.gpu_unpack.require_whole({"step": [2, 4]}, 8)


def test_parts_join_in_the_order_of_their_numbers(bench, tmp_path):
    parts = [bytes([number]) for number in range(12)]
    for number, part in enumerate(parts):
        (tmp_path / f"digits.tar.{number}").write_bytes(part)
    assert bench.gpu_unpack.joined(tmp_path, "digits") == b"".join(parts)
    (tmp_path / "digits.tar.5").unlink()
    with pytest.raises(ValueError, match="did not come back"):
        bench.gpu_unpack.joined(tmp_path, "digits")


def test_row_marks_what_misses_its_bar(bench, tmp_path):
    log = Journal(tmp_path / "journal.jsonl")
    log.metrics({"export_mlflow_difference": 2e-4})
    answer = {"metrics": {"test_nll": 0.5}, "url": "there"}
    answer |= {"stages": {"export": {"path": str(tmp_path)}}}
    there = {"valid_nll": [0.9, 0.51]}
    for cpu, text in (([0.8, 0.508], "0.39%"), ([0.8, 0.5], "2.00% missed")):
        found = bench.gpu_unpack.row("digits", there, {"valid_nll": cpu}, answer)
        assert found[3:] == [text, "0.5000", "0.0002 missed", "there"]


def test_a_part_that_does_not_end_leaves_the_table(packed, tmp_path):
    _, folder = packed
    script = folder / "source" / "bench" / "gpu.py"
    done = subprocess.run(
        [sys.executable, script, folder, tmp_path, "--small"]
        + ["--only", "breast_cancer", "--seconds", "0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "failed: did not end in time" in done.stdout
    assert (tmp_path / "table.txt").read_text() == done.stdout
