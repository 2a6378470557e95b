"""`/metrics`: what was requested, refused and answered, as Prometheus reads it.

Counts go on from the server's start. Where there is a share or a mean of test, it is
beside that of the requests: the label `of` is "requests" or "test".
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from phistar.components.serving.drift import Compared, Drift, compare
from phistar.components.serving.request import Signature

CONTENT_TYPE = CONTENT_TYPE_LATEST
# seconds: a row of a table takes a millisecond, a text of 256 tokens many of them
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
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

    Args:
        about: model, version and run.
        contract: of its SavedModel.
    """

    def __init__(self, about: dict, contract: dict):
        self.contract, self.drift = contract, Drift(contract["inputs"]["seen"])
        self.about, version = about, about["version"]
        disable_created_metrics()  # a series beside each, with the time of its start
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        made = {"registry": self.registry}
        both = ("signature", "version")
        text = "Answers to requests, by HTTP status."
        requests = Counter("phistar_requests", text, (*both, "status"), **made)
        text = "Requests without an answer of the model, by reason."
        self.refusals = Counter("phistar_refusals", text, ("reason", "version"), **made)
        text = "Rows of the requests that were answered."
        rows = Counter("phistar_rows", text, both, **made)
        text = "Seconds from a request's first byte to its answer's last one."
        seconds = Histogram(
            "phistar_request_seconds", text, both, buckets=BUCKETS, **made
        )
        # a look-up by labels takes as long as the counting itself
        self.good = {
            signature: (
                requests.labels(signature, version, "200"),
                rows.labels(signature, version),
                seconds.labels(signature, version),
            )
            for signature in contract["signatures"]
        }
        self.requests, self.version = requests, version
        self.registry.register(self)

    def count(self, answered: Answered, seconds: float) -> None:
        """Count a request.

        Args:
            answered: with the arrays of its request, which are not parsed again.
            seconds: that it took.
        """
        called = answered.called
        if answered.reason or called is None:
            name = called.name if called else ""
            self.requests.labels(name, self.version, str(answered.status)).inc()
            self.refusals.labels(answered.reason, self.version).inc()
            return
        requests, rows, latency = self.good[called.name]
        requests.inc()
        rows.inc(answered.rows)
        latency.observe(seconds)
        if answered.rows:
            self.drift.add(answered.inputs)
            self.drift.add_answer(called, answered.inputs, answered.outputs)

    def text(self) -> bytes:
        """All of it, in Prometheus' text form."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What is known at the moment of a scrape; the registry calls this."""
        yield InfoMetricFamily("phistar_model", "The served version.", self.about)
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


def gauges(one: Compared) -> Iterator[Metric]:
    """A share or a mean of the requests, beside that of test."""
    name, text = GAUGES[one.what]
    family = GaugeMetricFamily(name, text, labels=("of",))
    for of, value in (("requests", one.here), ("test", one.test)):
        if value is not None and not math.isnan(value):
            family.add_metric((of,), value)
    yield family
