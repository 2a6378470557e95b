"""The words of other tools lead to our keys."""

import pytest

from phistar.pipeline.config import hints, idle, load, schema


def test_every_word_leads_to_a_key_that_exists():
    known = set()
    for name in schema.SECTIONS:
        known |= {f"{name}.{key}" for key in schema.section(name)}
        for choice in schema.names(name) if name in schema.CHOOSERS else []:
            known |= {f"{name}.{key}" for key in schema.section(name, choice)}
    assert set(hints.WORDS) <= known
    assert set(idle.NEEDS) <= known


def test_no_word_means_two_keys():
    words = [word for text in hints.WORDS.values() for word in text.split()]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("lr", "train.learning_rate"),
        ("--lr", "train.learning_rate"),
        ("batch-size", "train.batch_size"),
        ("early_stopping", "train.stop_after"),
        ("num_epochs", "train.epochs"),
        ("learning_rat", "train.learning_rate"),
        ("beam_size", "evaluate.beam_size"),
        ("xyzzy", None),
    ],
)
def test_key_for_reads_the_fields_words_and_near_ones(word, key):
    assert hints.key_for(word) == key


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("train.lr=1", "Did you mean train.learning_rate?"),
        ("train.patience=2", "Did you mean train.stop_after?"),
        ("train.early_stopping=2", "Did you mean train.stop_after?"),
        ("train.dropout=0.1", "Did you mean build.dropout?"),
        ("build.heads=2", "build.num_heads is a key of build.network=transformer."),
        ("epochs=5", "Did you mean train.epochs=5?"),
        ("lr=0.1", "Did you mean train.learning_rate=0.1?"),
        ("model=mlp", "Did you mean build.network=mlp?"),
    ],
)
def test_unknown_key_is_answered_with_ours(tmp_path, override, hint):
    with pytest.raises(load.ConfigError, match="nknown") as error:
        load.load("digits", [override], tmp_path)
    assert str(error.value).endswith(hint)


@pytest.mark.parametrize(
    ("recipe", "overrides", "some", "none"),
    [
        ("breast_cancer", [], {"train.flip", "evaluate.beam_size"}, {"train.seed"}),
        ("digits", [], {"evaluate.beam_size"}, {"train.flip", "evaluate.num_bins"}),
        ("kjv", [], {"train.crop", "evaluate.num_bins"}, {"train.batch_size"}),
        ("libreoffice_en_de", [], {"train.batch_size"}, {"evaluate.beam_size"}),
        ("digits", ["build.weights=x"], set(), {"build.weights_layers"}),
        ("digits", [], {"build.weights_layers"}, set()),
    ],
)
def test_idle_keys_are_those_that_change_nothing(
    tmp_path, recipe, overrides, some, none
):
    found = idle.idle(load.load(recipe, overrides, tmp_path).sections)
    assert some <= found.keys()
    assert not none & found.keys()
    assert all(reason.split()[0] in ("for", "only") for reason in found.values())


@pytest.mark.parametrize("source", ["breast_cancer", "digits"])
def test_kind_read_from_the_source_is_that_of_the_opened_one(source):
    from phistar.components.data.sources import source as function

    assert schema.kind(source) == function(source)().kind


def test_every_source_has_a_kind():
    assert all(schema.kind(name) for name in schema.names("ingest"))
