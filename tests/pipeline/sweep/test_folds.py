"""The out-of-fold nll: the mean over all rows, each valid in one fold."""

import json

import numpy as np
import pytest

from phistar.components.metrics import nll
from phistar.pipeline.sweep.folds import summary


def test_it_is_that_of_all_rows_together(tmp_path):
    rng, folders, rows = np.random.default_rng(0), [], []
    for fold, size in enumerate((30, 31, 50)):
        losses = rng.exponential(size=size)
        folder = tmp_path / str(fold)
        folder.mkdir()
        (folder / "valid.json").write_text(json.dumps({"valid_nll": losses.mean()}))
        np.savez(folder / "valid_nll.npz", nll=losses, count=np.ones(size))
        folders.append(folder)
        rows.append(losses)
    found, whole = summary(folders), nll(-np.concatenate(rows))
    assert found["nll"] == pytest.approx(whole["nll"])
    assert found["low"] == pytest.approx(whole["nll_low"])
    assert found["high"] == pytest.approx(whole["nll_high"])
    means = [losses.mean() for losses in rows]
    assert found["mean"] == pytest.approx(np.mean(means)) != found["nll"]
    assert found["sd"] == pytest.approx(np.std(means, ddof=1))
