"""Kinds of data: two halves by one name, of which training needs the first alone."""

import subprocess
import sys

import pytest

from phistar.components.data.encoders import encoder
from phistar.components.data.kinds import kind
from phistar.pipeline.config import choices
from tests.helpers.tables import ROOT

KINDS = choices.names(ROOT / "components/data/kinds/__init__.py")


def test_every_kind_has_an_encoder():
    assert choices.names(ROOT / "components/data/encoders/__init__.py") == KINDS


@pytest.mark.heavy
def test_stored_kinds_import_no_tensorflow():
    """Training on JAX reads them."""
    code = (
        "import sys; from phistar.components.data.kinds import kind\n"
        f"for name in {KINDS}: kind(name)\n"
        "print([name for name in sys.modules if name in ('tensorflow', 'keras')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("name", KINDS)
def test_an_encoder_states_what_a_request_may_hold(name):
    made = encoder(name)
    assert made.reads in ("table", "images", "lines")
    size = made.batch_size  # of columns it depends on how many there are
    assert isinstance(size, property) or 0 < size <= made.max_rows
    # texts have no array of one shape, and so no numeric export
    assert bool(kind(name).sides) == (made.array is None)
