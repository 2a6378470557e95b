"""A request to a SavedModel, and its answer, as the contract describes them.

Three kinds of input: x, which every signature takes; y, which is scored; and knobs,
one number for all rows. Only `seed` differs: row i draws with `seed` + i. An unknown
parameter or input is refused here, for `phistar serve`, `predict` and MLflow's model.
The last two leave out unknown columns before.

An input that is a column has an identifier in the SavedModel, and its own name as
`column` in the contract. A request gives it by either.

MLflow's model has a copy of this file beside ask.py and the two that read images, and
verify.py reads it alone: it needs NumPy, and nothing else of this project.
"""

import base64
import heapq
import re
import reprlib
from typing import NamedTuple

import numpy as np

DEFAULT = "serving_default"
TOLERANCE = 1e-4  # nats, between an answer and the evaluation
RAGGED = ("tokens", "token_log_probs")  # outputs that are padded to the longest row

MOST = 40  # names that an error lists
SHOWN = reprlib.Repr()  # a short text of what was received, whatever it is
SHOWN.maxstring, SHOWN.maxother, SHOWN.maxlevel = 60, 60, 2


class Wrong(ValueError):
    """A request that is refused.

    Args:
        what: is wrong, the input's name first.
        received, expected: str.
        name: of the input or parameter; None if the mistake is in none of them.
        reason: one word, by which refusals are counted: "body", "signature", "inputs",
            "parameters", "rows" or "values".
    """

    def __init__(self, what, received, expected, name=None, reason="values"):
        super().__init__(f"{what}. Received: {received}. Expected: {expected}.")
        self.received, self.expected = received, expected
        self.name, self.reason = name, reason


class Signature(NamedTuple):
    """The inputs and outputs of one signature, each as name -> spec.

    A spec is the contract's: dtype, shape, meaning and form, and perhaps column.

    Args:
        name: of the signature.
        x: inputs of a row, which `serving_default` takes too.
        y: other inputs of a row, which are scored.
        knobs: inputs with one number for all rows; these specs have a default and a
            range too.
        outputs: in the order of the contract.
        known: names of the knobs of all signatures.
        shown: input of a row -> the name that users know: of a column its own one.
        places: name that a request may use -> the input; the two names of each.
    """

    name: str
    x: dict
    y: dict
    knobs: dict
    outputs: dict
    known: list
    shown: dict
    places: dict

    @property
    def inputs(self):
        """Specs of what each row holds, x first."""
        return self.x | self.y

    def by_input(self, rows):
        """The values of a request, by the inputs of the SavedModel.

        Args:
            rows: name of an input, or a column's own name -> values.

        Returns:
            dict of input -> values, of every x and y.

        Raises:
            ValueError: an unknown name, one that is missing, or twice.
        """
        names = list(self.shown.values())
        if unknown := rows.keys() - self.places.keys():
            what = f"{self.name} has no such input"
            first = ", ".join(least(unknown))
            raise wrong(what, first, listed(names), first, "inputs")
        found = {}
        for name, values in rows.items():
            end = self.places[name]
            if end in found:
                what, own = f"{self.name} got an input twice", self.shown[end]
                raise wrong(what, f"{own}, {end}", "one of the two", own, "inputs")
            found[end] = values
        if missing := [self.shown[end] for end in self.shown if end not in found]:
            others = listed(missing, ordered=False)
            what = f"{self.name} needs an input that is missing: {others}"
            raise wrong(what, listed(rows), listed(names), others, "inputs")
        return found

    def in_words(self, text):
        """An error of the SavedModel, with the column's own name at its beginning."""
        name, space, rest = text.partition(" ")
        return f"{said(self.shown[name])}{space}{rest}" if name in self.shown else text

    def request(self, rows, knobs=None, numbers=None):
        """Arrays of a request.

        Args:
            rows: name -> list of N values, see `by_input`. A value is a number, or
                None where it is missing; text or bytes; an image as base64 or bytes;
                or a list of integers. An array of numbers is taken too.
            knobs: name -> number; the default where it is None or left out.
            numbers: int [N], added to the seed; 0 ... N - 1 if left out.

        Returns:
            dict of name -> array [N], or [N, T] of lists, filled with 0; text as bytes.

        Raises:
            ValueError: what is wrong, the input's name first.
        """
        # the knobs first: a wrong one is refused before arrays are made
        settings, rows = self.settings(knobs), self.by_input(rows)
        first = next(iter(self.shown))
        size, made = len(rows[first]), {}
        for name, spec in self.inputs.items():
            own = self.shown[name]
            if len(rows[name]) != size:
                what = f"{said(own)} must have as many rows as {self.shown[first]}"
                raise wrong(what, len(rows[name]), size, own, "rows")
            made[name] = array(own, rows[name], spec)
        for name, value in settings.items():
            values = [value] * size
            if name == "seed":
                numbers = range(size) if numbers is None else numbers
                values = [value + int(number) for number in numbers]
            made[name] = array(name, values, self.knobs[name])
        return made

    def settings(self, knobs=None):
        """A number for each knob: the given one, or the default.

        Args:
            knobs: name -> number, or None for the default.

        Returns:
            dict of name -> int or float.

        Raises:
            ValueError: an unknown knob, a value of another type or out of range.
        """
        given = knobs or {}
        if unknown := given.keys() - self.knobs.keys():
            what = f"{self.name} has no such parameter"
            expected = f"{listed(self.knobs) or 'none'}; "
            expected += f"of all signatures: {listed(self.known)}"
            name = listed(unknown)
            raise wrong(what, name, expected, name, "parameters")
        given = {name: value for name, value in given.items() if value is not None}
        for name, value in given.items():
            require_in_range(name, value, self.knobs[name])
        return {n: given.get(n, spec["default"]) for n, spec in self.knobs.items()}

    def answer(self, arrays, cut=True, shortest=True):
        """Rows of an answer as plain data.

        Args:
            arrays: name -> array [N, ...], of every output.
            cut: bool, tokens end after their length; else they are filled up.
            shortest: see `plain`.

        Returns:
            list of N dict, the outputs in the order of the contract.
        """
        columns = {name: plain(arrays[name], shortest) for name in self.outputs}
        if cut and "lengths" in columns:
            for name in columns.keys() & set(RAGGED):
                columns[name] = first(columns[name], columns["lengths"])
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]


def signature(contract, name=DEFAULT):
    """One signature of a contract.

    Args:
        contract: dict, the contract.json of a SavedModel.
        name: of the signature.

    Returns:
        Signature.

    Raises:
        ValueError: the contract has no such signature.
    """
    every = contract["signatures"]
    if not isinstance(name, str) or name not in every:
        known = f"one of: {listed(every)}"
        raise wrong("no such signature", name, known, "signature", "signature")
    taken, defaults = every[name]["inputs"], contract["knobs"]
    # of a row; an image also has what is white in it
    row = {
        n: spec | ({"white": contract["white"]} if spec["form"] == "image" else {})
        for n, spec in taken.items()
        if spec["form"] != "knob"
    }
    default = every[DEFAULT]["inputs"].keys()
    x = {n: spec for n, spec in row.items() if n in default}
    y = {n: spec for n, spec in row.items() if n not in default}
    own = {n: spec.get("column", n) for n, spec in (x | y).items()}
    # a column called "label", or nothing, is asked for by its identifier: the first is
    # the label's name, and MLflow counts a column without one
    others = {n for one in every.values() for n in one["inputs"]} - defaults.keys()
    others.add("")
    shown = {n: n if name in others and name != n else name for n, name in own.items()}
    return Signature(
        name,
        x=x,
        y=y,
        knobs={
            n: spec | {"default": defaults[n], "range": contract["ranges"].get(n, {})}
            for n, spec in taken.items()
            if n not in row
        },
        outputs=every[name]["outputs"],
        known=list(defaults),
        shown=shown,
        places={name: n for n, name in shown.items()} | {n: n for n in shown},
    )


def require_in_range(name, value, spec):
    """Refuse a knob out of its range, which may ask for more memory than there is.

    Args:
        name: of the knob.
        value: of any type; NaN is in no range.
        spec: of the knob, its range in the words of JSON Schema.

    Raises:
        Wrong: it is no number of the knob's dtype, or out of its range.
    """
    (number,) = array(name, [value], spec)
    held = {
        "minimum": lambda least: number >= least,
        "exclusiveMinimum": lambda least: number > least,
        "maximum": lambda most: number <= most,
    }
    if not all(held[word](limit) for word, limit in spec["range"].items()):
        rule = spec["meaning"].partition(";")[0]
        raise wrong(f"{name} must be {rule}", value, rule, name)


def array(name, values, spec):
    """One input.

    Args:
        name: of it, for errors.
        values: see `Signature.request`.
        spec: of the contract.

    Returns:
        array [N], strings as bytes; or [N, T] of lists, filled with 0.

    Raises:
        ValueError: a value of another type.
    """
    if spec["dtype"] == "string":
        made = strings(name, values, spec["form"])
        return pictures(name, made, spec) if spec["form"] == "image" else made
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return values.astype(spec["dtype"])
    if len(spec["shape"]) == 1:
        return numbers(name, values, spec)
    for value in values:
        if not isinstance(value, list):
            raise wrong(
                f"{said(name)} must hold lists of numbers", value, "[0, ...]", name
            )
    made = np.zeros((len(values), max(map(len, values), default=0)), spec["dtype"])
    for row, value in zip(made, values, strict=True):
        row[: len(value)] = numbers(name, value, spec)
    return made


def numbers(name, values, spec):
    """list of numbers, None for a missing one -> array [N], NaN where it is missing."""
    dtype = spec["dtype"]
    whole = np.dtype(dtype).kind in "iu"
    legal = {int} if whole else {int, float, type(None)}
    if spec.get("form") == "number":  # a column of true and false is 1 and 0
        legal.add(bool)
    if not legal.issuperset(map(type, values)):
        value = next(value for value in values if type(value) not in legal)
        expected = "an integer" if whole else "a number, or null for none"
        raise wrong(f"{said(name)} must hold numbers", value, expected, name)
    try:
        with np.errstate(over="ignore"):  # a large one is infinite
            return np.array(values, dtype if whole else "float64").astype(dtype)
    except OverflowError:
        value = max(filter(None, values), key=abs)
        raise wrong(
            f"{said(name)} must hold numbers",
            value,
            f"{dtype}: {spec['meaning']}",
            name,
        ) from None


def strings(name, values, form):
    """list of str or bytes, or objects [N] that are all bytes -> objects [N], bytes."""
    if isinstance(values, np.ndarray) and {bytes}.issuperset(map(type, values)):
        return values
    # not NumPy's strings, which drop NULs at the end and are all as wide as the longest
    made = np.empty(len(values), object)
    for row, value in enumerate(values):
        # a missing category is an empty one
        value = "" if value is None and form == "category" else value
        if isinstance(value, str):
            # half of a surrogate pair is not UTF-8: the SavedModel replaces it
            value = value.encode("utf-8", "surrogatepass")
            value = decoded(name, value) if form == "image" else value
        if not isinstance(value, bytes):
            raise wrong(f"{said(name)} must hold strings", value, "a string", name)
        made[row] = value
    return made


def decoded(name, value):
    """Base64, spaces and ends of line left out.  bytes -> bytes."""
    try:
        return base64.b64decode(b"".join(value.split()), validate=True)
    except ValueError:
        expected = "base64 of a file"
        raise wrong(f"{name} must be base64", value, expected, name) from None


def pictures(name, files, spec):
    """Images of any format as the SavedModel reads them.

    Args:
        name: of the input.
        files: objects [N], bytes.
        spec: of the contract, and `white`.

    Returns:
        objects [N], bytes of plain images.

    Raises:
        Wrong: no image that can be read.
    """
    if __package__:
        from phistar.components.data import image_kinds, plain_image
    else:  # MLflow's model has copies beside this one
        import image_kinds
        import plain_image
    made = np.empty(len(files), object)
    for row, data in enumerate(files):
        try:
            made[row] = plain_image.plain(data, spec["white"]).data
        except image_kinds.Unreadable as error:
            what = f"{name} must be an image that can be read"
            expected = f"a whole {image_kinds.READABLE} file"
            raise Wrong(what, str(error), expected, name) from None
    return made


def plain(values, shortest=False):
    """An output as plain data.

    Args:
        values: array [N, ...].
        shortest: bool, 0.1 for float32's 0.1, else 0.10000000149011612.

    Returns:
        list of N, nested: str, int, float, bool, and None for NaN and infinity.
    """
    if values.dtype.kind in "SO":
        texts = np.frompyfunc(lambda text: text.decode("utf-8", "replace"), 1, 1)
        return texts(values.astype(object)).tolist()
    if values.dtype.kind != "f":
        return values.tolist()
    finite = np.isfinite(values)
    if shortest:  # by way of text
        values = np.where(finite, values, 0).astype(str).astype("float64")
    if not finite.all():
        values = np.where(finite, values.astype(object), None)
    return values.tolist()


def first(values, length):
    """The first `length` values; of nested lists, each list by its own length."""
    if isinstance(length, list):
        return [first(v, n) for v, n in zip(values, length, strict=True)]
    return values[:length]


def golden(path):
    """A golden batch.

    Args:
        path: of golden.npz, with keys "SIGNATURE/in/NAME" and "SIGNATURE/out/NAME".

    Returns:
        (requests, answers), each dict of signature -> name -> array.
    """
    requests, answers = {}, {}
    with np.load(path, allow_pickle=False) as arrays:
        for key, values in arrays.items():
            name, side, end = key.split("/")
            half = requests if side == "in" else answers
            half.setdefault(name, {})[end] = values
    return requests, answers


def golden_rows(path, size):
    """The first `size` rows of all golden requests together.  -> name -> array."""
    requests, _ = golden(path)
    # the first signature that takes an input has it
    return {
        name: values[:size]
        for request in reversed(requests.values())
        for name, values in request.items()
    }


def farthest(golden_batch, call):
    """Call every signature with its golden request.

    Args:
        golden_batch: of `golden`.
        call: function of a signature's name and name -> array; returns name -> array.

    Returns:
        float, the largest |answer - evaluation's|, nats; infinite if a decision
        differs, NaN if a number is NaN.
    """
    requests, expected = golden_batch
    found = []
    for name, arrays in requests.items():
        answer = call(name, arrays)
        found += [apart(answer[end], values) for end, values in expected[name].items()]
    return float(np.max(found))  # NumPy's maximum of NaN and another number is NaN


def apart(given, expected):
    """The largest difference of an answer.

    Args:
        given: array [N, ...], numbers or bytes.
        expected: array of the same shape.

    Returns:
        float, see `differences`; of bytes, 0 or infinite.
    """
    if expected.dtype.kind == "S":
        return 0.0 if (given == expected).all() else np.inf
    return differences(given, expected).max()


def differences(given, expected):
    """|given - expected|; beyond 100 of their hundredth part: float32 is no finer.

    Args:
        given, expected: arrays of one shape.

    Returns:
        float array; NaN where a number is NaN.
    """
    return np.abs(given - expected) / np.maximum(1, np.abs(expected) / 100)


def listed(names, ordered=True):
    """Names in one line, of many the first ones and the number of the others.

    Args:
        names: iterable of str.
        ordered: True to sort them.
    """
    names = list(names)
    shown = least(names) if ordered else map(str, names[:MOST])
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(map(said, shown)) + more


def least(names):
    """The first names in order; a request may have a million.  -> list of str"""
    return heapq.nsmallest(MOST, map(str, names))


def said(name):
    """A name in an error: in quotes where it is no plain one, and cut if it is long."""
    plain = (
        re.fullmatch(r"\w([\w .()-]*[\w.)])?", name) and len(name) <= SHOWN.maxstring
    )
    return name if plain else SHOWN.repr(name)


def wrong(what, received, expected, name=None, reason="values"):
    """The error of a request; see Wrong.

    Args:
        received: any value; it is shown in short.
    """
    shown = "null" if received is None else SHOWN.repr(received)
    return Wrong(what, shown, expected, name, reason)
