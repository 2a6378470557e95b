"""The tutorial runs from its first cell to its last, and shows what its text says."""

import ast
import contextlib
import io

import nbformat
import pytest

import phistar
from tests.helpers.commands import CODE, quickly
from tests.helpers.notebook import executed


@pytest.fixture
def notebook():
    return nbformat.read(CODE / "docs" / "tutorial.ipynb", as_version=4)


def code(notebook):
    """The sources of its cells of code."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_it_is_stored_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.slow
def test_its_cells_run_in_a_notebook(notebook, tmp_path):
    cells = executed(notebook, tmp_path)
    require_told([cell.text + cell.html for cell in cells])
    *others, mistake = cells
    assert not any(cell.error for cell in others)
    require_mistake(mistake.error)


def test_its_cells_run(notebook, tmp_path):
    """In this process, trained for a moment."""
    scope, told = {}, []
    *cells, mistake = code(notebook)
    with quickly(), contextlib.chdir(tmp_path):
        for source in cells:
            short = source.replace('"train.epochs": 5', '"train.epochs": 1')
            told.append(shown(short, scope))
        with pytest.raises(phistar.Failure) as error:
            shown(mistake, scope)
    require_told(told)
    require_mistake(error.value._render_traceback_())


def shown(source, scope):
    """Run a cell.  -> what it prints, and its last expression in HTML."""
    tree, value, out = ast.parse(source), None, io.StringIO()
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "cell", "exec"), scope)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), scope)
    html = value._repr_html_() if hasattr(value, "_repr_html_") else ""
    return out.getvalue() + html


def require_told(told):
    """The results, the verdict and both networks are seen."""
    assert "test_nll" in told[1] and "2.3026" in told[1]  # ln 10
    for words in ("Better than guessing", "vgg_small", "linear", "Total params"):
        assert words in "\n".join(told)


def require_mistake(error):
    """The last cell's mistake is its text alone."""
    (line,) = error
    assert line.startswith("phistar: error: train.epoch: unknown key")
    assert "Did you mean train.epochs?" in line
