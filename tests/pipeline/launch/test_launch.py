"""`phistar launch`: two processes make what one makes, and the key does not tell."""

import numpy as np
import pytest

from tests.helpers.commands import SHORT, artifact, copy_store, here
from tests.helpers.ranks import QUICK, weights

WORDS = ("run", "breast_cancer", *SHORT, "train.backend=jax", "--to", "train")


@pytest.fixture(autouse=True)
def compiled_quickly(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", QUICK)


def test_two_processes_make_the_artifact_of_one(trained, tmp_path):
    roots = [tmp_path / name for name in ("one", "two")]
    for root in roots:
        copy_store(trained[0], root, "ingest", "build")
    one = here(*WORDS, root=roots[0])
    two = here("launch", "-n", "2", *WORDS, root=roots[1])
    assert one.status == two.status == 0, two.stderr
    assert two.statuses == {"ingest": "cached", "build": "cached", "train": "ran"}
    keys = [done.answer["stages"]["train"]["key"] for done in (one, two)]
    assert keys[0] == keys[1]
    found = [weights(artifact(root, "train")) for root in roots]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-6)
    assert not list(roots[1].glob("mlruns/.ranks-*"))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("launch", "-n", "0", *WORDS), "0 is not at least 1"),
        (("launch", "-n", "999", *WORDS), "more processes than cores"),
        (("launch", "-n", "2", "evaluate", "breast_cancer"), "Received: evaluate"),
        (("launch", *WORDS), "needs a number of processes"),
        (("launch", "-n", "2", *WORDS, "train.backend=tensorflow"), "JAX only"),
        (("launch", "-n", "2", *WORDS, "train.stepz=3"), "train.stepz"),
    ],
)
def test_what_cannot_be_launched_is_one_line(words, part, tmp_path):
    done = here(*words, root=tmp_path)
    assert done.status == 2 and not (tmp_path / "mlruns").exists()
    (text,) = [text for text in done.stderr.splitlines() if "dropped" not in text]
    assert part in text
