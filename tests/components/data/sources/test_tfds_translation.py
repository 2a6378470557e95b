from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets

from phistar.components.data.sources.tfds_translation import tfds_translation


def pairs(pieces):
    """All pairs of pieces of Rows.  -> list of (bytes, bytes)."""
    return [
        pair
        for piece in pieces
        for pair in zip(piece.inputs, piece.labels, strict=True)
    ]


TALKS = {
    "train": [("um", "one"), ("dois", "two"), ("três", "three")],
    "validation": [("quatro", "four")],
    "test": [("cinco", "five")],
}


class Talks(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set in the shape of ted_hrlr_translate, which TFDS does not know."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    pkg_dir_path = Path(__file__).parent
    BUILDER_CONFIGS = [tensorflow_datasets.core.BuilderConfig(name="pt_to_en")]

    def _info(self):
        return self.dataset_info_from_configs(
            features=tensorflow_datasets.features.Translation(("en", "pt")),
            supervised_keys=("pt", "en"),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in TALKS}

    def _generate_examples(self, split):
        for key, (source, target) in enumerate(TALKS[split]):
            yield key, {"pt": source, "en": target}


class Notes(Talks, skip_registration=True):
    """Texts by name, of which none is registered for supervised use."""

    BUILDER_CONFIGS = ()

    def _info(self):
        features = tensorflow_datasets.features
        kinds = {name: features.Text() for name in ("en", "pt")}
        kinds["number"] = features.Scalar(np.int64)
        return self.dataset_info_from_configs(features=features.FeaturesDict(kinds))

    def _generate_examples(self, split):
        for key, example in super()._generate_examples(split):
            yield key, example | {"number": key}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Talks and Notes, prepared."""
    folder = tmp_path_factory.mktemp("tfds")
    tensorflow_datasets.disable_progress_bar()
    Talks(data_dir=folder, config="pt_to_en").download_and_prepare()
    Notes(data_dir=folder).download_and_prepare()
    return str(folder)


def encoded(split):
    """The pairs of a split of Talks, as bytes, sorted."""
    return sorted((s.encode(), t.encode()) for s, t in TALKS[split])


def test_tfds_translation_has_the_splits_as_registered(data_dir):
    source = tfds_translation(name="talks/pt_to_en", data_dir=data_dir)
    assert source.kind == "pairs" and source.name == "talks"
    found = {split: pairs(rows) for split, rows in source.read().items()}
    assert found["train"] == pairs(source.read()["train"])
    assert {split: sorted(found[split]) for split in found} == {
        "train": encoded("train"),
        "valid": encoded("validation"),
        "test": encoded("test"),
    }


@pytest.mark.parametrize(
    "given", [{"source_language": "en"}, {"target_language": "pt"}]
)
def test_tfds_translation_goes_the_other_way(data_dir, given):
    name = {"name": "talks/pt_to_en", "data_dir": data_dir}
    source, other = tfds_translation(**name, **given), tfds_translation(**name)
    assert pairs(source.read()["test"]) == [(b"five", b"cinco")]
    assert source.fingerprint != other.fingerprint
    assert source.fingerprint["tfds"] == "talks/pt_to_en/1.0.0"


def test_tfds_translation_takes_texts_that_are_named(data_dir):
    name = {"name": "notes", "data_dir": data_dir}
    source = tfds_translation(**name, source_language="en", target_language="pt")
    assert pairs(source.read()["valid"]) == [(b"four", b"quatro")]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"source_language": "en"},
        {"source_language": "en", "target_language": "en"},
        {"source_language": "en", "target_language": "number"},
        {"source_language": "en", "target_language": "de"},
    ],
)
def test_tfds_translation_refuses_what_is_no_pair(data_dir, given):
    with pytest.raises(ValueError, match=r"source_language=.*two of \['en', 'pt'\]"):
        tfds_translation(name="notes", data_dir=data_dir, **given)


def test_tfds_translation_refuses_a_data_set_without_sentences(tmp_path):
    with pytest.raises(ValueError, match="mnist.*no such pairs.*Expected two of"):
        tfds_translation(name="mnist", data_dir=str(tmp_path))


def test_tfds_translation_knows_a_registered_one(tmp_path):
    name = "ted_hrlr_translate/pt_to_en"
    source = tfds_translation(name=name, data_dir=str(tmp_path))
    assert name in source.fingerprint["tfds"]
    assert (source.fingerprint["source"], source.fingerprint["target"]) == ("pt", "en")
