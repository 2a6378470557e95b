"""The data card of a run that ends with ingest: its page, and its tables in plain data.

The page is put beside the record, mlruns/runs/<run_id>.data_card.html, from where
MLflow gets it.
"""

import json
import os
from pathlib import Path

from phistar.components import progress
from phistar.pipeline.process import quiet
from phistar.pipeline.process.terminal import working
from phistar.pipeline.record.journal import Record
from phistar.pipeline.tracking.follower import send_pages

PAGE, TABLES = ".data_card.html", ".data_card.json"


def data_card(root: Path, answer: dict) -> tuple[list[dict], Path]:
    """The card; made once for a run, and sent to MLflow.

    Args:
        root: project root.
        answer: of `run_once`.

    Returns:
        (list of {"title", "lines", "head", "rows"}, the last two may be empty; path of
        the page).
    """
    path = Record(root, answer["run_id"]).path
    page, tables = path.with_suffix(PAGE), path.with_suffix(TABLES)
    if not tables.exists():
        with working("ingest"):
            progress.doing("looking at the data")
            make(Path(answer["stages"]["ingest"]["path"]), page, tables)
        send_pages(root, [answer["run_id"]])
    return json.loads(tables.read_text("utf-8")), page


def make(dataset: Path, page: Path, tables: Path) -> None:
    """Write the page and, last, the tables, which tell that both are there."""
    os.environ |= quiet.environment()
    quiet.load_library()
    quiet.import_keras()
    from phistar.components.reports.data_page import data_page

    known, html = data_page(dataset)
    found = []
    for part in known:
        head, rows = part.table or ([], [])
        about = {"title": part.title, "lines": part.lines}
        found.append(about | {"head": head, "rows": rows})
    for path, content in ((page, html), (tables, json.dumps(found))):
        draft = path.with_name(f"{path.name}.tmp")
        draft.write_text(content, "utf-8")
        draft.replace(path)
