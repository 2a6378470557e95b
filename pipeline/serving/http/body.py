"""The body of a request: JSON in one of MLflow's four forms -> a signature's arrays.

    {"inputs": {NAME: [VALUE, ...], ...}, "params": {"signature": NAME, KNOB: NUMBER}}
    {"inputs": {NAME: VALUE, ...}}                       one row
    {"inputs": [{NAME: VALUE, ...}, ...]}                rows
    {"inputs": [VALUE, ...]}                             of a signature with one input
    {"instances": as "inputs"}
    {"dataframe_records": [{NAME: VALUE, ...}, ...]}
    {"dataframe_split": {"columns": [NAME, ...], "data": [[VALUE, ...], ...]}}

Images are base64; a number that is null is NaN, a missing one; a date is seconds, or a
text as the data have it. MLflow's own parser is
not used: its errors do not name the input, and its arrays of texts are all as wide as
the longest one.
"""

import json

from phistar.components.serving import request
from phistar.components.serving.request import (
    SHOWN,
    Signature,
    Wrong,
    listed,
    said,
    wrong,
)
from phistar.pipeline.serving.http.dates import in_seconds

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")
MOST_VALUES = 2**22  # of a body: what is no JSON for a request fills no memory
MOST = 2**20  # numbers of one input, rows filled to the longest one
MOST_BYTES = 2**20  # of the texts of one input, all as long as the longest one


def read(content: bytes, contract: dict) -> tuple[Signature, dict]:
    """The signature of a request, and its arrays.

    Args:
        content: of the body.
        contract: of the SavedModel.

    Returns:
        (Signature, name -> array [N] or [N, T]).

    Raises:
        ValueError: the request's mistake.
    """
    return asked(*parse(content), contract)


def asked(data: object, params: dict, contract: dict) -> tuple[Signature, dict]:
    """The signature that data are sent to, and its arrays; see `read`.

    Args:
        data: rows, or columns.
        params: `signature`, and knobs.
        contract: of the SavedModel.
    """
    name = params.pop("signature", None)
    called = request.signature(contract, request.DEFAULT if name is None else name)
    rows = columns(data, called)
    for name in called.places.keys() & rows:
        spec = called.inputs[called.places[name]]
        require_small(name, rows[name], spec, contract["max_rows"])
    return called, called.request(in_seconds(rows, called, contract), params)


def require_small(name: str, values: list, spec: dict, max_rows: int) -> None:
    """Refuse an input that takes too much memory, before it is converted."""
    if len(values) > max_rows:
        what, most = "too many rows for one request", f"at most {max_rows}"
        raise wrong(what, len(values), most, name, "rows")
    match spec["form"]:
        case "tokens":
            longest = max((len(v) for v in values if isinstance(v, list)), default=0)
            if len(values) * longest > MOST:
                size = f"{len(values)} rows, the longest one of {longest}"
                what, most = f"{name} must hold fewer numbers", f"at most {MOST}"
                raise wrong(what, size, most, name, "rows")
        case "text":
            texts = (v for v in values if isinstance(v, str))
            sizes = (len(text.encode("utf-8", "surrogatepass")) for text in texts)
            longest = max(sizes, default=0)
            if len(values) * longest > MOST_BYTES:
                what = f"{said(name)} must hold fewer or shorter texts"
                size = f"{len(values)} rows, the longest one of {longest} bytes"
                most = f"at most {MOST_BYTES} bytes, rows x longest"
                raise wrong(what, size, most, name, "rows")


def parse(content: bytes) -> tuple[object, dict]:
    """The data and the parameters of a body."""
    # each value but the first of all has one of these before it
    values = sum(map(content.count, (b",", b"[", b"{")))
    if values > MOST_VALUES:
        what, most = "the body holds too many values", f"at most {MOST_VALUES}"
        raise wrong(what, values, f"{most}: send fewer rows at a time", reason="body")
    try:
        # json's own guess of the encoding takes UTF-16 and UTF-32 too
        text = content.decode("utf-8-sig")
        body = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        what, expected = "the body must be JSON in UTF-8", '{"inputs": {...}}'
        raise Wrong(what, str(error), expected, reason="body") from None
    form = [name for name in FORMS if isinstance(body, dict) and name in body]
    if len(form) != 1 or body.keys() - {form[0], "params"}:
        received = listed(body) if isinstance(body, dict) else body
        expected = f"one of {listed(FORMS)}, and params or not"
        what = "the body must be an object with these keys"
        raise wrong(what, received, expected, reason="body")
    params = body.get("params")
    params = {} if params is None else params
    if not isinstance(params, dict):
        what, expected = "params must be an object", "{NAME: VALUE}"
        raise wrong(what, params, expected, "params", "body")
    data = body[form[0]]
    if form[0] == "dataframe_split":
        data = split(data)
    return data, dict(params)


def refuse_constant(name: str) -> None:
    """Refuse what Python reads and JSON does not have: NaN, Infinity, -Infinity."""
    raise ValueError(f"{name}, which JSON does not have; null is a missing number")


def split(data: object) -> dict[str, list]:
    """The columns of pandas' form "split"."""
    match data:
        case {"columns": list(names), "data": list(rows)}:
            pass
        case _:
            expected = '{"columns": [NAME, ...], "data": [[VALUE, ...], ...]}'
            what = "dataframe_split has another form"
            raise wrong(what, data, expected, reason="body")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            what = "each row of dataframe_split must have a value for each column"
            raise wrong(what, row, f"{len(names)} values", reason="body")
    if len(set(map(str, names))) < len(names):
        what = "a column of dataframe_split comes twice"
        raise wrong(what, names, "each once", reason="body")
    return {str(name): [row[i] for row in rows] for i, name in enumerate(names)}


def columns(data: object, called: Signature) -> dict[str, list]:
    """Rows, or columns, as columns.

    Args:
        data: of the request.
        called: the signature; a list without names is of its only input.
    """
    specs, known = called.inputs, called.shown.values()
    flat = [name for name, n in called.places.items() if len(specs[n]["shape"]) == 1]
    match data:
        case dict() if not any(isinstance(data.get(name), list) for name in flat):
            return {name: [value] for name, value in data.items()}  # one row
        case dict():
            for name, values in data.items():
                if not isinstance(values, list):
                    what = f"{SHOWN.repr(name)} must hold a list"
                    raise wrong(what, values, "a value a row", name, "body")
            return data
        case [dict(first), *_] if all(isinstance(row, dict) for row in data):
            for row in data:
                if row.keys() != first.keys():
                    what = "each row must name the same inputs, null for none"
                    raise wrong(what, listed(row), listed(known), reason="body")
            return {name: [row[name] for row in data] for name in first}
        case list() if len(specs) == 1 or not data:
            return dict.fromkeys(specs, data)
    names = f"names: {listed(known)}"
    raise wrong("inputs must be columns or rows", data, names, reason="body")
