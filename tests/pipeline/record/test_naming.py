"""The record itself holds the tags of a run and of its stages."""

import pytest

from phistar.pipeline.config.load import load
from phistar.pipeline.record import naming
from phistar.pipeline.record.journal import Record
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
    entry = naming.run_entry(config, ["phistar", "run", "digits"])
    assert (entry["experiment"], entry["name"]) == ("digits", "vgg_small · seed 3")
    assert entry["params"]["train.seed"] == 3
    assert None not in entry["params"].values()
    assert entry["tags"]["version.keras"] and "seeds" not in entry["tags"]
    assert entry["question"]
    child = naming.run_entry(config, [], parent="p")
    assert (child["name"], child["parent"]) == ("seed 3", "p")
    parent = naming.run_entry(config, [], seeds=5)
    assert parent["tags"]["seeds"] == "5" and parent["name"].endswith(" · 5 seeds")


def test_config_of_a_run_loads_to_the_same_config(tmp_path):
    config = load("digits", ["train.flip=true", "build.network=mlp"], CODE)
    path = tmp_path / "config.yaml"
    path.write_text(naming.run_entry(config, [])["config"])
    assert load(str(path), [], CODE).sections == config.sections


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "linear"),
        (["train.loss=logistic", "train.learning_rate=0.1"], "linear"),  # the recipe's
        (["train.loss=hinge"], "linear · hinge"),
        (["build.network=mlp", "train.learning_rate=0.01"], "mlp · lr 0.01"),
        (["train.seed=2"], "linear · seed 2"),
        (
            [f"{stage}.seed=2" for stage in ("ingest", "build", "train")],
            "linear · seed 2",
        ),
        (["train.steps=null", "train.epochs=5"], "linear · epochs 5"),
    ],
)
def test_name_has_the_values_that_differ_from_the_recipe(overrides, name):
    config = load("breast_cancer", overrides, CODE)
    assert naming.run_name(config, None) == name


def test_no_two_runs_have_one_name():
    taken = set()
    for _ in range(4):
        taken.add(naming.unused("mlp", taken))
    assert taken == {"mlp", "mlp · again 2", "mlp · again 3", "mlp · again 4"}


def test_parameters_are_the_keys_that_the_run_reads():
    images = naming.params(load("digits", [], CODE))
    columns = naming.params(load("breast_cancer", [], CODE))
    assert {"train.flip", "train.crop", "train.label_smoothing"} <= images.keys()
    for key in ("train.flip", "train.crop", "train.scale_jitter", "evaluate.beam_size"):
        assert key not in columns
    assert "train.label_smoothing" not in columns  # its loss has none
    pairs = naming.params(load("libreoffice_en_de_quick", [], CODE))
    assert {"evaluate.beam_size", "train.batch_tokens"} <= pairs.keys()
    assert "train.batch_size" not in pairs
