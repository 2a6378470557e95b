"""The rule which exports a run registers in MLflow."""

import pytest

from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.scores import worth_registering
from phistar.pipeline.tracking.sender import registers
from tests.helpers.results import result


def registered(root, **words):
    """True if a run with these results registers its export."""
    return registers(Record(root, result(root, **words)))


def test_a_run_registers_its_export(tmp_path):
    assert registered(tmp_path, verdict="better")
    assert registered(tmp_path)  # a report without a verdict


def test_not_what_is_not_better_than_guessing(tmp_path):
    assert not registered(tmp_path, verdict="not better")


def test_not_a_seed(tmp_path):
    assert not registered(tmp_path, verdict="better", parent="0" * 32)


@pytest.mark.parametrize(("told", "expected"), [(True, True), (False, False)])
def test_a_resumed_run_does_as_it_was_told_last(tmp_path, told, expected):
    record = Record(tmp_path, result(tmp_path, verdict="better"))
    record.append("resume", command="phistar run breast_cancer", register=not told)
    record.append("resume", command="phistar run breast_cancer", register=told)
    assert registers(record) is expected


def test_worth_is_in_the_verdict(tmp_path):
    for verdict, expected in (("better", True), ("not better", False)):
        folder = tmp_path / verdict
        folder.mkdir()
        (folder / "verdict.json").write_text(f'{{"verdict": "{verdict}"}}')
        assert worth_registering(folder) is expected
    assert worth_registering(tmp_path)  # no verdict.json
