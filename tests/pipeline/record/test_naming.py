"""The record itself holds the tags of a run and of its stages."""

from pipeline.config.load import load
from pipeline.record import naming
from pipeline.record.journal import Record
from tests.helpers.commands import CODE


def test_entry_of_a_stage_has_its_key_and_another_runs_work_as_tags(tmp_path):
    record = Record(tmp_path, "ours")
    record.append("start", name="by hand")
    path = tmp_path / "mlruns" / "stages" / "train" / "k"
    for made_by in ("", "ours", "theirs"):
        record.stage("train", "k", "cached", path, made_by)
    entries = record.entries()[1:]
    assert {entry["path"] for entry in entries} == {"stages/train/k"}
    own = {"key.train": "k"}
    other = own | {"cached_from.train": "theirs"}
    assert [entry["tags"] for entry in entries] == [own, own, other]


def test_run_entry_holds_the_config_and_the_versions():
    config = load("digits", ["train.seed=3"], CODE)
    entry = naming.run_entry(config, ["phistar", "run", "digits", "train.seed=3"])
    assert (entry["experiment"], entry["name"]) == ("digits", "digits train.seed=3")
    assert entry["params"]["train.seed"] == 3
    assert None not in entry["params"].values()
    assert entry["tags"]["version.keras"] and "seeds" not in entry["tags"]
    child = naming.run_entry(config, [], parent="p")
    assert (child["name"], child["parent"]) == ("seed 3", "p")
    assert naming.run_entry(config, [], seeds=5)["tags"]["seeds"] == "5"
