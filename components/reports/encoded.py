"""Encoded rows of columns, read back as the data have them."""

import numpy as np

STEPS = 100  # of a standard deviation, to which numbers are compared
DIGITS = 5  # of a number, below its standard deviation
MISSING = np.iinfo("int64").min


def indicators(columns):
    """Place, in an encoded row, of what tells that a column is missing.

    Args:
        columns: of the encoder; see components/data/encoders/columns.py.

    Returns:
        dict of name -> int, of the columns that lack values in train.
    """
    numeric = [c for c in columns if c["kind"] == "numeric"]
    lacking = [c["name"] for c in numeric if c["missing"]]
    place = {name: len(numeric) + i for i, name in enumerate(lacking)}
    for column, (start, _) in blocks(columns).items():
        values = next(c for c in columns if c["name"] == column).get("values", [])
        if "" in values:
            # the first place is that of values never seen
            place[column] = start + 1 + values.index("")
    return place


def blocks(columns):
    """Places of the columns that are not numeric.

    Args:
        columns: of the encoder.

    Returns:
        dict of name -> (the first place, the one behind the last).
    """
    numeric = [c for c in columns if c["kind"] == "numeric"]
    start = len(numeric) + sum(c["missing"] for c in numeric)
    found = {}
    for column in columns:
        if column["kind"] != "numeric":
            hashed = column["kind"] == "hashed"
            width = column["places"] if hashed else 1 + len(column["values"])
            found[column["name"]] = start, start + width
            start += width
    return found


def decoded(encoder, rows):
    """Encoded rows as they were in the data, about; dates as dates.

    Args:
        encoder: plain data of an encoder of columns.
        rows: float32 [n, D].

    Returns:
        dict of name -> array [n]; hashed columns, whose values are not kept, lack.
    """
    columns, found = encoder["columns"], {}
    place = indicators(columns)
    forms = (encoder.get("reading") or {}).get("forms", {})
    numeric = [c for c in columns if c["kind"] == "numeric"]
    for at, column in enumerate(numeric):
        name = column["name"]
        deviation = column["variance"] ** 0.5
        values = rows[:, at] * deviation + column["mean"]
        # float32 has no more digits: 0 would be -2.98023e-08
        digits = DIGITS - int(np.floor(np.log10(deviation or 1)))
        values = np.round(values, digits) + 0.0
        if column["missing"]:
            values = np.where(rows[:, place[name]] > 0, np.nan, values)
        dates = forms.get(name, "").startswith("date ")
        found[name] = as_dates(values) if dates else values
    known = {c["name"]: c["values"] for c in columns if c["kind"] == "categorical"}
    for name, (start, stop) in blocks(columns).items():
        if name in known:
            names = np.array(["", *known[name]])
            found[name] = names[rows[:, start:stop].argmax(axis=1)]
    return {c["name"]: found[c["name"]] for c in columns if c["name"] in found}


def as_dates(seconds):
    """Seconds since 1970 as texts, to the minute.  float [n] -> str [n]"""
    minutes = np.rint(np.nan_to_num(seconds) / 60).astype("int64").astype("M8[m]")
    texts = np.datetime_as_string(minutes)
    texts = [text.removesuffix("T00:00").replace("T", " ") for text in texts.tolist()]
    return np.where(np.isnan(seconds), "", texts)


def codes(columns, rows):
    """Whole numbers that are equal where values are, nearly.

    Numbers are rounded to 1/STEPS of their standard deviation.

    Args:
        columns: of the encoder.
        rows: float32 [n, D].

    Returns:
        int64 [n, C], the numeric columns first.
    """
    numeric = [c for c in columns if c["kind"] == "numeric"]
    place, others = indicators(columns), blocks(columns)
    found = np.empty((len(rows), len(numeric) + len(others)), "int64")
    found[:, : len(numeric)] = np.rint(rows[:, : len(numeric)].astype(float) * STEPS)
    for at, column in enumerate(numeric):
        if column["missing"]:
            found[rows[:, place[column["name"]]] > 0, at] = MISSING
    for at, (start, stop) in enumerate(others.values(), len(numeric)):
        found[:, at] = rows[:, start:stop].argmax(axis=1)
    return found
