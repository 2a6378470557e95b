"""Stage 4, evaluate: Dataset, Network -> Report."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from phistar.components import artifacts, progress
from phistar.components.reports import data_card, duplicates, predictions
from phistar.components.reports import report as report_function
from phistar.components.reports.base import Section
from phistar.components.reports.page import card
from phistar.components.reports.page.about import about
from phistar.components.reports.page.html import joined
from phistar.components.reports.page.parts import shown
from phistar.components.reports.page.report import page
from phistar.components.reports.plots import style
from phistar.components.reports.plots.training import learning_curves
from phistar.components.reports.verdict import verdict


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
    history = artifacts.read_json(Path(network) / "history.json")
    given = the_task, data, model, description["scale"], artifacts.make_encoder(data)
    options = {"loss": history["loss"], "num_bins": num_bins, **decoding}
    report = report_function(task["name"])(*given, **options)
    artifacts.write_json(folder / "decoding.json", decoding)
    metrics = report.metrics
    artifacts.write_json(folder / "metrics.json", metrics)
    np.save(folder / "test_nll.npy", report.test_nll)
    np.savez(folder / "golden.npz", **report.golden)
    predictions.write(folder / "predictions.parquet", report.predictions)
    floors = {name: metrics[f"valid_nll_{name}"] for name in ("prior", "uniform")}
    progress.doing("drawing the figures")
    curves = learning_curves(history, floors, report.unit)
    title = about(task, data, description, report)
    # no run's name: the same network on the same data gives the same bytes
    drawn = style.save(
        {**report.figures, "learning_curves": curves},
        folder / "figures",
        f"{title[0]} · {history['loss']}",
    )
    for path in sorted((folder / "figures").iterdir()):
        log.figure(path.relative_to(folder))
    found = duplicates.duplicates(data)
    known = data_card.parts(data, found, given[-1])
    compared = verdict(report, duplicates.warnings(found, report))
    artifacts.write_json(folder / "verdict.json", compared)
    body = joined(map(shown, known))
    of_data = [Section("The data", body), data_card.drawn(data, given[-1])]
    pages = {
        "report.html": page(title, report, compared, drawn, of_data),
        "card.html": card.html(title, report, compared, known),
        "card.md": card.markdown(title, report, compared, known),
    }
    for name, content in {**pages, **report.files}.items():
        (folder / name).write_text(content, "utf-8")
    for name in (*pages, *report.files, "predictions.parquet", "test_nll.npy"):
        log.artifact(name)
    # valid_nll by step is training's; a point at step 0 would break its curve
    log.metrics({k: v for k, v in metrics.items() if k != "valid_nll"}, step=0)
