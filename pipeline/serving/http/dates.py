"""Dates and times of a request as the data write them: the SavedModel takes seconds.

A text in a column of dates is read as `predict` reads that cell of a file: as the data
have it, or with the year first. Examples show dates with the year first.
"""

from datetime import datetime, timedelta

import numpy as np

from phistar.components.data.cells.dates import PATTERNS
from phistar.components.data.cells.forms import values
from phistar.components.data.cells.missing import Markers
from phistar.components.serving.request import Signature, said, wrong

ISO = "date year-month-day"
CLOCK = "time of day"
START = datetime(1970, 1, 1)


def dated(called: Signature, contract: dict) -> dict[str, str]:
    """Inputs whose columns hold dates or times.

    Args:
        called: the signature.
        contract: of the SavedModel.

    Returns:
        input -> form of the column's cells, of `PATTERNS`.
    """
    known = (contract["inputs"].get("reading") or {}).get("forms", {})
    forms = {
        end: known.get(spec.get("column", end))
        for end, spec in called.inputs.items()
        if spec["form"] == "number"
    }
    return {end: form for end, form in forms.items() if form in PATTERNS}


def in_seconds(rows: dict[str, list], called: Signature, contract: dict) -> dict:
    """The columns of a request, texts of dates as seconds.

    Args:
        rows: name of an input, or a column's own name -> values.
        called: the signature.
        contract: of the SavedModel.

    Raises:
        ValueError: a text that is no date.
    """
    found = dict(rows)
    for end, form in dated(called, contract).items():
        own = called.shown[end]
        for name in {end, own} & rows.keys():
            if any(isinstance(value, str) for value in rows[name]):
                missing = contract["inputs"]["reading"]["missing"]
                found[name] = seconds(own, rows[name], form, missing)
    return found


def seconds(name: str, given: list, form: str, missing: list[str]) -> list:
    """Values of one column, texts as seconds, None where they say none.

    Raises:
        ValueError: a text of another form.
    """
    import pyarrow as pa

    places = [row for row, value in enumerate(given) if isinstance(value, str)]
    # half of a surrogate pair is not UTF-8, and no date
    texts = [given[row].encode("utf-8", "backslashreplace").decode() for row in places]
    cells, markers = pa.array(texts, pa.string()), Markers(tuple(missing))
    known, _, bad = values(cells, form, markers)
    again, _, still = values(cells, ISO, markers)
    known, bad = np.where(bad, again, known), bad & still
    if bad.any():
        what = f"{said(name)} must hold {'times' if form == CLOCK else 'dates'}"
        taken = ", or a ".join(dict.fromkeys([form, ISO]))
        expected = f"a {taken}, or seconds, or null for none"
        raise wrong(what, given[places[int(bad.argmax())]], expected, name)
    made = list(given)
    for row, value in zip(places, known.tolist(), strict=True):
        made[row] = None if np.isnan(value) else value
    return made


def written(value: float | None, form: str) -> str | None:
    """Seconds as text, the year first, of a time of day hours first."""
    if value is None or np.isnan(value):
        return None
    moment = START + timedelta(seconds=float(value))
    if form == CLOCK:
        return moment.time().isoformat()
    midnight = moment.time() == START.time()
    return moment.date().isoformat() if midnight else moment.isoformat(" ")
