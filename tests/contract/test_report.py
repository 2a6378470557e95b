"""Law: metrics.json, the page, the verdict, the table of predictions and the model card
of one evaluation tell the same of the same network."""

import json

import numpy as np
import pyarrow.parquet
import pytest

from tests.helpers.pages import Page


@pytest.fixture
def page(case):
    return Page((case.folders.report / "report.html").read_text("utf-8"))


@pytest.fixture
def verdict(case):
    return json.loads((case.folders.report / "verdict.json").read_text("utf-8"))


def stated(metrics, name):
    """A metric as a cell of the page states it."""
    found = [metrics.get(name + end) for end in ("", "_low", "_high")]
    value, low, high = (None if x is None else f"{x:.4f}" for x in found)
    return value if low is None else f"{value} {low} to {high}"


def test_page_has_the_metrics_of_every_split(case, page):
    for split, nll, *cells in page.table("split", f"-ln P, nats a {unit(case)}"):
        assert nll == stated(case.metrics, f"{split}_nll")
        assert cells[-1] == f"{case.metrics[f'{split}_n']:,}"
        if f"{split}_accuracy" in case.metrics:
            assert cells[0] == stated(case.metrics, f"{split}_accuracy")


def unit(case):
    return "token" if case.data.kind.sides else "label"


def test_results_stand_beside_the_floors(case, page, verdict):
    own, *others = page.table("model")
    assert own[:2] == ["this network", stated(case.metrics, "test_nll")]
    assert len(others) == len(verdict["rows"])
    for cells, row in zip(others, verdict["rows"], strict=True):
        assert cells[0].startswith(row["name"])
        if "nll" in row:
            assert cells[1] == stated(row, "nll")


def test_verdict_is_the_difference_to_the_best_floor(case, page, verdict):
    floors = {name: case.metrics[f"test_nll_{name}"] for name in ("prior", "uniform")}
    for name, nats in floors.items():
        assert verdict["baselines"][name] == pytest.approx(nats, rel=1e-6)
    assert verdict["than"] == min(floors, key=floors.get)
    difference = case.metrics["test_nll"] - min(floors.values())
    assert verdict["difference"] == pytest.approx(difference, abs=1e-5)
    beyond = abs(difference) > 1.96 * verdict["standard_error"]
    assert (verdict["verdict"] == "better") == (difference < 0 and beyond)
    assert verdict["sentence"] in page.text


def test_baseline_of_texts_and_pairs_is_in_the_verdict(case, verdict):
    rows = {row["name"]: row for row in verdict["rows"]}
    if "test_nll_ngram" in case.metrics:
        name = f"an n-gram model (n = {case.metrics['ngram_order']})"
        assert rows[name]["nll"] == pytest.approx(case.metrics["test_nll_ngram"])
    elif "test_bleu" in case.metrics:
        copied = rows["the source, copied"]["bleu"]
        assert copied == pytest.approx(case.metrics["test_bleu_copy"])
    else:
        assert rows["logistic regression"]["reads"]


def test_predictions_are_those_of_the_evaluation(case):
    path = case.folders.report / "predictions.parquet"
    table = pyarrow.parquet.read_table(path).to_pandas()
    assert table.row.tolist() == list(range(len(case.test_nll)))
    nll = -table.log_prob if "log_prob" in table else table.nll
    np.testing.assert_allclose(nll, case.test_nll, rtol=1e-6)
    total = table.tokens.sum() if "tokens" in table else len(table)
    assert total == case.metrics["test_n"]
    mean = nll.astype("float64").sum() / total
    assert mean == pytest.approx(case.metrics["test_nll"], rel=1e-5)


def test_card_is_in_the_export_with_the_versions(case, verdict):
    for name in ("card.html", "card.md"):
        card = (case.saved_model / "assets.extra" / name).read_text("utf-8")
        assert "<!-- versions -->" not in card
        for package, version in case.contract["versions"].items():
            assert f"{package} {version}" in card
    page = Page((case.saved_model / "assets.extra" / "card.html").read_text("utf-8"))
    assert verdict["sentence"] in page.text
    own, *_ = page.table("model")
    assert own[1] == stated(case.metrics, "test_nll")
