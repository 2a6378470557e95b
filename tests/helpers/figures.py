"""Figures that are not drawn: half of the time of a small run."""

from contextlib import contextmanager
from pathlib import Path

import pytest

# a picture of nothing, in each form
EMPTY = {
    ".svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>',
    ".png": bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
        "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
    ),
}


@contextmanager
def undrawn():
    """Let a run write empty figures; tests/components/reports/ look at real ones."""
    from matplotlib.figure import Figure

    def write(self, path, **how):
        Path(path).write_bytes(EMPTY[Path(path).suffix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", write)
        yield
