"""The view of an experiment's runs that our links open.

MLflow's server cannot say which columns and charts come first. Its pages keep named
views as tags of the experiment, and a link can name one: `viewStateShareKey=results`.
Without that link the button "Views" lists it.

Source: mlflow/server/js/src/experiment-tracking/components/experiment-page of MLflow
3.17, models/ExperimentPageUIState.tsx and utils/savedViewEnvelope.ts.
"""

import json

from phistar.pipeline.tracking.address import VIEW
from phistar.pipeline.tracking.outbox import KEPT_NLL

TAG = f"mlflow.sharedViewState.{VIEW}"
NAME = "Results: the best on valid first"
# of each task, the number that people know best
KNOWN = {
    "binary": "test/accuracy",
    "multiclass": "test/accuracy",
    "language": "test/bits_per_character",
    "translation": "test/bleu",
}
WIDTH = 150  # pixels of a column
CHARTS = (("LINE", "valid/nll"), ("LINE", "train/loss"), ("BAR", "test/nll"))


def view(task: str) -> str:
    """The tag's value: columns, order and charts.

    Args:
        task: its name.
    """
    section = {
        "uuid": VIEW,
        "name": "Results",
        "display": True,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }
    charts = [
        {
            "uuid": f"{VIEW}-{metric}",
            "type": kind,
            "metricKey": metric,
            "selectedMetricKeys": [metric],
            "metricSectionId": VIEW,
            "runsCountToCompare": 10,
            "deleted": False,
            "isGenerated": False,
        }
        for kind, metric in CHARTS
    ]
    metrics = [KEPT_NLL, "test/nll", KNOWN.get(task, "test/n"), "train/loss"]
    columns = [*(f"metrics.`{name}`" for name in metrics), "tags.`phistar.verdict`"]
    state = {
        "selectedColumns": [*columns, "attributes.`Models`"],
        "columnOrder": [*columns, "attributes.`Models`"],
        "columnWidths": dict.fromkeys(columns, WIDTH),
        "orderByKey": f"metrics.`{KEPT_NLL}`",
        "orderByAsc": True,
        "compareRunCharts": charts,
        "compareRunSections": [section],
    }
    # a view that is older than the experiment's others is the last in the list
    return json.dumps({"name": NAME, "createdAt": 0, "state": json.dumps(state)})
