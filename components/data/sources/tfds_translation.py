"""Any data set of TensorFlow Datasets with sentences in two languages."""

from functools import partial

from phistar.components.data.sources.pairs import pieces
from phistar.components.data.sources.tfds import (
    chunks,
    examples,
    open_builder,
    registered,
)


def tfds_translation(
    *,
    name: str,
    source_language: str | None = None,
    target_language: str | None = None,
    data_dir: str | None = None,
):
    """A data set by its registered name; prepared on first use, checksums verified.

    Its splits train, validation and test are used as registered, even if they share
    sentences.

    Args:
        name: of the data set, like ted_hrlr_translate/pt_to_en; NAME/CONFIG:VERSION.
        source_language: the feature to translate, like pt; default: as the data set
            is registered for supervised use.
        target_language: the feature that is its translation; default: the same.
        data_dir: folder of prepared data; default: ~/tensorflow_datasets.

    Returns:
        Source of pairs.

    Raises:
        ValueError: if there is no such data set, or its examples have no such
            sentences.
    """
    builder = open_builder(name, data_dir)
    source, target = languages(builder, source_language, target_language)

    def sentences(split):
        return pieces(examples(builder, split, source, target))

    splits = partial(chunks, builder, sentences)
    return registered(builder, name, "pairs", splits, source=source, target=target)


def languages(builder, source, target):
    """The features to translate from and to.

    Args:
        builder: of TFDS.
        source, target: names of features, or None. If both are None, those for
            supervised use; if one is None, the other feature of these two.

    Returns:
        (str, str).

    Raises:
        ValueError: if they are not two texts of an example.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    texts = sorted(  # features of a data set read from its files are in any order
        key for key in features if isinstance(features[key], tfds.features.Text)
    )
    own = builder.info.supervised_keys or ()
    left = [key for key in own if key not in (source, target)] or [None]
    chosen = source or left[0], target or left[-1]
    if chosen[0] == chosen[1] or not set(chosen) <= set(texts):
        raise ValueError(
            f"{builder.info.full_name} has no such pairs of sentences. Received: "
            f"ingest.source_language={source!r}, ingest.target_language={target!r}"
            f"{f', with the own ones {own}' if own else ''}. Expected two of {texts}."
        )
    return chosen
