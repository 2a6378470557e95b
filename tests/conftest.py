"""What every test starts from, whatever the shell around it has set."""

import os

import pytest

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["MPLBACKEND"] = "Agg"
# Runs made by tests stay in their own folder, and tell nobody.
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests that share something costly run in one process, see `make test`.

    Those of tests/contract ask the same exports; others share what their file makes.
    xdist's own groups are lost on pytest 9.2 (pytest-xdist's issue 1386).
    """
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class Shared(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder.endswith("contract") else file

    return Shared(config, log)
