"""The last line of `phistar predict`: are these inputs like test's?"""

import math

from phistar.components.serving.drift import Compared

WORDS = {
    "numbers": "numbers out of range",
    "categories": "unknown categories",
    "characters": "characters read as U+FFFD",
}


def line(compared: list[Compared], unit: str) -> str:
    """The comparison in words.

    Args:
        compared: the inputs beside test.
        unit: "label" or "token", what nats are of.

    Returns:
        a line; "" if there was nothing to count.
    """
    parts = [part(one, unit) for one in compared if one.here is not None]
    return f"beside test: {'; '.join(parts)}" if parts else ""


def part(one: Compared, unit: str) -> str:
    """One comparison in words."""
    if one.what in WORDS:
        text = f"{WORDS[one.what]} {percent(one.here)}"
        test = "" if one.test is None else f" (test {percent(one.test)})"
        return f"{text}{test}" + (f", most in {one.most}" if one.most else "")
    of_labels = {
        "answers": "mean entropy",
        "labels": "-ln P of the labels",
    }
    of_texts = {"answers": "-ln P of the answers", "labels": "-ln P of the texts"}
    name = (of_labels if unit == "label" else of_texts)[one.what]
    between = "" if math.isnan(one.low) else f", {one.low:.4f} to {one.high:.4f}"
    test = "" if one.test is None else f" (test {one.test:.4f})"
    return f"{name} {one.here:.4f} nats a {unit}{between}{test}"


def percent(share: float | None) -> str:
    """A share with three digits."""
    return "none" if share is None else f"{100 * share:.3g} %"


def plain(compared: list[Compared]) -> dict:
    """The comparison as plain data, NaN as None.  -> what -> here, test, low, high."""
    found = {}
    for one in compared:
        values = {"here": one.here, "test": one.test}
        if one.what not in WORDS:
            values |= {"low": one.low, "high": one.high}
        found[one.what] = {
            name: None if value is None or math.isnan(value) else value
            for name, value in values.items()
        }
    return found
