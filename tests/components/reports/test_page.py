"""The page of an evaluation: one whole file, whatever the data say."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from phistar.components import evaluate
from phistar.components.artifacts import Dataset, load_network, make_encoder, truncate
from phistar.components.data.sources.base import Rows
from phistar.components.reports.data_card import decoded
from tests.helpers import stages
from tests.helpers.data import TASKS, make_rows
from tests.helpers.pages import Page
from tests.helpers.reports import evaluated, read

pytestmark = pytest.mark.heavy  # trains

EVIL = "<script>alert('x')</script>"
QUOTE = '"><b onload="alert(1)">'


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    """A report on rows whose labels, columns and words are HTML."""
    rows = make_rows("columns", 2)
    words = np.where(rows.inputs.pop("word") == "odd", EVIL, QUOTE)
    rows.inputs["word"] = words
    labels = np.array([EVIL, QUOTE, "<!-- run -->"])[np.arange(len(rows)) % 3]
    rows = Rows(rows.inputs, labels)
    folder = tmp_path_factory.mktemp("evil")
    return evaluated(folder, {"all": rows}, TASKS["multiclass"], drawn=True)


def test_no_text_of_the_data_is_an_element(evil):
    for name in ("report.html", "card.html"):
        page = Page(read(evil, name))
        names = {element for element, _ in page.elements}
        assert not names & {"script", "iframe", "object", "link"}
        attributes = {key for _, given in page.elements for key in given}
        assert not any(key.startswith("on") for key in attributes)
        assert EVIL in page.text and QUOTE in page.text


def test_markdown_of_the_card_holds_no_element_of_the_data(evil):
    card = read(evil, "card.md")
    assert "<script" not in card and "<b" not in card
    assert "&lt;script>" in card


def test_a_label_is_no_mark_for_the_facts_of_a_run(evil):
    assert read(evil, "report.html").count("<!-- run -->") == 1


def test_page_loads_nothing(evil):
    for name in ("report.html", "card.html"):
        page = Page(read(evil, name))
        sources = [
            given[key]
            for _, given in page.elements
            for key in ("src", "href")
            if key in given
        ]
        assert sources or name == "card.html"
        assert all(source.startswith(("data:image/", "#")) for source in sources)
        assert "url(" not in read(evil, name) and "@import" not in read(evil, name)


def test_every_link_leads_to_a_section(evil):
    page = Page(read(evil, "report.html"))
    links = [given["href"][1:] for name, given in page.elements if name == "a"]
    ids = [given.get("id") for name, given in page.elements if name == "section"]
    assert links == ids


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A report on images."""
    rows = make_rows("images", 3)
    folder = tmp_path_factory.mktemp("pictures")
    return evaluated(folder, {"all": rows}, TASKS["multiclass"], drawn=True)


def test_worst_examples_are_those_with_the_largest_costs(pictures):
    page = Page(read(pictures, "report.html"))
    nll = np.load(pictures / "test_nll.npy")
    said = re.findall(r"-ln P ([\d.]+), row (\d+)", page.text)
    costs, rows = np.array(said, float).T
    np.testing.assert_allclose(costs, np.sort(nll)[::-1][: len(costs)], atol=1e-4)
    np.testing.assert_allclose(costs, nll[rows.astype(int)], atol=1e-4)
    assert len(costs) == min(20, len(nll))


def test_images_are_shown_as_pictures(pictures):
    page = Page(read(pictures, "report.html"))
    png = [
        given
        for name, given in page.elements
        if name == "img" and given["src"].startswith("data:image/png")
    ]
    number = len(np.load(pictures / "test_nll.npy"))
    assert len(png) == min(20, number) + 10  # and ten examples of train


def test_every_label_has_its_precision_recall_and_number(pictures):
    table = pyarrow.parquet.read_table(pictures / "predictions.parquet").to_pandas()
    rows = Page(read(pictures, "report.html")).table("label", "precision")
    for name, precision, recall, f1, number in rows[:-1]:
        own, decided = table.label == name, table.predicted == name
        right = (own & decided).sum()
        assert int(number) == own.sum()
        assert recall.split()[0] == f"{right / own.sum():.4f}"
        if decided.any():
            assert precision.split()[0] == f"{right / decided.sum():.4f}"
        assert f1 == f"{2 * right / (own.sum() + decided.sum()):.4f}"
    assert [row[0] for row in rows[:-1]] == sorted(table.label.unique())


def test_predictions_hold_p_of_every_label(pictures):
    table = pyarrow.parquet.read_table(pictures / "predictions.parquet").to_pandas()
    every = table[[f"log_prob[{name}]" for name in "012"]].to_numpy()
    np.testing.assert_allclose(np.exp(every).sum(axis=1), 1, rtol=1e-5)
    own = every[np.arange(len(table)), table.label.astype(int)]
    np.testing.assert_array_equal(own, table.log_prob)
    np.testing.assert_array_equal(every.max(axis=1), table.log_prob_predicted)
    np.testing.assert_array_equal(-table.log_prob, np.load(pictures / "test_nll.npy"))


def test_hard_groups_are_means_over_their_rows(evil):
    rows = Page(read(evil, "report.html")).table("column", "values")
    table = pyarrow.parquet.read_table(evil / "predictions.parquet").to_pandas()
    data = Dataset.load(evil.parent / "ingest")
    words = np.asarray(data.raw()["word"])
    found = [row for row in rows if row[0] == "word"]
    assert found
    for _, value, cost, _, number in found:
        inside = words == value
        assert int(number) == inside.sum()
        assert cost.split()[0] == f"{-table.log_prob[inside].mean():.4f}"


def test_examples_of_train_are_the_rows_before_they_were_encoded(evil):
    data = Dataset.load(evil.parent / "ingest")
    encoded = np.asarray(data.split("test")[0][:20])
    raw, found = data.raw(), decoded(data.description["inputs"]["encoder"], encoded)
    assert found["word"].tolist() == raw["word"][:20].tolist()
    for name in ("number", "other"):
        np.testing.assert_allclose(found[name], raw[name][:20], atol=1e-5)
    assert np.isnan(found["number"]).any()  # a missing number is missing again


def test_missing_values_are_counted_in_train_and_test(evil):
    data = Dataset.load(evil.parent / "ingest")
    rows = {
        row[0]: row[1:]
        for row in Page(read(evil, "report.html")).table("column", "train")
    }
    gone = np.isnan(data.raw()["number"]).mean()
    assert set(rows) == {"number"}
    assert rows["number"][1] == f"{gone:.1%}"
    total = sum(len(data.split(split)[1]) for split in ("train", "valid", "test"))
    assert total == 160  # every seventh number is missing: 23 of them
    assert float(rows["number"][0][:-1]) == pytest.approx(100 * 23 / 160, abs=4)


def test_balance_is_that_of_the_arrays(pictures):
    data = Dataset.load(pictures.parent / "ingest")
    rows = {
        row[0]: row[1:]
        for row in Page(read(pictures, "report.html")).table("label", "train")
    }
    for place, split in enumerate(("train", "valid", "test")):
        values = np.asarray(data.split(split)[1])
        for label in range(3):
            number = rows[str(label)][place].split()[0]
            assert int(number) == (values == label).sum()


def test_two_evaluations_are_the_same_bytes(pictures, tmp_path):
    about = {"task": TASKS["multiclass"], "dataset": str(pictures.parent / "ingest")}
    network = str(pictures.parent / "train")
    about |= {"network": network, "drawn": True}
    again = Path(stages.call(evaluate, tmp_path, **about))
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    assert len(files) > 10
    for file in files:
        if file.name != "journal.jsonl":
            assert (again / file).read_bytes() == (pictures / file).read_bytes(), file


def test_verdict_and_metrics_are_of_the_same_floors(pictures):
    found = json.loads(read(pictures, "verdict.json"))
    metrics = json.loads(read(pictures, "metrics.json"))
    for name in ("prior", "uniform"):
        assert found["baselines"][name] == pytest.approx(metrics[f"test_nll_{name}"])
    difference = metrics["test_nll"] - found["baselines"][found["than"]]
    assert found["difference"] == pytest.approx(difference, abs=1e-6)
    assert "logistic regression" in found["baselines"]


def test_a_few_rows_of_one_label_have_a_page_too(tmp_path, pictures):
    """A preflight evaluates on two batches, whatever labels are in them."""
    data = tmp_path / "few"
    truncate(pictures.parent / "ingest", data, 1)
    about = {"task": TASKS["multiclass"], "dataset": str(data)}
    network = str(pictures.parent / "train")
    report = Path(stages.call(evaluate, tmp_path, **about, network=network))
    page = Page(read(report, "report.html"))
    assert "no interval" in page.text
    assert json.loads(read(report, "verdict.json"))["standard_error"] is None


def test_encoder_of_the_pictures_is_not_needed_for_their_bytes(pictures):
    data = Dataset.load(pictures.parent / "ingest")
    network, _ = load_network(pictures.parent / "train")
    logits = network.logits(data.split("test")[0])
    assert make_encoder(data).shape == (8, 8, 1)
    table = pyarrow.parquet.read_table(pictures / "predictions.parquet").to_pandas()
    assert table.predicted.tolist() == [str(i) for i in logits.argmax(axis=1)]


def test_card_names_the_label_that_is_found_least_often(pictures):
    table = pyarrow.parquet.read_table(pictures / "predictions.parquet").to_pandas()
    right = (table.label == table.predicted).groupby(table.label).agg(["sum", "size"])
    share = (right["sum"] / right["size"]).min()
    card = Page(read(pictures, "card.html")).text
    name, found, number = re.search(
        r"finds '(\w+)' least often: in (\d+) of (\d+) examples", card
    ).groups()
    assert (int(found), int(number)) == tuple(right.loc[name])
    assert int(found) / int(number) == share
