"""Stage 4, evaluate: Dataset, Network -> Report."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from components import artifacts
from components.reports import data_card, plots, predictions
from components.reports import report as report_function
from components.reports.base import Section
from components.reports.duplicates import duplicates, warnings
from components.reports.page import card
from components.reports.page.about import about
from components.reports.page.html import joined
from components.reports.page.parts import shown
from components.reports.page.report import page
from components.reports.verdict import verdict


def run(
    task,
    dataset,
    network,
    out_dir,
    log,
    *,
    num_bins: Annotated[int, Field(ge=1)] = 10,
    beam_size: Annotated[int, Field(ge=1, le=16)] = 4,
    length_penalty: Annotated[float, Field(ge=0, le=5)] = 0.6,
):
    """Score every split with P, compare with baselines, write report and figures.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset.
        network: folder of the trained Network.
        out_dir: folder to write the Report to.
        log: Journal.
        num_bins: bins of the calibration error and of the reliability diagram.
        beam_size: hypotheses of the search for a translation; 1 is greedy.
        length_penalty: alpha of the search, which ranks by ln P / ((5 + n) / 6)^alpha;
            0 ranks by ln P.
    """
    data, folder = artifacts.Dataset.load(dataset), Path(out_dir)
    the_task = artifacts.make_task(task, data.space)
    model, description = artifacts.load_network(network)
    decoding = {"beam_size": beam_size, "length_penalty": length_penalty}
    given = the_task, data, model, description["scale"], artifacts.make_encoder(data)
    report = report_function(task["name"])(*given, num_bins=num_bins, **decoding)
    artifacts.write_json(folder / "decoding.json", decoding)
    metrics = report.metrics
    artifacts.write_json(folder / "metrics.json", metrics)
    np.save(folder / "test_nll.npy", report.test_nll)
    np.savez(folder / "golden.npz", **report.golden)
    predictions.write(folder / "predictions.parquet", report.predictions)
    history = artifacts.read_json(Path(network) / "history.json")
    curves = plots.learning_curves(history, metrics["valid_nll_uniform"])
    drawn = save(folder, {**report.figures, "learning_curves": curves})
    found = duplicates(data)
    known = data_card.parts(data, found)
    compared = verdict(report, warnings(found, report))
    artifacts.write_json(folder / "verdict.json", compared)
    body = joined(map(shown, known))
    of_data = [Section("The data", body), data_card.drawn(data, given[-1])]
    title = about(task, data, description, report)
    pages = {
        "report.html": page(title, report, compared, drawn, of_data),
        "card.html": card.html(title, report, compared, known),
        "card.md": card.markdown(title, report, compared, known),
    }
    for name, content in {**pages, **report.files}.items():
        (folder / name).write_text(content, "utf-8")
    for name in sorted(drawn):
        log.figure(f"figures/{name}.png")
    for name in (*pages, *report.files, "predictions.parquet", "test_nll.npy"):
        log.artifact(name)
    # valid_nll by step is training's; a point at step 0 would break its curve
    log.metrics({k: v for k, v in metrics.items() if k != "valid_nll"}, step=0)


def save(folder, figures):
    """Save figures, each as PNG and SVG.

    Args:
        folder: Path of the Report.
        figures: name -> matplotlib Figure.

    Returns:
        dict of name -> bytes of its SVG.
    """
    import matplotlib

    place, drawn = folder / "figures", {}
    place.mkdir()
    for name, figure in figures.items():
        figure.savefig(place / f"{name}.png", dpi=200, metadata={"Software": None})
        # the ids in an SVG are random but for this
        with matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(place / f"{name}.svg", metadata={"Date": None})
        drawn[name] = (place / f"{name}.svg").read_bytes()
    return drawn
