"""Inputs and answers beside those of test: are these inputs like test's?

    numbers       of columns: the share below or above all of train's
    categories    words of columns: the share that train did not have
    characters    of texts: the share that is read as U+FFFD
    answers       mean entropy of P(y | x), nats; of texts, -ln P of the answer, a token
    labels        mean -ln P of the labels that came with the inputs, nats a label

`export` counts the inputs of test with this class and writes the counts into the
contract. `phistar serve` and `phistar predict` count theirs with it, and compare.
"""

import math
import re
from typing import NamedTuple

import numpy as np

from phistar.components.metrics import Z_95

ANSWERS = ("serving_default", "predict")  # signatures that answer with a decision
# of test: its mean entropy, or -ln P of its translations, nats a token
ANSWERS_OF_TEST = ("test_entropy", "test_translation_nll")


class Compared(NamedTuple):
    """One comparison.

    Args:
        what: "numbers", "categories", "characters", "answers" or "labels".
        here: share, or nats; None if there was none to count.
        test: the same of test; None if test has none.
        low, high: 95 % interval of a mean of nats, NaN of a single input.
        most: the input with most outside, of a column its own name; "" without one.
    """

    what: str
    here: float | None
    test: float | None
    low: float = math.nan
    high: float = math.nan
    most: str = ""


class Drift:
    """Counts of inputs and their answers.

    Args:
        seen: what train had, `seen` of the encoder: "numbers": name -> (low, high);
            "categories": name -> values; "characters": {"inputs": names, "known": all
            characters, or None where every character has tokens}.

    Attributes:
        checked: "numbers", "categories", "characters" -> how many were counted.
        outside: the same -> name of an input -> how many of them train did not have.
        answers, labels: Mean, nats.
    """

    def __init__(self, seen):
        self.checked = dict.fromkeys(seen, 0)
        self.outside = {what: {} for what in seen}
        self.answers, self.labels = Mean(), Mean()
        if ranges := seen.get("numbers"):
            self.numbers = list(ranges)
            ends = np.array(list(ranges.values()))  # [columns, 2]
            self.low, self.high = ends[:, :1], ends[:, 1:]
            self.outside["numbers"] = dict.fromkeys(ranges, 0)
        self.categories = {}
        if columns := seen.get("categories"):
            for name, values in columns.items():
                # bytes in a request, text in NumPy's arrays of test
                self.categories[name] = {*values, *(value.encode() for value in values)}
            self.outside["categories"] = dict.fromkeys(columns, 0)
        if texts := seen.get("characters"):
            # TensorFlow comes with it, and is there by now
            from phistar.components.data.encoders.text import REPLACEMENT, normal_form

            self.normal_form, self.replaced = normal_form, re.compile(REPLACEMENT)
            if texts["known"] is not None:
                known = texts["known"].replace(REPLACEMENT, "")
                self.replaced = re.compile(f"[^{re.escape(known)}]")
            self.outside["characters"] = dict.fromkeys(texts["inputs"], 0)

    def add(self, inputs):
        """Count the inputs of a request.

        Args:
            inputs: name -> array [N], as the SavedModel takes them.
        """
        if "numbers" in self.checked:
            self._add_numbers(inputs)
        for name, known in self.categories.items():
            values = inputs[name].tolist()
            self.checked["categories"] += len(values)
            unknown = sum(value not in known for value in values)
            self.outside["categories"][name] += unknown
        for name in self.outside.get("characters", {}):
            for text in inputs[name].tolist() if name in inputs else ():
                text = text.encode() if isinstance(text, str) else text
                text = self.normal_form(text)
                self.checked["characters"] += len(text)
                replaced = len(self.replaced.findall(text))
                self.outside["characters"][name] += replaced

    def _add_numbers(self, inputs):
        """Count numbers; a missing one is not counted."""
        columns = [inputs[name] for name in self.numbers]
        x = np.concatenate(columns).reshape(len(columns), -1 if len(columns[0]) else 0)
        outside = (x < self.low) | (x > self.high)
        self.checked["numbers"] += int(np.count_nonzero(x == x))
        if outside.any():
            for name, number in zip(self.numbers, outside.sum(axis=1), strict=True):
                self.outside["numbers"][name] += int(number)

    def add_answer(self, called, inputs, outputs):
        """Count nats of an answer.

        Args:
            called: Signature.
            inputs: name -> array [N].
            outputs: name -> array [N, ...].
        """
        if called.y:
            lengths = outputs.get("lengths", inputs.get("lengths", 1))
            self.labels.add(-outputs["log_prob"], lengths)
        elif called.name not in ANSWERS:
            return
        elif "probs" in outputs:
            entropy = -(outputs["probs"] * outputs["log_probs"]).sum(axis=1)
            self.answers.add(entropy)
        elif "lengths" in outputs:
            self.answers.add(-outputs["log_prob"], outputs["lengths"])

    def to_json(self):
        """The counts of inputs.  -> plain data, what -> checked, outside."""
        return {
            what: {
                "checked": number,
                "outside": sum(self.outside[what].values()),
            }
            for what, number in self.checked.items()
        }


class Mean:
    """A mean of nats, a ratio of sums, with its 95 % interval.

    Source: Cochran, 1977, section 6.4, as in `metrics.ratio`.
    """

    def __init__(self):
        self.rows, self.sums = 0, np.zeros(5)

    def add(self, totals, counts=1):
        """Add rows.

        Args:
            totals: float [N], nats of each row.
            counts: int [N], or one for all: the labels of each row.
        """
        totals = np.asarray(totals, "float64")
        counts = np.broadcast_to(np.asarray(counts, "float64"), totals.shape)
        self.rows += len(totals)
        both = np.stack([totals, counts])
        (tt, tc), (_, cc) = both @ both.T
        self.sums += *both.sum(axis=1), tt, tc, cc

    @property
    def mean(self):
        """Nats a label; None without one."""
        return float(self.sums[0] / self.sums[1]) if self.sums[1] else None

    @property
    def interval(self):
        """(low, high), nats a label; NaN with fewer than two rows."""
        if self.rows < 2 or not self.sums[1]:
            return math.nan, math.nan
        _, count, tt, tc, cc = self.sums
        mean = self.mean
        spread = max(0.0, tt - 2 * mean * tc + mean**2 * cc) / (self.rows - 1)
        error = math.sqrt(self.rows * spread) / count
        return max(0.0, mean - Z_95 * error), mean + Z_95 * error


def compare(drift, contract):
    """Comparison of the counts with those of test.

    Args:
        drift: Drift.
        contract: of the SavedModel.

    Returns:
        list of Compared; only what inputs of this kind have.
    """
    of_test, metrics = contract["inputs"]["test"], contract["metrics"]
    columns = contract["signatures"][ANSWERS[0]]["inputs"]
    found = []
    for what, counts in drift.to_json().items():
        by_name = drift.outside[what]
        most = max(by_name, key=by_name.get) if counts["outside"] else ""
        most = columns.get(most, {}).get("column", most)
        shares = share(counts), share(of_test[what])
        found.append(Compared(what, *shares, most=most))
    known = [metrics[name] for name in ANSWERS_OF_TEST if name in metrics]
    for what, mean, test in (
        ("answers", drift.answers, known[0] if known else None),
        ("labels", drift.labels, metrics["test_nll"]),
    ):
        found.append(Compared(what, mean.mean, test, *mean.interval))
    return found


def share(counts):
    """Outside / checked; None if none was checked.  dict -> float"""
    return counts["outside"] / counts["checked"] if counts["checked"] else None
