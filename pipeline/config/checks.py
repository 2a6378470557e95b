"""The checks of a config, whose errors are all reported at once."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ConfigDict, ValidationError, create_model

from phistar.pipeline.config import schema
from phistar.pipeline.config.hints import MEANT, key_for
from phistar.pipeline.config.recipes import Layer
from phistar.pipeline.process.terminal import nearest

# Exactly one of the two is set; where a later layer sets one, the other is void.
_EITHER = {"train.steps": "train.epochs", "train.epochs": "train.steps"}
_INTERVAL = "train.eval_every"  # in steps; nobody knows if it divides some epochs
_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


class Errors:
    """The errors by key ("train.steps"); of several for one key, the first is kept.

    Args:
        layers: the oldest first; they tell which one set a key.
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.found = {}

    def add(
        self,
        key: str,
        what: str,
        received: Any,
        expected: str,
        hint: str = "",
        origin: str | None = None,
    ) -> None:
        """Add one line: the mistake, its place, received, expected, advice.

        Args:
            received: a value, or schema.REQUIRED where a key is missing.
            origin: the place; None for that of the last layer that sets the key.
        """
        setting = (layer for layer in reversed(self.layers) if layer.sets(key))
        origin = origin or next((layer.place(key) for layer in setting), None)
        where = f" ({origin})" if origin else ""
        if received is not schema.REQUIRED:
            received = json.dumps(received, ensure_ascii=False, default=str)
        else:
            received = "nothing"
        line = f"{key}: {what}{where}. Received: {received}. Expected: {expected}."
        self.found.setdefault(key, line + hint)


def refuse(layer: Layer, components: Path, errors: Errors) -> None:
    """Add the errors that need no schema: unknown sections, and forbidden values."""

    def add(key: str, *error: Any) -> None:
        errors.add(key, *error, origin=layer.place(key))

    for key, line in layer.twice:
        place = f"{key} in {layer.name}:{line}"
        errors.add(place, "duplicate key", key, "each key once")
    for name, given in layer.data.items():
        if name not in schema.SECTIONS:
            expected = "one of " + ", ".join(schema.SECTIONS)
            hint = nearest(name, schema.SECTIONS)
            if not isinstance(given, dict) and (meant := key_for(name, components)):
                value = given if isinstance(given, str) else json.dumps(given)
                hint = f" Did you mean {meant}={value}?"
            add(name, "unknown section", given, expected, hint)
        elif not isinstance(given, dict):
            add(name, "not a section", given, f"{name}.key=value")
    for path, value in _leaves(layer.data):
        key = ".".join(path[:2])
        if "_target_" in path:
            add(key, "_target_ is refused", value, "plain data")
        elif isinstance(value, str) and ("${" in value or value == "???"):
            add(key, "a placeholder", value, "the value itself")


def merge(layers: list[Layer], components: Path) -> tuple[dict, list[str]]:
    """The sections of all layers as one; a later layer's key replaces an earlier one's.

    A layer that changes a chooser (`build.network`) voids the inherited keys that the
    old choice knows and the new one does not, unless it sets them itself. A layer that
    sets `train.epochs` voids an inherited `train.steps`, and the other way round. It
    voids an inherited `train.eval_every` too: then each pass ends with an evaluation.

    Returns:
        ({section: {key: value}}, the keys that were voided: ["build.mlp_dim"]).
    """
    merged, dropped = {}, set()
    for layer in layers:
        given = layer.flat()
        void = {_EITHER[key] for key in _EITHER if given.get(key) is not None}
        void |= {_INTERVAL} if given.get("train.epochs") is not None else set()
        void = {key for key in void if merged.get(key) is not None}
        for name, chooser in schema.CHOOSERS.items():
            if f"{name}.{chooser}" in given:
                default = schema.section(name, None, components)[chooser].default
                old = merged.get(f"{name}.{chooser}", default)
                before = _keys(name, old, components)
                after = _keys(name, given[f"{name}.{chooser}"], components)
                if before and after:
                    void |= {f"{name}.{key}" for key in before.keys() - after.keys()}
        void &= merged.keys()
        merged = {key: merged[key] for key in merged if key not in void} | given
        dropped = (dropped | void) - given.keys()
    sections = {name: {} for name in schema.SECTIONS}
    for full, value in merged.items():
        name, key = full.split(".", 1)
        if name in sections:  # else refused already
            sections[name][key] = value
    return sections, sorted(dropped)


def resolve(data: dict, components: Path, errors: Errors) -> dict[str, dict[str, Any]]:
    """The config with its defaults, strictly checked.

    Args:
        data: {section: {key: value}} for all of schema.SECTIONS.
        components: folder of the schema.
        errors: those found here are added to it.

    Returns:
        {section: {key: value}}, plain JSON data; where there are errors, the values
        as they were given.
    """
    # Into JSON and back, so that the model sees nothing but JSON's types.
    given = json.loads(json.dumps(data, default=lambda v: {type(v).__name__: str(v)}))
    resolved = {name: _section(name, given, components, errors) for name in given}
    _compare(resolved, components, errors)
    return resolved


def _section(name: str, given: dict, components: Path, errors: Errors) -> dict:
    """One section with its defaults; an error for each key that the model refuses."""
    sections, given = given, given[name]
    own = schema.section(name, None, components)
    chosen, chooser = own, schema.CHOOSERS.get(name)
    if chooser:
        chosen = _keys(name, given.get(chooser, own[chooser].default), components)
    keys = own if chosen is None else chosen
    config = ConfigDict(
        # The keys of an unknown choice are unknown too: they are not checked.
        extra="ignore" if chosen is None else "forbid",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )
    fields = {key.name: (key.type, key.default) for key in keys.values()}
    model = create_model(name, __config__=config, **fields)
    try:
        checked = model.model_validate_json(json.dumps(given))
        return checked.model_dump(mode="json")
    except ValidationError as error:
        kinds = {}
        for e in error.errors():
            kinds.setdefault(e["loc"][0], set()).add(e["type"])
    for key in kinds:
        if name in errors.found:
            break  # not a section at all: no error about its keys
        if key in keys:
            _judge(f"{name}.{key}", keys[key], kinds[key], given.get(key), errors)
        else:
            expected = "one of " + ", ".join(keys) if keys else "no key in this section"
            hint = _belongs(name, key, sections, components)
            errors.add(f"{name}.{key}", "unknown key", given[key], expected, hint)
    return {key.name: given.get(key.name, key.default) for key in keys.values()}


def _judge(
    full: str, key: schema.Key, kinds: set[str], received: Any, errors: Errors
) -> None:
    """Add the model's errors for one known key, in words."""
    expected, hint = schema.type_text(key.type), ""
    flat = received if isinstance(received, list) else [received]
    if "missing" in kinds:
        what, received, hint = "missing", schema.REQUIRED, f" Meaning: {key.meaning}"
    elif kinds & _RANGE:
        what = "out of range"
    elif "literal_error" in kinds and isinstance(received, str):
        what, hint = "unknown choice", nearest(received, _literals(key.type))
    else:
        what = "wrong type"
        words = "str" in expected or "one of" in expected
        if words and any(isinstance(value, bool) for value in flat):
            hint = " YAML reads no, off, on and yes as booleans: quote the word."
        elif "str" in expected and type(received) in (int, float):
            quoted = f'"{received}"'
            hint = f" A text is quoted: {quoted}; in a shell {full}='{quoted}'."
    errors.add(full, what, received, expected, hint)


def _compare(resolved: dict, components: Path, errors: Errors) -> None:
    """Add the errors of keys that do not fit each other."""
    train, task = resolved["train"], resolved["task"].get("name")

    def sound(*keys: str, section: str = "train") -> bool:
        return all(
            key in resolved[section] and f"{section}.{key}" not in errors.found
            for key in keys
        )

    counted_by = None
    if _keys("task", task, components) is not None:
        signature = schema.chosen("task", task, components)
        losses, counted_by = signature.losses, signature.counted_by
        if sound("loss") and train["loss"] not in losses:
            what, expected = f"not a loss of the task {task}", ", ".join(losses)
            errors.add("train.loss", what, train["loss"], f"one of {expected}")
    if sound("tokenizer", "vocab_size", section="task"):
        tokenizer, size = (resolved["task"][k] for k in ("tokenizer", "vocab_size"))
        if tokenizer == "sentencepiece" and size is None:
            expected = "number of tokens"
            errors.add("task.vocab_size", "missing", schema.REQUIRED, expected)
        elif tokenizer != "sentencepiece" and size is not None:
            what = f"of no use with the tokenizer {tokenizer}"
            errors.add("task.vocab_size", what, size, "null")
    paired = counted_by == "tokens"
    judged = counted_by is not None and sound("batch_tokens")  # else: no such task
    if judged and (train["batch_tokens"] is None) == paired:
        # a step counts examples, or for a translation the tokens of pairs
        given = train["batch_tokens"]
        what = "missing" if given is None else f"of no use for the task {task}"
        expected = "tokens of a step, like 4096" if given is None else "null"
        errors.add("train.batch_tokens", what, given, expected)
    smoothed = sound("loss", "label_smoothing") and train["label_smoothing"]
    if smoothed and train["loss"] != "cross_entropy":
        what = f"of no use with the loss {train['loss']}"
        errors.add("train.label_smoothing", what, smoothed, "0.0")
    if sound("steps", "epochs"):
        length = {key: train[key] for key in ("steps", "epochs")}
        if (length["steps"] is None) == (length["epochs"] is None):
            expected = "exactly one of train.steps and train.epochs"
            errors.add("train.steps", "no length, or two", length, expected)
    if sound("steps", "eval_every") and train["steps"] and train["eval_every"]:
        steps, every = train["steps"], train["eval_every"]
        if steps % every:
            below = steps // every * every
            near = " or ".join(str(n) for n in (below, below + every) if n)
            expected = f"a multiple of train.eval_every={every}, so {near}"
            errors.add("train.steps", "not whole intervals", steps, expected)


def _belongs(name: str, key: str, sections: dict, components: Path) -> str:
    """Hint for an unknown key: the key that it means here, or would under another
    choice, else the nearest.

    Args:
        name: of the section.
        key: the unknown one.
        sections: {section: {key: value}}, as given.
        components: folder of the schema.
    """
    order = sorted(schema.SECTIONS, key=lambda section: section != name)
    legal = {}  # in full, those of this section first
    for other in order:
        chooser = schema.CHOOSERS.get(other)
        own = schema.section(other, None, components)
        choice = chooser and sections[other].get(chooser, own[chooser].default)
        legal |= {f"{other}.{k}": k for k in _keys(other, choice, components) or own}
    meant = MEANT.get(key.lower(), "")
    if meant in legal:
        return f" Did you mean {meant}?"
    for full, plain in legal.items():
        if plain == key:
            return f" Did you mean {full}?"
    for other in order:
        chooser = schema.CHOOSERS.get(other)
        for choice in schema.names(other, components) if chooser else []:
            known = schema.chosen(other, choice, components).keys
            for plain in {key, meant.partition(".")[2]} & known.keys():
                return f" {other}.{plain} is a key of {other}.{chooser}={choice}."
    return nearest(f"{name}.{key}", [full for full in legal if full.startswith(name)])


def _keys(name: str, choice: Any, components: Path) -> dict[str, schema.Key] | None:
    """The keys of a section with this choice; None if it has none of that name."""
    known = isinstance(choice, str) and choice in schema.names(name, components)
    return schema.section(name, choice, components) if known else None


def _literals(kind: Any) -> Collection:
    if get_origin(kind) is Literal:
        return get_args(kind)
    return [value for member in get_args(kind) for value in _literals(member)]


def _leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple, Any]]:
    """(path, value) of everything that is not a dict or a list."""
    if not isinstance(data, dict | list):
        yield path, data
        return
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield from _leaves(value, (*path, str(key)))
