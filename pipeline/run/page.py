"""The page of a run: evaluate's report.html with the facts of the run in it.

Evaluate's page is the same for every run of the same key. What this run did, and the
champion beside it, is put at its marks, in a copy: mlruns/runs/<run_id>.report.html.
"""

import json
import os
import platform
import time
from pathlib import Path

from phistar.pipeline.record.journal import Record


def write(record: Record) -> Path | None:
    """Write the page of a run that has come past evaluate.

    Args:
        record: of the run, with what was written of it so far.

    Returns:
        Its path; None if the run has no evaluation, or the store no longer has it.
    """
    # not needed by a run that stops earlier
    from phistar.components.reports.page import html

    mlruns, entries = record.root / "mlruns", record.entries()
    stages = [e for e in entries if e["kind"] == "stage" and e["status"] != "running"]
    evaluated = [
        e for e in stages if e["stage"] == "evaluate" and e["status"] != "failed"
    ]
    if not evaluated:
        return None
    source = mlruns / evaluated[-1]["path"] / "report.html"
    try:
        page = source.read_text("utf-8")
    except FileNotFoundError:
        return None
    title, start = "What ran", entries[0]
    section = html.section(
        title,
        html.facts(facts(entries)),
        html.table(*stage_table(mlruns, stages)),
        html.Markup("<h3>Every key</h3>"),
        html.facts(keys(start), "keys"),
    )
    asked = start["question"]
    question = html.paragraph(asked, "question") if asked else ""
    compared = [e["sentence"] for e in entries if e["kind"] == "champion"]
    champion = html.paragraph(compared[-1]) if compared else ""
    link = html.link(title)
    for mark, text in (
        (html.QUESTION, question),
        (html.CHAMPION, champion),
        ("</nav>", f"{link}</nav>"),
        (html.RUN, section),
    ):
        page = page.replace(mark, str(text), 1)
    path = record.path.with_suffix(".report.html")
    draft = path.with_suffix(".tmp")
    draft.write_text(page, "utf-8")
    draft.replace(path)  # whole, or not there: the follower may read it at any time
    return path


def facts(entries: list[dict]) -> list[tuple[str, str]]:
    """Facts of a run, name and value.

    Args:
        entries: of its record.
    """
    start = entries[0]
    last = [e for e in entries if e["kind"] in ("start", "resume")][-1]
    versions = [
        f"{name.removeprefix('version.')} {value}"
        for name, value in start["tags"].items()
        if name.startswith("version.")
    ]
    commit = start["tags"].get("git_commit", "")
    changed = start["tags"].get("git_dirty") == "true"
    found = [
        ("recipe", start["experiment"]),
        ("command", last["command"]),
        ("run", start["run_id"]),
        (
            "began",
            time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(last["time"] / 1000)),
        ),
        ("versions", ", ".join(versions)),
        ("code", f"{commit}{', with changes' if changed else ''}" if commit else ""),
        ("machine", f"{len(os.sched_getaffinity(0))} CPUs, {platform.platform()}"),
    ]
    return [(name, value) for name, value in found if value]


def stage_table(mlruns: Path, stages: list[dict]) -> tuple[list[str], list[list]]:
    """Stages that ran, were cached or failed, with seconds and digest.

    Args:
        mlruns: folder.
        stages: entries of the record.

    Returns:
        Head and rows of a table.
    """
    rows = []
    for stage in {entry["stage"]: entry for entry in stages}.values():
        seconds = f"{stage.get('seconds', 0):.1f}" if stage["status"] == "ran" else ""
        digest = ""
        manifest = mlruns / stage["path"] / "manifest.json"
        if manifest.is_file():
            digest = json.loads(manifest.read_bytes()).get("digest", "")
        row = [stage["stage"], stage["status"], seconds, stage["key"], digest[:32]]
        rows.append(row)
    return ["stage", "", "seconds", "key", "digest"], rows


def keys(start: dict) -> list[list[str]]:
    """The resolved config, a row for each key."""
    return [
        [name, value if isinstance(value, str) else json.dumps(value)]
        for name, value in start["params"].items()
    ]
