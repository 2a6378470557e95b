"""A notebook's kernel: a real one, in a process of its own."""

import contextlib
import os
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient

from tests.helpers.commands import CODE, LIMIT


class Cell(NamedTuple):
    """What a cell has shown.

    Args:
        text: what was printed, stderr too.
        html: of the last expression; "" without it.
        error: lines below the cell that failed; [] of others.
        raised: name of the exception.
    """

    text: str
    html: str
    error: list
    raised: str


def environment():
    """Variables of a kernel that imports this code."""
    paths = filter(None, [str(CODE), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def executed(notebook, folder, allow_errors=False):
    """Run a notebook's cells in a folder.  -> list of Cell, of the cells of code.

    Args:
        notebook: of nbformat, or list of str, the cells.
        folder: Path.
        allow_errors: go on after a cell that fails.
    """
    if isinstance(notebook, list):
        cells = [nbformat.v4.new_code_cell(text) for text in notebook]
        notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook,
        timeout=LIMIT,
        kernel_name="python3",
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment())
    return [shown(c.outputs) for c in notebook.cells if c.cell_type == "code"]


def shown(outputs):
    """A cell, by its list of outputs.  -> Cell"""
    errors = [one for one in outputs if one.output_type == "error"]
    data = [one.data for one in outputs if "data" in one]
    return Cell(
        "".join(one.text for one in outputs if one.output_type == "stream"),
        "".join(one.get("text/html", "") for one in data),
        errors[0].traceback if errors else [],
        errors[0].ename if errors else "",
    )


@contextlib.contextmanager
def kernel(folder):
    """A kernel that can be interrupted.  -> (manager, function: code -> Cell)."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(folder), env=environment()
    )

    def run(code):
        outputs = []
        client.execute_interactive(
            code,
            timeout=LIMIT,
            output_hook=outputs.append,
            allow_stdin=False,
            stop_on_error=False,  # else a cell that follows at once is dropped
        )
        kinds = ("stream", "error", "execute_result", "display_data")
        return shown(
            [
                nbformat.v4.output_from_msg(message)
                for message in outputs
                if message["msg_type"] in kinds
            ]
        )

    try:
        yield manager, run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
