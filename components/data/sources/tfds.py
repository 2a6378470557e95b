"""Any data set of TensorFlow Datasets (TFDS) with images and labels."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from phistar.components.data.files.found import expanded
from phistar.components.data.sources.base import Chunks, Source
from phistar.components.data.sources.tfds_prepare import prepare, require
from phistar.components.digests import Inputs

SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "test": "test"}


def tfds(
    *,
    name: str,
    data_dir: str | None = None,
    height: Annotated[int, Field(ge=1)] | None = None,
    width: Annotated[int, Field(ge=1)] | None = None,
    channels: Literal[1, 3] | None = None,
):
    """A data set by its registered name; prepared on first use, checksums verified.

    Its splits train, validation and test are used as registered. Images are resized as
    by the exported model: bilinear, antialiased, rounded to 8 bits. Without a network,
    fashion_mnist is built from Debian's dataset-fashion-mnist.

    Args:
        name: of the data set, like cifar10, or NAME/CONFIG, or NAME:VERSION.
        data_dir: folder of prepared data; default: ~/tensorflow_datasets.
        height: of the images in the data; default: that of the first image.
        width: of the images in the data; default: that of the first image.
        channels: 1 is grey, 3 is RGB; default: that of the first image.

    Returns:
        Source of images.

    Raises:
        ValueError: if there is no such data set, or it has no images with labels.
    """
    builder = open_builder(name, data_dir)
    size = height, width, channels

    def read():
        return splits(builder, size, opened.notices)

    opened = registered(builder, name, "images", read)
    return opened


def registered(builder, name, kind, splits, **features):
    """The Source of a registered data set.

    Args:
        builder: of TFDS.
        name: of the data set as the user wrote it, for errors.
        kind: of the Source.
        splits: () -> dict of split -> Chunks, called once the data are prepared.
        **features: parts of an example that the rows are made of.

    Returns:
        Source.
    """

    def read():
        prepare(builder, name)
        return splits()

    inputs = Inputs()
    return Source(
        name=builder.name,
        kind=kind,
        fingerprint=fingerprint(builder, inputs) | features,
        read=read,
        require=lambda: require(builder, name),
        inputs=inputs,
    )


def open_builder(name, data_dir):
    """The registered builder, or that of prepared data, without importing TensorFlow.

    Args:
        name: as in `tfds`.
        data_dir: folder of prepared data, or None.

    Returns:
        Builder of TFDS.

    Raises:
        ValueError: if there is no such data set.
    """
    import tensorflow_datasets as tfds

    if data_dir is not None:
        data_dir = str(expanded("data_dir", data_dir))  # TFDS would make a folder "~"
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, AssertionError, ValueError) as error:
        raise ValueError(
            f"no such data set of TFDS. Received: ingest.name={name!r}: "
            f"{str(error).splitlines()[0][:200]} Expected a name that "
            "tensorflow_datasets.list_builders() gives, or that is prepared in "
            "`ingest.data_dir`."
        ) from None


def fingerprint(builder, inputs):
    """Name and version; for data that TFDS does not own, also a SHA-256.

    Args:
        builder: of TFDS.
        inputs: Inputs, which notes the files of such data.

    Returns:
        dict of str: "tfds", and "sha256" of the names and bytes of all files.
    """
    import tensorflow_datasets as tfds

    parts = {"tfds": builder.info.full_name}
    if builder.name not in tfds.list_builders(with_community_datasets=False):
        place, digest = Path(builder.data_path), hashlib.sha256()
        files = [file for file in sorted(place.rglob("*")) if file.is_file()]
        for file, one in zip(files, inputs.sha256(files), strict=True):
            digest.update(f"{file.relative_to(place)}\0{one}\n".encode())
        parts["sha256"] = digest.hexdigest()
    return parts


def splits(builder, size, notices):
    """The data of each split.

    Args:
        builder: of TFDS, prepared.
        size: (height, width, channels), each int or None.
        notices: of the source.

    Returns:
        dict of split -> Chunks.
    """
    import tensorflow_datasets as tfds

    from phistar.components.data.pictures import Picture, pieces, shape_of

    image, label = image_and_label(builder)
    names = builder.info.features[label].int2str
    # decoded by our rule, not by TFDS
    decoders = {image: tfds.decode.SkipDecoding()}

    def pictures(split):
        found = examples(builder, split, image, label, decoders=decoders)
        for number, (encoded, index) in enumerate(found):
            where = f"example {number} of {split}"
            yield Picture(encoded, {"labels": names(int(index))}, where)

    own = shape_of(next(pictures(used_splits(builder)["train"])))
    shape = tuple(asked or found for asked, found in zip(size, own, strict=True))
    return chunks(
        builder,
        lambda split: pieces(pictures(split), shape, notices.begin(split)),
    )


def examples(builder, split, *features, **options):
    """Parts of the examples of a split, in the order of the files.

    Args:
        builder: of TFDS, prepared.
        split: as registered.
        *features: names of the parts.
        **options: of `as_dataset`.

    Yields:
        tuple of the parts.
    """
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    data = builder.as_dataset(
        split=split, batch_size=256, read_config=in_order, **options
    )
    for batch in data.as_numpy_iterator():
        yield from zip(*(batch[feature] for feature in features), strict=True)


def chunks(builder, pieces):
    """The data of each split.

    Args:
        builder: of TFDS.
        pieces: function of a split, as registered -> iterator of Rows.

    Returns:
        dict of split -> Chunks.
    """
    return {
        split: Chunks(lambda name=name: pieces(name))
        for split, name in used_splits(builder).items()
    }


def used_splits(builder):
    """Names of the splits: ours -> the data set's.

    Args:
        builder: of TFDS.

    Returns:
        dict of str.

    Raises:
        ValueError: if there is no split for training.
    """
    used = {SPLITS[name]: name for name in builder.info.splits if name in SPLITS}
    if "train" not in used:
        raise ValueError(
            f"{builder.info.full_name} has no split called train. Received: "
            f"{list(builder.info.splits)}. Expected train, validation, test: choose "
            "another data set."
        )
    return used


def image_and_label(builder):
    """Names of an example's image and label; those for supervised use come first.

    Args:
        builder: of TFDS.

    Returns:
        list of two str.

    Raises:
        ValueError: if it has no image or no label.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    kinds = (tfds.features.Image, tfds.features.ClassLabel)
    supervised = builder.info.supervised_keys or ()
    names = sorted(features, key=lambda name: name not in supervised)
    found = [
        next((name for name in names if isinstance(features[name], kind)), None)
        for kind in kinds
    ]
    if None in found:
        raise ValueError(
            f"{builder.info.full_name} has no images with labels. Received the "
            f"features {list(features)}. Expected one of the kind Image and one of "
            "the kind ClassLabel: choose another data set."
        )
    return found
