"""What every test starts from, whatever the shell around it has set."""

import os

import pytest

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "Agg"
# Runs made by tests stay in their own folder, and tell nobody.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def pytest_collection_modifyitems(items):
    """Tests that share something costly run in one process, see `make test`.

    Those of tests/contract ask the same exports; others share what their file makes.
    """
    for item in items:
        folder, _, _ = item.nodeid.rpartition("/")
        file = item.nodeid.partition("::")[0]
        group = folder if folder.endswith("contract") else file
        item.add_marker(pytest.mark.xdist_group(group))
