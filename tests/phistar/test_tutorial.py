"""The tutorial runs from its first cell to its last, and shows what its text says."""

import nbformat
import pytest

from tests.helpers.commands import CODE
from tests.helpers.notebook import executed


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(CODE / "docs" / "tutorial.ipynb", as_version=4)


def test_it_is_stored_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


def test_its_cells_run(notebook, tmp_path):
    cells = executed(notebook, tmp_path)
    told = "\n".join(cell.text + cell.html for cell in cells)
    assert "test_nll" in cells[1].html and "2.3026" in cells[1].html  # ln 10
    for words in ("Better than guessing", "vgg_small", "linear", "Total params"):
        assert words in told
    *others, mistake = cells
    assert not any(cell.error for cell in others)
    (line,) = mistake.error
    assert line.startswith("phistar: error: train.epoch: unknown key")
    assert "Did you mean train.epochs?" in line
