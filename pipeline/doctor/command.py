"""`phistar doctor`: what is not as it should be below a root, and its mending.

It reads, and is safe beside runs that are at work: what a living process holds is left
alone. With `--mend` it mends what is safe. Nothing that somebody may need is removed: a
damaged result or record gets a name that nothing reads.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from phistar.pipeline.doctor import machine, records, results
from phistar.pipeline.doctor.finding import Finding
from phistar.pipeline.process.terminal import working
from phistar.pipeline.process.writable import require_root

# in this order: what mends a record comes before MLflow, which gets it then
CHECKS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    "results of the stages": results.stages,
    "what is served": results.served,
    "records of the runs": records.records,
    "MLflow": records.tracking,
    "the disk": machine.disk,
    "the clock": machine.clock,
    "packages": machine.packages,
    "the GPU": machine.graphics,
    "the memory of hashes": machine.hashes,
}


def doctor(root: Path, mend: bool = False) -> dict:
    """Look at everything below a root, and at the machine.

    Args:
        root: project root.
        mend: mend what is safe.

    Returns:
        dict of plain data:

        - root
        - findings: of each check, place, problem, harm, advice, mended (what was done,
          "" if nothing), mendable
        - checked: the names of the checks
        - sound: True if nothing is left that does harm

    Raises:
        ValueError: the root cannot be written.
    """
    if mend:
        require_root(root)
    found = []
    with working("doctor") as shown:
        for name, check in CHECKS.items():
            shown.doing(f"looking at {name}")
            found += [told(finding, mend) for finding in findings(name, check, root)]
    return {
        "root": str(root),
        "findings": found,
        "checked": list(CHECKS),
        "sound": not any(row["harm"] and not row["mended"] for row in found),
    }


def findings(name: str, check: Callable, root: Path) -> list[Finding]:
    """The findings of a check, before any of them is mended; or why it cannot look."""
    try:
        return list(check(Path(root)))
    except (OSError, sqlite3.Error) as error:
        text = f"it cannot be looked at: {error}."
        return [Finding(name, str(root), text, advice="Is it used, or not yours?")]


def told(finding: Finding, mend: bool) -> dict:
    """A finding as plain data, mended if that is wanted and possible."""
    row = {name: getattr(finding, name) for name in ("check", "place", "problem")}
    row |= {"harm": finding.harm, "advice": finding.advice, "mended": ""}
    row["mendable"] = finding.mend is not None
    if mend and finding.mend is not None:
        try:
            row["mended"] = finding.mend()
        except (OSError, ValueError, LookupError, sqlite3.Error) as error:
            row["advice"] = f"It could not be mended: {error}."
    return row
