"""The end of a run that did not finish states the stage, the reason and the advice."""

import pytest

from phistar.components.errors import RejectedModel
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.record.ending import ending, split


def stage(name, status):
    return {"kind": "stage", "stage": name, "status": status}


def test_a_failure_names_the_stage_that_was_running():
    entries = [{"kind": "start"}, stage("build", "cached"), stage("train", "failed")]
    error = Failure("the loss is not finite at step 80. Lower train.learning_rate.")
    end = ending(error, entries)
    assert (end["status"], end["stage"]) == ("FAILED", "train")
    assert end["reason"] == "the loss is not finite at step 80."
    assert end["advice"] == "Lower train.learning_rate."
    assert ending(error, entries[:2])["stage"] == ""  # between two stages


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_a_signal_is_no_failure_and_can_be_continued(error):
    end = ending(error, [stage("train", "running")])
    assert end["status"] == "KILLED"
    assert "same command" in end["advice"]


def test_a_rejected_model_is_a_failed_run():
    assert ending(RejectedModel("other answers"), [])["status"] == "FAILED"


def test_reason_and_advice_together_are_the_message():
    for message in (
        "one sentence",
        "no such file. Received: a.csv. Expected: a CSV. Give its path.",
        "no such file. Received: a.csv. Expected: a CSV.",
        "a port. Stop what listens there. Or take another: --port 5001.",
    ):
        assert " ".join(split(message)).strip() == message
    assert split("no file. Received: a. Expected: b.")[1] == ""
