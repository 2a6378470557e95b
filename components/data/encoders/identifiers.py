"""Identifiers of columns: what TensorFlow calls them, while their own names are data.

A column may have any name. Most identifiers can be read:

    mean_radius, City             a plain word: the name itself
    mean radius, Size (cm)        mean_radius, Size_cm, unless another column is like it
    größe, class, 1st, ""         column_3, column_4 ...: the place among the inputs
    Size and size, label, self    the same: TensorFlow, or a signature, has such a name
"""

import re
from collections import Counter
from keyword import iskeyword

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
BETWEEN = re.compile(r"[^\w\x80-\U0010ffff]+", re.ASCII)  # spaces and signs
# inputs of signatures beside the columns, and what Python calls a method's object
RESERVED = frozenset({"label", "seed", "temperature", "top_k", "top_p", "self"})


def identifiers(names):
    """Identifiers of columns: no two are equal, in lower case neither.

    Args:
        names: list of str, different ones, in the order of the inputs.

    Returns:
        dict of name -> str. None is the name of another column.
    """
    own = Counter(name.casefold() for name in names)
    words = {name: BETWEEN.sub("_", name).strip("_") for name in names}
    like = Counter(word.casefold() for word in words.values())
    found = {}
    for place, name in enumerate(names, 1):
        word = name if PLAIN.fullmatch(name) else words[name]
        small = word.casefold()
        alone = (
            own[small] == 1 if word == name else own[small] == 0 and like[small] == 1
        )
        if PLAIN.fullmatch(word) and alone and possible(word):
            found[name] = word
            continue
        found[name] = f"column_{place}"
        while found[name] in own or found[name] in like:
            found[name] += "_"
    return found


def possible(word):
    """True if neither Python nor a signature has a use of its own for a word."""
    return word.casefold() not in RESERVED and not iskeyword(word)
