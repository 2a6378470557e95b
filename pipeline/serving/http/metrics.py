"""`/metrics`: what was requested, refused and answered, as Prometheus reads it.

Counts go on from the server's start. Where there is a share or a mean of test, it is
beside that of the requests: the label `of` is "requests" or "test".
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from phistar.components.serving.drift import Compared, Drift, compare
from phistar.components.serving.request import Signature

CONTENT_TYPE = CONTENT_TYPE_LATEST
# seconds: a row of a table takes a millisecond, a text of 256 tokens many of them
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ENDS = (*map(str, BUCKETS), "+Inf")
PIECE = 256  # rows, or requests, that are counted together
# outputs that Drift reads
COUNTED = frozenset(("log_prob", "log_probs", "probs", "lengths"))
# what of a Compared -> (name of the gauge, its meaning)
GAUGES = {
    "numbers": (
        "phistar_out_of_range_share",
        "Share of the numbers of columns that are below or above all of train's.",
    ),
    "categories": (
        "phistar_unknown_category_share",
        "Share of the words of columns that train did not have.",
    ),
    "characters": (
        "phistar_replaced_character_share",
        "Share of the characters of texts that are read as U+FFFD.",
    ),
    "answers": (
        "phistar_answer_nats",
        "Mean entropy of the answered P, nats; of texts, -ln P of the answer a token.",
    ),
    "labels": (
        "phistar_label_nats",
        "Mean -ln P of the labels that requests carry, nats a label or token.",
    ),
}


class Answered(NamedTuple):
    """A request that has its answer.

    Args:
        status: of HTTP.
        content: the body.
        reason: of a refusal, "" without one.
        called: the signature, None if the request did not come so far.
        inputs, outputs: arrays of the signature, empty in a refusal.
        rows: of the request.
    """

    status: int
    content: bytes
    reason: str = ""
    called: Signature | None = None
    inputs: dict = {}
    outputs: dict = {}
    rows: int = 0


class Metrics:
    """Counts of one served version. They are made and read in one thread.

    What was answered is counted in pieces: a row of a table takes a millisecond, and
    counting it alone would take a tenth of that.

    Args:
        about: model, version and run.
        contract: of its SavedModel.
    """

    def __init__(self, about: dict, contract: dict):
        self.contract, self.drift = contract, Drift(contract["inputs"]["seen"])
        self.about, self.version = about, about["version"]
        self.counts = {name: Counts() for name in contract["signatures"]}
        self.refused: dict[tuple, int] = {}  # (signature, status, reason)
        self.pending: list[tuple[Signature, dict, dict, int, float]] = []
        self.rows = 0  # of those
        # texts take so long that each is counted alone
        self.most = 1 if contract["reads"] == "lines" else PIECE
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def count(self, answered: Answered, seconds: float) -> None:
        """Count a request.

        Args:
            answered: with the arrays of its request, which are not parsed again.
            seconds: that it took.
        """
        if answered.reason or answered.called is None:
            name = answered.called.name if answered.called else ""
            key = name, answered.status, answered.reason
            self.refused[key] = self.refused.get(key, 0) + 1
            return
        outputs = {n: v for n, v in answered.outputs.items() if n in COUNTED}
        one = answered.called, answered.inputs, outputs, answered.rows, seconds
        self.pending.append(one)
        self.rows += answered.rows
        if self.rows >= self.most or len(self.pending) >= self.most:
            self.fold()

    def fold(self) -> None:
        """Count what is pending, the requests of a signature together."""
        groups: dict[str, list] = {}
        for one in self.pending:
            groups.setdefault(one[0].name, []).append(one)
        self.pending, self.rows = [], 0
        for name, group in groups.items():
            (called, *_), *_ = group
            _, inputs, outputs, rows, seconds = zip(*group, strict=True)
            self.counts[name].add(list(seconds), sum(rows))
            if sum(rows):
                inputs, outputs = joined(inputs), joined(outputs)
                self.drift.add(inputs)
                self.drift.add_answer(called, inputs, outputs)

    def text(self) -> bytes:
        """All of it, in Prometheus' text form."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """All families at the moment of a scrape; the registry calls this."""
        self.fold()
        yield InfoMetricFamily("phistar_model", "The served version.", self.about)
        yield from self.of_requests()
        for one in compare(self.drift, self.contract):
            yield from gauges(one)
        counts = self.drift.to_json()
        for end, text in (
            ("checked", "Values of requests that were looked up among train's."),
            ("outside", "Those of them that train did not have."),
        ):
            family = CounterMetricFamily(f"phistar_{end}", text, labels=("what",))
            for what, values in counts.items():
                family.add_metric((what,), values[end])
            yield family

    def of_requests(self) -> Iterator[Metric]:
        """Requests, rows, refusals and seconds."""
        both = ("signature", "version")
        text = "Answers to requests, by HTTP status."
        requests = CounterMetricFamily(
            "phistar_requests", text, labels=(*both, "status")
        )
        text = "Rows of the requests that were answered."
        rows = CounterMetricFamily("phistar_rows", text, labels=both)
        text = "Seconds from a request's first byte to its answer's last one."
        seconds = HistogramMetricFamily("phistar_request_seconds", text, labels=both)
        for name, counts in self.counts.items():
            requests.add_metric((name, self.version, "200"), counts.requests)
            rows.add_metric((name, self.version), counts.rows)
            buckets = zip(ENDS, counts.buckets.cumsum().tolist(), strict=True)
            seconds.add_metric((name, self.version), list(buckets), counts.seconds)
        text = "Requests without an answer of the model, by reason."
        refusals = CounterMetricFamily(
            "phistar_refusals", text, labels=("reason", "version")
        )
        of_status: dict[tuple, int] = {}
        of_reason: dict[str, int] = {}
        for (name, status, reason), number in self.refused.items():
            key = name, str(status)
            of_status[key] = of_status.get(key, 0) + number
            of_reason[reason] = of_reason.get(reason, 0) + number
        for (name, status), number in of_status.items():
            requests.add_metric((name, self.version, status), number)
        for reason, number in of_reason.items():
            refusals.add_metric((reason, self.version), number)
        yield from (requests, rows, seconds, refusals)


class Counts:
    """Answered requests of one signature.

    Attributes:
        requests, rows: int.
        seconds: that they took together.
        buckets: int [len(ENDS)], how many took no longer than each end, but longer
            than the one before.
    """

    def __init__(self) -> None:
        self.requests = self.rows = 0
        self.seconds = 0.0
        self.buckets = np.zeros(len(ENDS), int)

    def add(self, seconds: list[float], rows: int) -> None:
        """Add requests.

        Args:
            seconds: of each.
            rows: of them all.
        """
        self.requests += len(seconds)
        self.rows += rows
        self.seconds += sum(seconds)
        places = np.searchsorted(BUCKETS, seconds)
        self.buckets += np.bincount(places, minlength=len(ENDS))


def joined(parts: Sequence[dict]) -> dict:
    """Arrays of several requests, as of one."""
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def gauges(one: Compared) -> Iterator[Metric]:
    """A share or a mean of the requests, beside that of test."""
    name, text = GAUGES[one.what]
    family = GaugeMetricFamily(name, text, labels=("of",))
    for of, value in (("requests", one.here), ("test", one.test)):
        if value is not None and not math.isnan(value):
            family.add_metric((of,), value)
    yield family
