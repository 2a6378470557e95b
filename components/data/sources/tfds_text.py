"""Any data set of TensorFlow Datasets with texts."""

from itertools import chain

from components.data.sources.base import Chunks, Source
from components.data.sources.text import pieces
from components.data.sources.tfds import fingerprint, open_builder, used_splits
from components.data.sources.tfds_prepare import prepare, require


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

    def read():
        prepare(builder, name)
        return {
            split: Chunks(lambda name=name: pieces(examples(name)))
            for split, name in used_splits(builder).items()
        }

    def examples(split):
        reading = tfds.ReadConfig(
            interleave_cycle_length=1,  # in the order of the files
            try_autocache=False,
        )
        data = builder.as_dataset(split=split, batch_size=256, read_config=reading)
        batches = (batch[feature] for batch in data.as_numpy_iterator())
        return chain.from_iterable(batches)

    return Source(
        name=builder.name,
        kind="text",
        fingerprint=fingerprint(builder) | {"feature": feature},
        read=read,
        require=lambda: require(builder, name),
    )
