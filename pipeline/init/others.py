"""Images, texts and sentence pairs."""

from pathlib import Path

from phistar.pipeline.init.guess import Guess, Line, passes

SHOWN = 100  # images whose sizes are read
LARGEST = 96  # pixels of a side, unless the user wants more
STEPS = 2000


def images(folder: Path, paths: list[Line]) -> Guess:
    """The guess of a classifier of images in folders.

    Raises:
        ValueError: fewer than two folders with images.
    """
    from PIL import Image

    from phistar.components.data.files.found import SPLITS
    from phistar.components.data.image_files import below
    from phistar.components.data.notices import Notices

    files = [Path(file) for file in below(folder, Notices().begin())]
    inside = {file: file.relative_to(folder).parts for file in files}
    splits = {p[0] for p in inside.values() if len(p) > 2 and p[0].lower() in SPLITS}
    labels = sorted(
        {p[1] if p[0] in splits else p[0] for p in inside.values() if len(p) > 1}
    )
    if len(labels) < 2:
        raise ValueError(
            f"images without labels. Received: {len(files):,} images in {folder}, in "
            f"{len(labels)} folders. Expected a folder for each label: "
            "PATH/LABEL/FILE, or PATH/SPLIT/LABEL/FILE."
        )
    sizes = []
    for file in files[:: max(1, len(files) // SHOWN)]:
        try:
            with Image.open(file) as image:
                sizes.append(image.size)
        except OSError:
            continue  # ingest tells which files are broken
    width, height = (sorted(side)[len(side) // 2] for side in zip(*sizes, strict=True))
    shape, binary = f"{width}x{height}", len(labels) == 2
    task = [Line("name", "binary" if binary else "multiclass")]
    if binary:
        task.append(Line("positive", labels[1], "", "is this the label to look for?"))
    ingest = [Line("source", "image_folder"), *paths]
    large = max(width, height)
    if large > LARGEST:
        why = f"images are about {shape}; larger ones take longer"
        width, height = (max(8, round(n * LARGEST / large)) for n in (width, height))
        ingest += [Line("height", height, why), Line("width", width)]
    side = min(width, height)
    blocks = max(1, min(4, (side // 4).bit_length()))
    given = ", ".join(sorted(splits)) or "made, each label has its share"
    return Guess(
        f"Which label has an image?  {len(labels)} labels, {len(files):,} images.",
        [
            f"{len(files):,} images, {shape} in the middle",
            f"a label is a folder: {', '.join(labels[:5])}"
            + (f" and {len(labels) - 5} more" if len(labels) > 5 else ""),
            f"splits: {given}",
        ],
        {
            "task": task,
            "ingest": ingest,
            "build": [
                Line("network", "vgg_small"),
                Line("num_blocks", blocks, f"for {side} pixels"),
            ],
            "train": [
                Line("loss", "logistic" if binary else "cross_entropy"),
                Line("epochs", passes(len(files), 32, STEPS)),
                Line("batch_size", 32),
                Line("learning_rate", 0.002),
            ],
        },
    )


def texts(size: int, ingest: list[Line], found: list[str]) -> Guess:
    """The guess of a language model.

    Args:
        size: bytes of all texts.
        ingest: lines of its section.
        found: what the files are taken for.
    """
    large = size > 20 * 2**20
    task = [Line("name", "language"), Line("tokenizer", "characters")]
    if large:
        task[1:] = [Line("tokenizer", "sentencepiece"), Line("vocab_size", 8000)]
    # about four passes, in windows of 64 characters
    steps = max(200, min(4000, 4 * size // (64 * 48) // 100 * 100))
    return Guess(
        f"How probable is a text?  A Transformer, {size / 2**20:.1f} MiB of texts.",
        found,
        {
            "task": task,
            "ingest": ingest,
            "build": [
                Line("network", "transformer_lm"),
                Line("num_layers", 3),
                Line("model_dim", 128),
                Line("mlp_dim", 512),
                Line("dropout", 0.1 if size < 2**20 else 0.0),
                Line("context", 64, "tokens that are read at once"),
                Line("stride", 48),
            ],
            "train": [
                Line("loss", "cross_entropy"),
                Line("batch_size", 64),
                Line("steps", steps, "about four passes"),
                Line("eval_every", steps // 4),
                Line("learning_rate", 0.002),
            ],
        },
    )


def pairs(
    number: int, size: int, words: int, ingest: list[Line], found: list[str]
) -> Guess:
    """The guess of a translator.

    Args:
        number: of pairs.
        size: bytes of both sides.
        words: different words of both sides, about.
        ingest: lines of its section.
        found: what the files are taken for.
    """
    vocabulary = min(8000, words // 4 // 100 * 100)
    task = [Line("name", "translation")]
    if vocabulary < 500:
        why = f"{words:,} different words are few for pieces of words"
        task += [Line("tokenizer", "characters", why), Line("max_length", 256)]
    else:
        task += [
            Line("tokenizer", "sentencepiece"),
            Line("vocab_size", vocabulary, f"for {words:,} different words"),
            Line("max_length", 96, "tokens; longer pairs are counted and left out"),
        ]
    steps = max(300, min(2000, 3 * size // (4 * 4096) // 100 * 100))
    return Guess(
        f"How is a sentence translated?  A Transformer, {number:,} pairs.",
        found,
        {
            "task": task,
            "ingest": ingest,
            "build": [
                Line("network", "transformer"),
                Line("num_layers", 2),
                Line("num_heads", 4),
                Line("model_dim", 256),
                Line("mlp_dim", 1024),
                Line("dropout", 0.1),
            ],
            "train": [
                Line("loss", "cross_entropy"),
                Line("batch_tokens", 4096),
                Line("steps", steps),
                Line("eval_every", steps // 4),
                Line("learning_rate", 0.002),
                Line("warmup_steps", 100),
                Line("clip_norm", 1.0),
                Line("label_smoothing", 0.1),
            ],
            "evaluate": [Line("beam_size", 4)],
        },
    )
