"""Small datasets of both kinds of input, for every task."""

import pytest

from phistar.components import ingest
from phistar.components.data.sources.base import Source
from tests.helpers import stages
from tests.helpers.data import TASKS, make_rows


@pytest.fixture
def narrow_vgg(monkeypatch):
    """The paper's networks with a few channels; see SMALL for their dense layers."""
    monkeypatch.setattr("phistar.components.networks.vgg.WIDTHS", (2, 3, 4, 5, 6))


@pytest.fixture(scope="session")
def make_dataset(tmp_path_factory):
    """(kind, task name) -> folder of a Dataset, made once by the real ingest."""
    made = {}

    def make(kind, task):
        if (kind, task) not in made:
            rows = make_rows(kind, 2 if task == "binary" else 3)
            opened = Source("made", kind.split()[-1], {}, lambda: {"all": [rows]})
            folder = tmp_path_factory.mktemp(f"{kind}_{task}".replace(" ", "_"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ingest, "source_function", lambda _: lambda: opened)
                made[kind, task] = stages.call(
                    ingest, folder, task=TASKS[task], source="made"
                )
        return made[kind, task]

    return make
