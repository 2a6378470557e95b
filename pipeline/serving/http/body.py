"""The body of a request: JSON in one of MLflow's four forms -> what a signature takes.

    {"inputs": {NAME: [VALUE, ...], ...}, "params": {"signature": NAME, KNOB: NUMBER}}
    {"inputs": {NAME: VALUE, ...}}                       one row
    {"inputs": [{NAME: VALUE, ...}, ...]}                rows
    {"inputs": [VALUE, ...]}                             of a signature with one input
    {"instances": as "inputs"}
    {"dataframe_records": [{NAME: VALUE, ...}, ...]}
    {"dataframe_split": {"columns": [NAME, ...], "data": [[VALUE, ...], ...]}}

Images are base64; a number that is null is NaN, a missing one. MLflow does not read it:
its errors do not name the input, and its arrays of texts are all as wide as the longest
one.
"""

import base64
import json
import reprlib

import numpy as np

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")
DEFAULT = "serving_default"
MOST = 2**23  # numbers of one input, rows filled to the longest one
MOST_BYTES = 2**20  # of the texts of one input, all as long as the longest one
SHOWN = reprlib.Repr()  # of what was received: whatever it is, a short text
SHOWN.maxstring, SHOWN.maxother, SHOWN.maxlevel = 60, 60, 2


def read(content, contract):
    """What is asked.

    Args:
        content: bytes.
        contract: dict, of the SavedModel.

    Returns:
        (name of the signature, dict of name -> array [N] or [N, T]).

    Raises:
        ValueError: what is wrong with the request, the input's name first.
    """
    rows, params = parse(content)
    signatures, x = contract["signatures"], contract["signatures"][DEFAULT]["inputs"]
    signature = params.pop("signature", None)
    signature = DEFAULT if signature is None else signature
    if not isinstance(signature, str) or signature not in signatures:
        raise wrong("no such signature", signature, f"one of: {listed(signatures)}")
    taken, knobs = signatures[signature]["inputs"], contract["knobs"].keys() - x
    if unknown := params.keys() - (knobs & taken.keys()):
        what = f"{signature} has no such parameter"
        legal = listed(knobs & taken.keys()) or "none"
        raise wrong(
            what, listed(unknown), f"{legal}; of all signatures: {listed(knobs)}"
        )
    names = [name for name in taken if name not in knobs]
    found = columns(rows, {name: taken[name] for name in names})
    if unknown := found.keys() - set(names):
        raise wrong(f"{signature} has no such input", listed(unknown), listed(names))
    if missing := [name for name in names if name not in found]:
        what = f"{signature} needs an input that is missing: {', '.join(missing)}"
        raise wrong(what, listed(found), listed(names))
    size, most = len(found[names[0]]), contract["max_rows"]
    if size > most:
        raise wrong("too many rows for one request", size, f"at most {most}")
    inputs = {}
    for name in names:
        if len(found[name]) != size:
            what = f"{name} must have as many rows as {names[0]}"
            raise wrong(what, len(found[name]), size)
        inputs[name] = array(name, found[name], taken[name], contract)
    for name in knobs & taken.keys():
        value = params.get(name)
        value = contract["knobs"][name] if value is None else value
        inputs[name] = np.repeat(numbers(name, [value], taken[name]["dtype"]), size)
        inputs[name] += np.arange(size) if name == "seed" else 0
    return signature, inputs


def parse(content):
    """The data and the parameters of a body.  bytes -> (data, dict)."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the body must be JSON in UTF-8. Received: {error}."
        ) from None
    form = [name for name in FORMS if isinstance(body, dict) and name in body]
    if len(form) != 1 or body.keys() - {form[0], "params"}:
        received = listed(body) if isinstance(body, dict) else body
        expected = f"one of {listed(FORMS)}, and params or not"
        raise wrong("the body must be an object with these keys", received, expected)
    params = body.get("params")
    params = {} if params is None else params
    if not isinstance(params, dict):
        raise wrong("params must be an object", params, "{NAME: VALUE}")
    data = body[form[0]]
    if form[0] == "dataframe_split":
        data = split(data)
    return data, dict(params)


def split(data):
    """The columns of pandas' form "split".  -> dict of lists."""
    match data:
        case {"columns": list(names), "data": list(rows)}:
            pass
        case _:
            expected = '{"columns": [NAME, ...], "data": [[VALUE, ...], ...]}'
            raise wrong("dataframe_split has another form", data, expected)
    for row in rows:
        if not isinstance(row, list) or len(row) != len(names):
            what = "each row of dataframe_split must have a value for each column"
            raise wrong(what, row, f"{len(names)} values")
    if len(set(map(str, names))) < len(names):
        raise wrong("a column of dataframe_split comes twice", names, "each once")
    return {str(name): [row[i] for row in rows] for i, name in enumerate(names)}


def columns(data, specs):
    """Rows, or columns, as columns.

    Args:
        data: of the request.
        specs: name -> dict, what the signature takes; a list without names is of the
            only one.

    Returns:
        dict of name -> list.
    """
    flat = [name for name, spec in specs.items() if len(spec["shape"]) == 1]
    match data:
        case dict() if not any(isinstance(data.get(name), list) for name in flat):
            return {name: [value] for name, value in data.items()}  # one row
        case dict():
            for name, values in data.items():
                if not isinstance(values, list):
                    raise wrong(
                        f"{SHOWN.repr(name)} must hold a list", values, "a value a row"
                    )
            return data
        case [dict(first), *_] if all(isinstance(row, dict) for row in data):
            for row in data:
                if row.keys() != first.keys():
                    what = "each row must name the same inputs, null for none"
                    raise wrong(what, listed(row), listed(specs))
            return {name: [row[name] for row in data] for name in first}
        case list() if len(specs) == 1 or not data:
            return dict.fromkeys(specs, data)
    raise wrong("inputs must be columns or rows", data, f"names: {listed(specs)}")


def array(name, values, spec, contract):
    """One input.

    Args:
        name: of it.
        values: list of N.
        spec: dict, its dtype and shape.
        contract: dict.

    Returns:
        array [N], strings as bytes; or [N, T] of lists, filled with 0.
    """
    if spec["dtype"] == "string":
        return strings(name, values, contract)
    if len(spec["shape"]) == 1:
        return numbers(name, values, spec["dtype"])
    for value in values:
        if not isinstance(value, list):
            raise wrong(f"{name} must hold lists of numbers", value, "[0, ...]")
    width = max(map(len, values), default=0)
    if len(values) * width > MOST:
        size = f"{len(values)} rows, the longest one of {width}"
        raise wrong(f"{name} must hold fewer numbers", size, f"at most {MOST}")
    made = np.zeros((len(values), width), spec["dtype"])
    for row, value in zip(made, values, strict=True):
        row[: len(value)] = numbers(name, value, spec["dtype"])
    return made


def numbers(name, values, dtype):
    """Numbers of JSON.  list -> array [N]."""
    whole = np.dtype(dtype).kind in "iu"
    legal = {int} if whole else {int, float, type(None)}
    if not legal.issuperset(map(type, values)):
        value = next(value for value in values if type(value) not in legal)
        expected = "an integer" if whole else "a number, or null for none"
        raise wrong(f"{name} must hold numbers", value, expected)
    try:
        with np.errstate(over="ignore"):  # a large one is infinite
            return np.array(values, dtype if whole else "float64").astype(dtype)
    except OverflowError:
        value = max(filter(None, values), key=abs)
        raise wrong(f"{name} must hold numbers", value, f"{dtype}") from None


def strings(name, values, contract):
    """Texts of JSON, images as base64.  list of str -> objects [N], bytes."""
    # what a table does not have is an empty one
    table = contract["kind"] == "columns" and name != "label"
    made = np.empty(len(values), object)
    for row, value in enumerate(values):
        value = "" if value is None and table else value
        if not isinstance(value, str):
            raise wrong(f"{name} must hold strings", value, "a string")
        # half of a surrogate pair is no UTF-8: what that means, the SavedModel says
        made[row] = value.encode("utf-8", "surrogatepass")
        if contract["kind"] == "images" and name == "image":
            made[row] = decoded(name, made[row])
    longest = max(map(len, made), default=0)
    if contract["kind"] in ("text", "pairs") and len(made) * longest > MOST_BYTES:
        what = f"{name} must hold fewer or shorter texts"
        size = f"{len(made)} rows, the longest one of {longest} bytes"
        raise wrong(what, size, f"at most {MOST_BYTES} bytes, rows x longest")
    return made


def decoded(name, value):
    """Base64, spaces and ends of line left out.  bytes -> bytes."""
    try:
        return base64.b64decode(b"".join(value.split()), validate=True)
    except ValueError:
        raise wrong(f"{name} must be base64", value, "base64 of a file") from None


def listed(names):
    """Names in one line, sorted."""
    return ", ".join(sorted(map(str, names)))


def wrong(what, received, expected):
    """The error of a request.  -> ValueError."""
    shown = "null" if received is None else SHOWN.repr(received)
    return ValueError(f"{what}. Received: {shown}. Expected: {expected}.")
