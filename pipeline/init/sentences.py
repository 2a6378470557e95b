"""Texts and sentence pairs."""

from phistar.pipeline.init.guess import Guess, Line
from phistar.pipeline.init.language import NAMES, Language, named


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


def doubts(sides: list[str], spoken: list[Language]) -> list[str]:
    """Questions to the user about the two sides of pairs.

    Args:
        sides: two names, of files (train.en) or of columns (en).
        spoken: the language of each.

    Returns:
        two sentences, "" where there is no doubt.
    """
    asked = ["are these the sentences to translate?", ""]
    both = [one.code for one in spoken if one.sure]
    if len(both) == 2 and both[0] == both[1]:
        asked[1] = f"both sides are {named(both[0])}: is one the translation?"
    for place, (side, one) in enumerate(zip(sides, spoken, strict=True)):
        suffixes = [part.lower() for part in side.split(".")[1:]] or [side]
        told = [part for part in suffixes if part in NAMES]
        if one.sure and told and one.code not in told:
            asked[place] = (
                f"{side} has the name of {named(told[0])}, and reads like "
                f"{one.name}: are the sides mixed up?"
            )
    return asked


def pairs(
    number: int,
    size: int,
    words: int,
    ingest: list[Line],
    found: list[str],
    spoken: list[Language],
) -> Guess:
    """The guess of a translator.

    Args:
        number: of pairs.
        size: bytes of both sides.
        words: different words of both sides, about.
        ingest: lines of its section.
        found: what the files are taken for.
        spoken: the language of each side.
    """
    names = [one.name for one in spoken]
    which = f"{' to '.join(names)}, " if all(names) else ""
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
        f"How is a sentence translated?  {which}{number:,} pairs.",
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
