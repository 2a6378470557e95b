"""The language of texts, as their letters tell it; a doubt is said."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LETTERS = 200  # of a passage, which is looked at as one
PASSAGES = 100
FEW = 20  # letters, of which no language can be told
SURE = 0.8  # share of the passages
LEAST = 0.2  # P of a language, below which a passage tells none
NONE = ("und", "zxx")  # not told; no language at all
NAMES = {
    **{"ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech"},
    **{"da": "Danish", "de": "German", "el": "Greek", "en": "English"},
    **{"es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish"},
    **{"fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian"},
    **{"hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese"},
    **{"ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian"},
    **{"nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese"},
    **{"ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian"},
    **{"sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish"},
    **{"uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese"},
}


class Language(NamedTuple):
    """A language, by some passages of texts.

    Args:
        code: of ISO 639; "" if none can be told.
        share: of the passages that are in it.
        passages: that were looked at.
        other: code of the second, "" if there is none.
    """

    code: str = ""
    share: float = 0.0
    passages: int = 0
    other: str = ""

    @property
    def sure(self) -> bool:
        """True if most passages agree."""
        return bool(self.code) and self.share >= SURE

    @property
    def name(self) -> str:
        """Its name in English, or its code; "" if no language is sure."""
        return named(self.code) if self.sure else ""

    def __str__(self) -> str:
        if not self.code:
            return "in no language that can be told"
        said = f"{self.share:.0%} of {self.passages} passages"
        if self.sure:
            return f"{named(self.code)} ({said})"
        other = f", others {named(self.other)}" if self.other else ""
        return f"perhaps {named(self.code)} ({said}{other})"


def named(code: str) -> str:
    """Name of a language, or its code where we have none."""
    return NAMES.get(code, f"the language {code!r}")


def language(texts: Iterable[str]) -> Language:
    """The language of most passages.

    Args:
        texts: the first ones of a file, in order.
    """
    every = passages(texts)
    if sum(sum(map(str.isalpha, one)) for one in every) < FEW:
        return Language()
    # always the same ones, from all parts of what was read
    step = -(-len(every) // PASSAGES)
    chosen = every[::step]
    found = Counter(identifier().classify(one)[0] for one in chosen)
    for code in NONE:
        found.pop(code, None)
    if not found:
        return Language()
    (code, number), *others = found.most_common(2)
    other = others[0][0] if others else ""
    return Language(code, number / len(chosen), len(chosen), other)


def passages(texts: Iterable[str]) -> list[str]:
    """Texts in parts of about LETTERS letters, short ones joined."""
    found, part = [], ""
    for text in texts:
        for start in range(0, len(text), LETTERS):
            part = f"{part} {text[start : start + LETTERS]}".strip()
            if len(part) >= LETTERS:
                found.append(part)
                part = ""
    # a short end is a passage only if there is no other
    return found or [part]


@cache
def identifier() -> "LanguageIdentifier":
    """The model, which says "und" of what it does not know."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=LEAST
    )
