import math

import numpy as np
import pytest

from phistar.components.metrics import Z_95
from phistar.components.reports.base import Baseline, Report
from phistar.components.reports.verdict import verdict

N = 400


def report(nll, *baselines, correct=None, counts=None, unit="label"):
    """A report of these costs on test, and nothing else."""
    counts = np.ones(len(nll), int) if counts is None else counts
    return Report(
        metrics={"test_nll": nll.sum() / counts.sum()},
        test_nll=nll,
        golden={},
        figures={},
        unit=unit,
        counts=counts,
        correct=correct,
        baselines=list(baselines),
        predictions={},
        sections=[],
    )


@pytest.fixture
def costs():
    """-ln P of N examples, some hard and some easy."""
    return np.random.default_rng(0).gamma(1.0, 0.3, N)


def flat(name, value, **more):
    return Baseline(name, np.full(N, value), **more)


def test_difference_is_paired_and_its_error_that_of_the_mean(costs):
    noise = np.random.default_rng(1).normal(0, 0.05, N)
    found = verdict(report(costs, Baseline("prior", costs + 0.02 + noise)))
    assert found["difference"] == pytest.approx(-(0.02 + noise.mean()))
    assert found["standard_error"] == pytest.approx(noise.std(ddof=1) / math.sqrt(N))
    # far below the error of either mean: both are hard or easy on the same examples
    assert found["standard_error"] < costs.std() / math.sqrt(N) / 4
    assert found["verdict"] == "better"


@pytest.mark.parametrize(("side", "expected"), [(1.05, "better"), (0.95, "not better")])
def test_better_begins_where_the_interval_ends(costs, side, expected):
    noise = np.random.default_rng(1).normal(0, 0.05, N)
    noise -= noise.mean()
    half = Z_95 * noise.std(ddof=1) / math.sqrt(N)
    found = verdict(report(costs, Baseline("prior", costs + noise + side * half)))
    assert found["verdict"] == expected


def test_every_floor_must_be_beaten(costs):
    floors = flat("prior", 9.0), flat("uniform", costs.mean() - 0.1)
    found = verdict(report(costs, *floors))
    assert (found["verdict"], found["than"]) == ("not better", "uniform")
    assert found["sentence"].startswith("Not better than guessing")
    assert found["baselines"] == {
        "prior": 9.0,
        "uniform": pytest.approx(costs.mean() - 0.1),
    }


def test_the_same_network_as_a_floor_is_not_better(costs):
    found = verdict(report(costs, Baseline("prior", costs)))
    assert (found["difference"], found["standard_error"]) == (0, 0)
    assert found["verdict"] == "not better"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (0.5, ", and than a tree by 0.50"),
        (-0.1, "; a tree is better by 0.10"),
    ],
)
def test_a_model_that_reads_x_decides_nothing_and_is_named(costs, more, words):
    tree = Baseline("a tree", costs + more, reads=True)
    found = verdict(report(costs, flat("prior", 2.0), tree))
    assert (found["verdict"], found["than"]) == ("better", "prior")
    assert words in found["sentence"]
    lone = verdict(report(costs, flat("prior", 2.0)))
    assert found["difference"] == lone["difference"]


def test_a_difference_within_the_interval_is_called_so(costs):
    noise = np.random.default_rng(1).normal(0, 1.0, N)
    tree = Baseline("a tree", costs + noise - noise.mean() + 0.01, reads=True)
    found = verdict(report(costs, flat("prior", 9.0), tree))
    assert found["sentence"].endswith("(within the interval).")


def test_totals_of_texts_are_divided_once_by_their_tokens(costs):
    counts = np.random.default_rng(2).integers(1, 50, N)
    totals = counts * 0.5 + costs
    found = verdict(
        report(totals, Baseline("prior", counts * 2.0), counts=counts, unit="token")
    )
    assert found["baselines"]["prior"] == pytest.approx(2.0)
    assert found["difference"] == pytest.approx(totals.sum() / counts.sum() - 2.0)
    assert "nats a token" in found["sentence"]


def test_one_text_has_no_interval():
    counts = np.array([50])
    floor = Baseline("prior", np.array([100.0]))
    found = verdict(report(np.array([30.0]), floor, counts=counts, unit="token"))
    assert found["standard_error"] is None
    assert found["verdict"] == "better"
    assert "no interval" in found["sentence"]


def test_decisions_no_better_than_a_vote_are_a_warning(costs):
    often = np.arange(N) < 380
    vote = flat("prior", 9.0, correct=often)
    (found,) = verdict(report(costs, vote, correct=often))["warnings"]
    assert "95.0%" in found
    right = np.ones(N, bool)
    assert verdict(report(costs, vote, correct=right))["warnings"] == []


def test_a_baseline_without_p_has_a_row_and_no_nats(costs):
    copied = Baseline("the source, copied", None, metrics={"bleu": 12.5})
    given = report(costs, flat("prior", 9.0), copied)
    given.metrics["test_bleu"] = 31.25
    found = verdict(given)
    assert found["rows"][1]["bleu"] == 12.5
    assert list(found["baselines"]) == ["prior"]
    assert found["sentence"].endswith("; BLEU 31.25, of the source, copied 12.50.")
