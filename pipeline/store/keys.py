"""Keys: a stage's result is named by exactly what the stage receives.

    key = SHA-256 of {stage, arguments, inputs, source, code, libraries}

so equal keys mean equal work, and what differs between two keys can be said in words.
Nothing here imports components, keras or tensorflow.
"""

import hashlib
import json
import sys
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.config import choices
from phistar.pipeline.store.code.reach import ROOT, TOP_LEVEL, code
from phistar.pipeline.store.manifest import is_volatile

# How a stage works, not what it makes: its result is the same bits.
NO_PART = ("ingest.workers",)
# Where the distribution is not called as the package it is imported by.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "google": "protobuf",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
    "yaml": "PyYAML",
}


def stage_parts(
    stage: NamedTuple,
    sections: dict[str, dict],
    inputs: dict[str, dict],
    *,
    kind: str,
    source: dict | None = None,
    root: Path = ROOT,
) -> dict:
    """The parts of a stage's key.

    Args:
        stage: its row in the table of stages: `name`, and `reads`, which gives for each
            artifact word the patterns of the files it reads there.
        sections: of the resolved config, {section: {key: value}}.
        inputs: artifact word -> manifest of the artifact given to the stage.
        kind: of the data, `Source.kind`.
        source: the fingerprint of files outside the store: the data of ingest, the
            earlier network that build starts from.
        root: the folder that holds `components/`.

    Returns:
        dict of plain data, as it is stored in the manifest.
    """
    own = sections[stage.name]
    arguments = flat({name: sections[name] for name in ("task", stage.name)})
    arguments = {name: one for name, one in arguments.items() if name not in NO_PART}
    entry = f"components/{stage.name}.py", "run"
    reached, imports = code([entry], chosen_names(sections, kind), root)
    libraries = {_distribution(name): _version(name) for name in imports}
    if "keras" in imports:
        backend = own.get("backend", "tensorflow")
        libraries[backend] = _version(backend)
    libraries["python"] = ".".join(map(str, sys.version_info[:2]))
    parts = {
        "stage": stage.name,
        "arguments": arguments,
        "inputs": files_read(stage.reads, inputs),
        "source": source or {},
        "code": reached,
        "libraries": libraries,
    }
    return json.loads(_canonical(parts))  # as it will be read back: lists, no tuples


def key(parts: dict) -> str:
    """The name of a result: 32 hexadecimal digits."""
    return hashlib.sha256(_canonical(parts).encode()).hexdigest()[:32]


def chosen_names(sections: dict[str, dict], kind: str) -> dict[str, str]:
    """File of each table -> the name that a config, or its data's kind, chooses."""
    names = {choices.KIND: kind} | flat(sections)
    return {file: names[key] for file, key in choices.CHOSEN_BY.items() if key in names}


def flat(sections: dict[str, dict]) -> dict:
    """{"train": {"steps": 1}} -> {"train.steps": 1}."""
    return {
        f"{section}.{key}": value
        for section, own in sections.items()
        for key, value in own.items()
    }


def files_read(
    reads: dict[str, tuple[str, ...]], inputs: dict[str, dict]
) -> dict[str, str]:
    """{"dataset/train/labels.npy": sha256}: what the patterns pick from manifests.

    A `*` stays inside one folder. Files that tell of one execution are left out.
    """
    return {
        f"{word}/{name}": entry["sha256"]
        for word, patterns in reads.items()
        for name, entry in sorted(inputs[word]["files"].items())
        if not is_volatile(name) and any(_matches(name, p) for p in patterns)
    }


def differences(old: dict, new: dict) -> list[str]:
    """Changes from one stage's parts to another's, one line each, in words."""
    return [
        words(name, before, after)
        for group, words in _WORDS.items()
        for name in sorted({*old[group], *new[group]})
        for before, after in [(_shown(old[group], name), _shown(new[group], name))]
        if before != after
    ]


def _matches(name: str, pattern: str) -> bool:
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def _canonical(data: dict) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _distribution(package: str) -> str:
    return DISTRIBUTIONS.get(package, package)


@cache  # the five stages name the same packages
def _version(package: str) -> str:
    try:
        return metadata.version(_distribution(package))
    except metadata.PackageNotFoundError:
        return "not installed"


def _shown(group: dict, name: str) -> str | None:
    """A value as one would type it; None if there is none."""
    if name not in group:
        return None
    value = group[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _change(name: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"{name} {after} is new"
    if after is None:
        return f"{name} {before} is gone"
    return f"{name} {before} → {after}"


def _verb(before: str | None, after: str | None) -> str:
    return "is new" if before is None else "is gone" if after is None else "changed"


def _code_change(name: str, before: str | None, after: str | None) -> str:
    file, symbol = name.split(":")
    # the name tells the kind: PEP 8
    kind = "function"
    if symbol.strip("_")[:1].isupper():
        kind = "constant" if symbol.isupper() else "class"
    what = "top-level code" if symbol == TOP_LEVEL else f"{kind} {symbol}"
    return f"{what} in {file} {_verb(before, after)}"


_WORDS = {
    "arguments": _change,
    "inputs": lambda name, *change: f"input {name} {_verb(*change)}",
    "source": lambda name, *change: _change(f"source {name}", *change),
    "code": _code_change,
    "libraries": lambda name, *change: _change(f"library {name}", *change),
}
