"""Composition of a recipe and the command line: one resolved config, or all errors."""

import json
import subprocess
import sys

import pytest

from phistar.pipeline.config import load as configs
from phistar.pipeline.config import schema

# A small world of components: two tasks, two networks, two optimizers, one source.
COMPONENTS = {
    "ingest.py": """
def run(task, out_dir, log, *, source: str, seed: int = 0, **options): 0
""",
    "build.py": """
def run(task, dataset, out_dir, log, *, network: str, **options): 0
""",
    "train.py": '''
def run(
    task, dataset, network, out_dir, log, *,
    loss: Literal["logistic", "hinge", "cross_entropy"],
    optimizer: str = "adamw",
    steps: Annotated[int, Field(ge=1)] | None = None,
    epochs: Annotated[int, Field(ge=1)] | None = None,
    eval_every: Annotated[int, Field(ge=1)] | None = None,
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    **options,
):
    """Train.

    Args:
        steps: length of the run.
    """
''',
    "evaluate.py": "def run(task, *, num_bins: Annotated[int, Field(ge=1)] = 10): 0",
    "export.py": "def run(task, out_dir, log): 0",
    "tasks/__init__.py": """
def task(name):
    match name:
        case "binary":
            from phistar.components.tasks.binary import Binary
            return Binary
        case "multiclass":
            from phistar.components.tasks.multiclass import Multiclass
            return Multiclass
""",
    "tasks/binary.py": """
class Binary:
    losses = ("logistic", "hinge")
    def __init__(self, space=None, *, positive: str): 0
""",
    "tasks/multiclass.py": """
class Multiclass:
    losses = ("cross_entropy",)
""",
    "networks/__init__.py": """
def network(name):
    match name:
        case "linear":
            from phistar.components.networks.linear import linear
            return linear
        case "mlp":
            from phistar.components.networks.mlp import mlp
            return mlp
        case "vgg":
            from phistar.components.networks.vgg import vgg
            return vgg
""",
    "networks/linear.py": "def linear(shape): 0",
    "networks/mlp.py": "def mlp(shape, *, dropout: float = 0.0, mlp_dim: int = 64): 0",
    "networks/vgg.py": """
def vgg(shape, *, dropout: float = 0.5, widths: tuple[int, ...] = (8, 16)): 0
""",
    "data/sources/__init__.py": """
def source(name):
    match name:
        case "rows":
            from phistar.components.data.sources.rows import rows
            return rows
""",
    "data/sources/rows.py": "def rows(*, language: str = 'en', cut: str = ','): 0",
    "training/optimizers.py": """
def optimizer(name):
    match name:
        case "adamw":
            return adamw
        case "sgd":
            return sgd

def adamw(steps, *, learning_rate: float = 0.001, decay: float = 0.0): 0

def sgd(steps, *, learning_rate: float = 0.01, momentum: float = 0.9): 0
""",
}

BASE = """\
task: {name: binary, positive: malignant}
ingest: {source: rows}
build: {network: mlp, mlp_dim: 32, dropout: 0.1}
train: {loss: logistic, steps: 600, eval_every: 60, decay: 0.1}
"""


@pytest.fixture
def root(tmp_path):
    for name, text in COMPONENTS.items():
        path = tmp_path / "components" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    recipe(tmp_path, "base", BASE)
    return tmp_path


def recipe(root, name, text):
    path = root / "conf" / "experiment" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load(root, *overrides, name="base"):
    return configs.load(str(name), list(overrides), root, root / "components")


def errors(root, *overrides, name="base"):
    with pytest.raises(configs.ConfigError) as caught:
        load(root, *overrides, name=name)
    assert str(caught.value).splitlines() == caught.value.errors
    return caught.value.errors


def error(root, *overrides, name="base"):
    (line,) = errors(root, *overrides, name=name)
    return line


# What a recipe composes to.


def test_load_fills_in_the_defaults_of_the_signatures(root):
    loaded = load(root)
    assert loaded.name == "base" and loaded.dropped == []
    assert loaded.sections == {
        "task": {"name": "binary", "positive": "malignant"},
        "ingest": {"source": "rows", "seed": 0, "language": "en", "cut": ","},
        "build": {"network": "mlp", "dropout": 0.1, "mlp_dim": 32},
        "train": {
            "loss": "logistic",
            "optimizer": "adamw",
            "steps": 600,
            "epochs": None,
            "eval_every": 60,
            "label_smoothing": 0.0,
            "learning_rate": 0.001,
            "decay": 0.1,
        },
        "evaluate": {"num_bins": 10},
        "export": {},
    }


def test_load_sets_keys_that_no_recipe_names(root):
    loaded = load(
        root, "evaluate.num_bins=5", "train.learning_rate=1", "+ingest.seed=3"
    )
    assert loaded.sections["evaluate"]["num_bins"] == 5
    assert loaded.sections["ingest"]["seed"] == 3
    rate = loaded.sections["train"]["learning_rate"]
    assert rate == 1.0 and isinstance(rate, float)


def test_load_takes_the_last_of_two_overrides(root):
    loaded = load(root, "evaluate.num_bins=5", "evaluate={num_bins: 6}")
    assert loaded.sections["evaluate"]["num_bins"] == 6


def test_load_gives_tuples_as_lists(root):
    chosen = load(root, "build.network=vgg", "build.widths=[4, 8, 8]").sections["build"]
    assert chosen["widths"] == [4, 8, 8]
    assert load(root, "build.network=vgg").sections["build"]["widths"] == [8, 16]


def test_load_inherits_over_several_layers_and_the_command_line_is_last(root):
    recipe(root, "quick", "inherits: base\ntrain: {steps: 60, decay: 0.2}")
    recipe(root, "quicker", "inherits: quick\ntrain: {decay: 0.3}")
    train = load(root, name="quicker").sections["train"]
    assert (train["steps"], train["eval_every"], train["decay"]) == (60, 60, 0.3)
    train = load(root, "train.decay=0.4", name="quicker").sections["train"]
    assert (train["steps"], train["decay"]) == (60, 0.4)


def test_load_takes_a_file_anywhere_that_inherits_a_recipe_of_its_own_name(root):
    path = root / "elsewhere" / "base.yaml"
    path.parent.mkdir()
    path.write_text("inherits: base\ntrain: {decay: 0.7}")
    loaded = load(root, name=path)
    assert loaded.name == "base"
    assert loaded.sections["train"]["decay"] == 0.7
    assert loaded.sections["train"]["steps"] == 600


def test_recipes_of_the_root_win_over_the_shipped_ones(root):
    assert configs.recipes(root)["digits"].is_relative_to(schema.COMPONENTS.parent)
    own = recipe(root, "digits", BASE)
    assert configs.recipes(root)["digits"] == own
    assert load(root, name="digits").sections == load(root).sections


def test_to_yaml_is_a_recipe_that_loads_to_the_same_config(root):
    loaded = load(root, "ingest.language='no'", "build.network=vgg")
    path = root / "resolved.yaml"
    path.write_text(loaded.to_yaml())
    assert load(root, name=path).sections == loaded.sections
    assert json.loads(json.dumps(loaded.sections)) == loaded.sections


def test_keys_gives_every_key_with_its_value_type_default_and_meaning(root):
    loaded = load(root)
    rows = {row.key: row for row in configs.keys(loaded, root / "components")}
    assert {key: row.value for key, row in rows.items()} == {
        f"{name}.{key}": value
        for name, section in loaded.sections.items()
        for key, value in section.items()
    }
    assert rows["train.steps"] == configs.Row(
        "train.steps", 600, "int ≥ 1 or null", None, "length of the run."
    )
    assert rows["build.network"].type == "one of linear, mlp, vgg"
    assert rows["build.network"].default is schema.REQUIRED
    vgg = {
        r.key: r
        for r in configs.keys(load(root, "build.network=vgg"), root / "components")
    }
    assert vgg["build.widths"].default == vgg["build.widths"].value == [8, 16]


# Choosers.


def test_load_drops_the_keys_of_the_old_choice_only(root):
    loaded = load(root, "build.network=vgg")
    assert loaded.dropped == ["build.mlp_dim"]  # and keeps dropout, which vgg has too
    assert loaded.sections["build"] == {
        "network": "vgg",
        "dropout": 0.1,
        "widths": [8, 16],
    }


def test_load_drops_the_keys_of_a_choice_by_default(root):
    loaded = load(root, "train.optimizer=sgd")  # base says decay, and adamw by default
    assert loaded.dropped == ["train.decay"]
    assert loaded.sections["train"]["momentum"] == 0.9


def test_load_drops_the_keys_of_each_chooser(root):
    loaded = load(root, "task.name=multiclass", "train.loss=cross_entropy")
    assert loaded.dropped == ["task.positive"]
    assert loaded.sections["task"] == {"name": "multiclass"}


def test_load_drops_in_an_inheriting_recipe_too(root):
    recipe(root, "big", "inherits: base\nbuild: {network: vgg, widths: [4]}")
    assert load(root, name="big").dropped == ["build.mlp_dim"]
    loaded = load(root, "build.network=linear", name="big")
    assert loaded.dropped == ["build.dropout", "build.mlp_dim", "build.widths"]
    back = load(root, "build.network=mlp", "build.mlp_dim=8", name="big")
    assert back.dropped == ["build.widths"]
    assert back.sections["build"]["mlp_dim"] == 8


def test_load_does_not_drop_what_the_changing_layer_sets(root):
    line = error(root, "build.network=vgg", "build.mlp_dim=8")
    assert "build.mlp_dim: unknown key" in line
    assert "build.mlp_dim is a key of build.network=mlp" in line


def test_load_drops_nothing_when_the_choice_stays(root):
    assert load(root, "build.network=mlp").dropped == []


def test_load_drops_nothing_that_no_layer_set(root):
    recipe(root, "plain", BASE.replace("mlp_dim: 32, ", ""))
    assert load(root, "build.network=vgg", name="plain").dropped == []


def test_load_replaces_steps_by_epochs_and_back(root):
    loaded = load(root, "train.epochs=3")
    assert loaded.dropped == ["train.eval_every", "train.steps"]
    assert loaded.sections["train"]["steps"] is None
    assert loaded.sections["train"]["eval_every"] is None
    recipe(root, "passes", "inherits: base\ntrain: {epochs: 3}")
    assert load(root, name="passes").dropped == ["train.eval_every", "train.steps"]
    loaded = load(root, "train.steps=120", name="passes")
    assert loaded.dropped == ["train.epochs", "train.eval_every"]
    assert loaded.sections["train"]["steps"] == 120
    loaded = load(root, "train.steps=null", "train.epochs=3")
    assert loaded.dropped == ["train.eval_every"]
    loaded = load(root, "train.epochs=3", "train.eval_every=7")
    assert loaded.sections["train"]["eval_every"] == 7  # what is typed stays


# Errors.


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("trian.steps=3", ["trian: unknown section", '{"steps": 3}', "mean train?"]),
        ("train.stesp=3", ["train.stesp: unknown key", "3", "mean train.steps?"]),
        ("train.num_bins=3", ["train.num_bins: unknown", "mean evaluate.num_bins?"]),
        ("train.widths=[3]", ["train.widths: unknown key", "build.network=vgg"]),
        ("export.name=a", ["export.name: unknown key", "no key"]),
        ("train.steps.x=1", ["train.steps: wrong type", '{"x": 1}', "int ≥ 1"]),
        ("train.steps='60'", ["train.steps: wrong type", '"60"', "int ≥ 1 or null"]),
        ("train.steps=60.0", ["train.steps: wrong type", "60.0", "int"]),
        ("train.eval_every=true", ["train.eval_every: wrong type", "true", "int"]),
        ("train.decay=true", ["train.decay: wrong type", "true", "float"]),
        ("train.decay=nan", ["train.decay: wrong type", "NaN", "float"]),
        ("train.steps=0", ["train.steps: out of range", "0", "int ≥ 1"]),
        ("train.label_smoothing=1", ["train.label_smoothing: out of range", "< 1"]),
        ("task.positive=null", ["task.positive: wrong type", "null", "str"]),
        ("task.positive=1", ["wrong type", 'quoted: "1"', "task.positive='\"1\"'"]),
        (
            "build.network=mpl",
            ["build.network: unknown", "linear, mlp, vgg", "mean mlp?"],
        ),
        ("build.network=3", ["build.network: wrong type", "3", "linear, mlp, vgg"]),
        ("train.loss=hing", ["train.loss: unknown choice", "logistic", "mean hinge?"]),
        (
            "train.loss=cross_entropy",
            ["not a loss of the task binary", "logistic, hin"],
        ),
        ("train.label_smoothing=0.1", ["train.label_smoothing", "logistic", "0.1"]),
        ("train.steps=null", ["train.steps", "exactly one", '"steps": null']),
        ("train.steps=100", ["train.steps", "100", "eval_every=60", "60 or 120"]),
        ("train.steps=50", ["train.steps", "50", "eval_every=60, so 60."]),
        ("task._target_=os.system", ["task._target_", "_target_ is refused"]),
        ("train.decay={a: {_target_: b}}", ["train.decay: _target_ is refused"]),
        ("task.positive=${oc.env:HOME}", ["task.positive", "${oc.env:HOME}"]),
        ("train.steps=1,2", ["train.steps: several values", "1,2", "one value"]),
        ("train.steps=range(1,5)", ["train.steps: several values", "range(1,5)"]),
        ("train.steps", ["cannot be read", "train.steps", "section.key=value"]),
        ("train.cut=[", ["cannot be read", "train.cut=[", "section.key=value"]),
        ("train.steps=(1)", ["train.steps: wrong type", '"(1)"', "int"]),
        ("train.steps=[1", ["cannot be read", "section.key=value"]),
        ("train={steps: 1, steps: 2}", ["cannot be read"]),
        ("build={a: &a [*a]}", ["cannot be read"]),
        ("build.x=[>x]", ["cannot be read", "in quotes"]),
        ("~train.steps", ["cannot be read", "~train.steps"]),
        ("~train.steps=3", ["cannot be read"]),
        ("train=3", ["train: not a section", "3", "train.key=value"]),
        ("=3", ["cannot be read", "section.key=value"]),
        ("experiment=base", ["experiment: unknown section"]),
        ("tracking.run.dir=x", ["tracking: unknown section"]),
        ("train@here=3", ["cannot be read"]),
    ],
)
def test_load_says_what_is_wrong_received_and_expected(root, override, parts):
    line = error(root, override)
    assert "(command line). Received: " in line and "Expected: " in line
    for part in parts:
        assert part in line


def test_load_gives_all_errors_at_once(root):
    found = errors(
        root,
        "trian.steps=3",
        "train.stesp=3",
        "train.decay=true",
        "build.network=mpl",
        "evaluate.num_bins=0",
        "train.steps=(",
        "ingest.language=${x}",
        "train.loss=cross_entropy",
    )
    assert len(found) == 8


def test_load_does_not_judge_the_keys_of_an_unknown_choice(root):
    assert "build.network: unknown choice" in error(root, "build.network=mpl")


def test_load_names_what_is_missing_and_its_meaning(root):
    recipe(root, "empty", "")
    found = errors(root, name="empty")
    assert [line.split(":")[0] for line in found] == [
        "task.name",
        "ingest.source",
        "build.network",
        "train.loss",
        "train.steps",
    ]
    assert "one of binary, multiclass" in found[0]


def test_load_names_the_layer_that_said_it(root):
    recipe(root, "child", "inherits: base\ntrain: {decay: true}")
    assert "(child.yaml:2)" in error(root, name="child")
    assert "(command line)" in error(root, "train.decay=false", name="child")


def test_load_gives_equal_floats_by_default_and_when_given(root):
    rows = root / "components" / "training" / "optimizers.py"
    rows.write_text(
        rows.read_text().replace("momentum: float = 0.9", "momentum: float = 0")
    )
    given = load(root, "train.optimizer=sgd", "train.momentum=0").to_yaml()
    assert load(root, "train.optimizer=sgd").to_yaml() == given


def test_load_refuses_an_override_of_a_whole_section_by_a_value(root):
    for overrides in (["train=3", "train.steps=60"], ["train.steps=60", "train=3"]):
        assert "train: not a section" in error(root, *overrides)


def test_load_refuses_both_lengths_in_one_layer(root):
    line = error(root, "train.steps=60", "train.epochs=1")
    assert "exactly one of train.steps and train.epochs" in line
    assert '{"steps": 60, "epochs": 1}' in line


def test_load_explains_a_language_that_yaml_reads_as_a_boolean(root):
    recipe(root, "norse", "inherits: base\ningest: {language: no}")
    line = error(root, name="norse")
    assert "ingest.language: wrong type (norse.yaml:2)" in line and "quote" in line
    assert load(root, "ingest.language=no").sections["ingest"]["language"] == "no"


def test_load_lists_the_known_recipes_and_the_nearest(root):
    line = error(root, name="bsae")
    assert "bsae" in line and "base, " in line and "Did you mean base?" in line


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("task: {}\ntrain: [", 2, ["cannot be read", "UTF-8"]),
        ("train: {loss: ${}", 1, ["cannot be read"]),
        ("train:\n\tloss: hinge", 2, ["cannot be read"]),
        ("train: {}\n---\ntask: {}", 2, ["cannot be read", "document"]),
        ("train: &a {loss: *a}", None, ["cannot be read"]),
        ("- train", None, ["not a recipe", "sections"]),
        ("just words", None, ["not a recipe", "just words", "sections"]),
        ("# one\ninherits: odd", 2, ["inherits itself", "odd → odd"]),
        ("# one\ninherits: bsae", 2, ["inherits no recipe", "Did you mean base?"]),
        ("inherits: [base]", 1, ["inherits", "['base']", "name of one recipe"]),
        ("inherits:", 1, ["inherits", "None", "name of one recipe"]),
        ("? !!python/name:os.system\n: 1", 1, ["cannot be read"]),
        ("train: {steps: !!timestamp x}", None, ["cannot be read"]),
        ("train: {steps: !!bool x}", None, ["cannot be read"]),
        ("train: {steps: !!int ''}", None, ["cannot be read"]),
        ("train: " + 2000 * "[", None, ["cannot be read"]),
        ("task: {name: \u0007}", None, ["cannot be read"]),
    ],
)
def test_load_refuses_a_file_that_is_no_recipe_with_path_and_line(
    root, text, line, parts
):
    path = recipe(root, "odd", text)
    found = error(root, name="odd")
    assert found.startswith(f"{path}:{line}: " if line else f"{path}: ")
    for part in ["Received: ", "Expected", *parts]:
        assert part in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# @package _global_\n#\n# A recipe.\ntask: {name: binary}", 1),
        ("# A recipe.\ndefaults: [base, _self_]\n", 2),
        ("# A recipe.\n\ndefaults:\n  - base\n  - _self_\n", 3),
        ("# @package _global_\ndefaults: [{override /x: y}, _self_]", 1),
    ],
)
def test_load_refuses_the_old_form_and_tells_the_new_one(root, text, line):
    path = recipe(root, "odd", text)
    found = error(root, name="odd")
    assert found.startswith(f"{path}:{line}: a recipe in the old form")
    assert text.splitlines()[line - 1] in found
    assert "`inherits: NAME` in place of `defaults: [NAME, _self_]`" in found
    assert "no `# @package` line" in found


def test_load_refuses_a_missing_file_and_one_that_is_not_utf_8(root):
    assert "no such file" in error(root, name=root / "missing.yaml")
    (root / "latin.yaml").write_bytes(b"# A recipe.\ntask: {name: \xe9}")
    found = error(root, name=root / "latin.yaml")
    assert found.startswith(f"{root / 'latin.yaml'}:2: cannot be read")


def test_load_names_the_line_of_every_error_at_once(root):
    recipe(root, "parent", "inherits: base\n\ntrain:\n  steps: 1.5\n")
    recipe(
        root,
        "child",
        """\
inherits: parent
trian: {steps: 3}
build:
  network: mlp
  # a comment
  mlp_dmi: 3
train:
  label_smoothing: 0.1
  label_smoothing: 1
ingest:
  language: no
  cut: ${x}
  cut: ";"
evaluate:
  num_bins: {a: {_target_: b}}
""",
    )
    found = errors(root, "task.positive=3", name="child")
    places = {line.split("(")[1].split(")")[0]: line for line in found if "(" in line}
    assert len(found) == 9 and len(places) == 7
    for place, words in {
        "parent.yaml:4": "train.steps: wrong type",
        "child.yaml:2": "trian: unknown section",
        "child.yaml:6": "build.mlp_dmi: unknown key",
        "child.yaml:9": "train.label_smoothing: out of range",
        "child.yaml:11": "ingest.language: wrong type",
        "child.yaml:15": "evaluate.num_bins: _target_ is refused",
        "command line": "task.positive: wrong type",
    }.items():
        assert places[place].startswith(words)
    for line in (9, 13):
        (twice,) = [text for text in found if f"child.yaml:{line}: duplicate" in text]
        assert "Expected: each key once" in twice


def test_load_reads_anchors_and_merge_keys_with_the_lines_of_their_keys(root):
    text = (
        "inherits: base\ntrain: &a\n  steps: 60\n  decay: true\nevaluate:\n  <<: *a\n"
    )
    recipe(root, "merged", text)
    found = errors(root, name="merged")
    assert [line.split(".")[0] for line in found].count("evaluate") == 2
    assert "train.decay: wrong type (merged.yaml:4)" in found[0]
    assert "evaluate.steps: unknown key (merged.yaml:3)" in found[1]
    text = "inherits: base\nbuild: {<<: &b {dropout: 0.3}, mlp_dim: 8}\n"
    recipe(root, "merged", text)
    build = load(root, name="merged").sections["build"]
    assert (build["dropout"], build["mlp_dim"]) == (0.3, 8)


@pytest.mark.parametrize(
    "text",
    [
        "1: {2: 3}",
        "evaluate:",
        "tracking: {run: 3}",
        "train: 3",
        "train: [1]",
        "train: {1: 2}",
        "train: {steps: 2026-01-01}",
        "task: {name: !!binary aGk=}",
        "task: {name: [binary]}",
        "task: {name: null}",
        "task: {positive: '???'}",
        "_target_: os.system",
    ],
)
def test_load_has_no_other_error_than_its_own(root, text):
    recipe(root, "odd", f"inherits: base\n{text}")
    errors(root, name="odd")


def test_load_of_a_broken_section_keeps_to_its_own_errors(root):
    recipe(root, "odd", "inherits: base\ntrain: 3")
    found = error(root, "train.epochs=3", name="odd")
    assert found.startswith("train: not a section (odd.yaml:2)")


# The shipped recipes, and the promise of speed.


def test_load_wants_a_vocab_size_with_sentencepiece_only(tmp_path):
    pieces, size = "task.tokenizer=sentencepiece", "task.vocab_size=500"

    def load(*overrides):
        return configs.load("kjv", list(overrides), tmp_path, schema.COMPONENTS)

    assert load(pieces, size).sections["task"]["vocab_size"] == 500
    assert load().sections["task"]["vocab_size"] is None
    for given, parts in (
        ([pieces], ["task.vocab_size: missing", "Received: nothing"]),
        ([size], ["no use with the tokenizer characters", "500", "Expected: null"]),
        (["task.tokenizer=words", size], ["task.tokenizer: unknown choice"]),
    ):
        with pytest.raises(configs.ConfigError) as caught:
            load(*given)
        (line,) = caught.value.errors
        assert all(part in line for part in parts)


@pytest.mark.parametrize(
    ("name", "overrides", "parts"),
    [
        (
            "libreoffice_en_de",
            ["train.batch_tokens=null"],
            ["train.batch_tokens: missing", "Received: null", "tokens of a step"],
        ),
        (
            "kjv",
            ["train.batch_tokens=4096"],
            ["train.batch_tokens: of no use for the task language", "Received: 4096"],
        ),
        (
            "digits",
            ["train.batch_tokens=4096"],
            ["train.batch_tokens: of no use for the task multiclass", "null"],
        ),
        (
            "libreoffice_en_de",
            ["task.vocab_size=null"],
            ["task.vocab_size: missing", "number of tokens"],
        ),
        (
            "libreoffice_en_de",
            ["task.tokenizer=bytes"],
            ["task.vocab_size: of no use with the tokenizer bytes", "Expected: null"],
        ),
        (
            "libreoffice_en_de",
            ["task.max_length=1"],
            ["task.max_length: out of range", "Received: 1"],
        ),
        (
            "libreoffice_en_de",
            ["evaluate.beam_size=17"],
            ["evaluate.beam_size: out of range", "Received: 17"],
        ),
    ],
)
def test_load_says_what_a_task_needs(tmp_path, name, overrides, parts):
    with pytest.raises(configs.ConfigError) as caught:
        configs.load(name, overrides, tmp_path, schema.COMPONENTS)
    (line,) = caught.value.errors
    assert all(part in line for part in parts)


def test_load_of_every_shipped_recipe(tmp_path):
    known = configs.recipes(tmp_path)
    assert {"breast_cancer", "digits"} <= set(known)
    for name in known:
        assert configs.load(name, [], tmp_path).dropped == []


@pytest.mark.heavy
def test_load_imports_no_component():
    program = (
        "import sys; from phistar.pipeline.config import load;"
        "load.load('digits', ['train.epochs=2'], '.');"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=schema.COMPONENTS.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    ours = {name for name in modules if name.startswith("phistar.components.")}
    assert ours <= {"phistar.components.progress"}
    assert not {"keras", "tensorflow", "mlflow", "numpy"} & modules


def test_a_task_that_does_not_exist_is_one_error(tmp_path):
    """Nothing is said of keys that only a known task could judge."""
    with pytest.raises(configs.ConfigError) as caught:
        configs.load("libreoffice_en_de", ["task.name=translaton"], tmp_path)
    (error,) = caught.value.errors
    assert error.startswith("task.name: ") and "translation" in error
