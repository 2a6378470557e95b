"""Any data set of TensorFlow Datasets with texts."""

from functools import partial

from phistar.components.data.sources.pieces import pieces
from phistar.components.data.sources.tfds import (
    chunks,
    examples,
    open_builder,
    registered,
)


def tfds_text(*, name: str, feature: str = "text", data_dir: str | None = None):
    """A data set by its registered name; prepared on first use, checksums verified.

    Its splits train, validation and test are used as registered.

    Args:
        name: of the data set, like tiny_shakespeare, or NAME/CONFIG, or NAME:VERSION.
        feature: the part of an example that is the text.
        data_dir: folder of prepared data; default: ~/tensorflow_datasets.

    Returns:
        Source of texts.

    Raises:
        ValueError: if there is no such data set, or its examples have no such text.
    """
    import tensorflow_datasets as tfds

    builder = open_builder(name, data_dir)
    features = builder.info.features
    texts = [key for key in features if isinstance(features[key], tfds.features.Text)]
    if feature not in texts:
        raise ValueError(
            f"{builder.info.full_name} has no such text. Received: ingest.feature="
            f"{feature!r}. Expected one of {texts}."
        )

    def documents(split):
        return pieces(text for (text,) in examples(builder, split, feature))

    splits = partial(chunks, builder, documents)
    return registered(builder, name, "text", splits, feature=feature)
