from pathlib import Path

import numpy as np
import pytest

from phistar.components.data.arrays import ArrayFile, SplitFiles, load


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype="float32").reshape(6, 2),
        np.arange(6, dtype="int32"),
        np.array([("ä", 1.5), ("bc", np.nan)] * 3, [("größe", "<U2"), ("x", "<f8")]),
    ],
)
def test_pieces_give_the_bytes_of_save(tmp_path, array):
    np.save(tmp_path / "whole.npy", array)
    file = ArrayFile(tmp_path / "pieces.npy", array.dtype, array.shape)
    for rows in (slice(0, 1), slice(1, 5), slice(5, 5), slice(5, 6)):
        file.append(array[rows])
    file.close()
    whole, pieces = (tmp_path / f"{name}.npy" for name in ("whole", "pieces"))
    assert pieces.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("rows", [2, 4])
def test_another_number_of_rows_is_refused(tmp_path, rows):
    file = ArrayFile(tmp_path / "a.npy", "float32", (3,))
    file.append(np.zeros(rows))
    with pytest.raises(ValueError, match=f"Received: .{abs(rows - 3)} rows"):
        file.close()


def digest(folder, inputs, labels, cuts=()):
    """SHA-256 of a split written in pieces."""
    files = SplitFiles(folder, len(labels), inputs.shape[1:], inputs.dtype)
    for rows in np.split(np.arange(len(labels)), cuts):
        files.append(inputs[rows], labels[rows])
    return files.close()


def test_digest_is_that_of_content_dtype_and_shape(tmp_path):
    inputs, labels = np.arange(12, dtype="float32"), np.zeros(12, "int32")
    same = [
        digest(tmp_path / str(number), inputs, labels, cuts)
        for number, cuts in enumerate([(), (1, 7), (12,)])
    ]
    other = [
        digest(tmp_path / "a", inputs.reshape(12, 1), labels),
        digest(tmp_path / "b", inputs.view("int32"), labels),
        digest(tmp_path / "c", inputs + 1, labels),
        digest(tmp_path / "d", inputs, labels + 1),
    ]
    assert len(set(same)) == 1
    assert len({*same, *other}) == 5


def resident():
    """MiB of mapped files that are in this process's RAM."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssFile:")[2].split()[0]) / 1024


def test_load_reads_any_rows_and_keeps_none_of_them(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (1024, 2**16), "uint8")  # 64 MiB
    np.save(tmp_path / "a.npy", array)
    mapped, before = load(tmp_path / "a.npy"), resident()
    for start in range(0, 1024, 64):
        rows = mapped[start : start + 64]
        np.testing.assert_array_equal(rows, array[start : start + 64])
        gathered = mapped[np.arange(start, start + 64)[::-1]]
        np.testing.assert_array_equal(gathered, rows[::-1])
        assert type(rows) is type(gathered) is np.ndarray
    assert resident() - before < 32
    np.testing.assert_array_equal(mapped[3:7, 5], array[3:7, 5])
    np.testing.assert_array_equal(mapped, array)
