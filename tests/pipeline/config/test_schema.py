"""The schema read from source text is the signature that Python sees."""

import importlib
import inspect
from typing import Annotated, Literal, get_type_hints

import pytest
from pydantic import Field

from phistar.components.tasks.base import Task
from phistar.pipeline.config import choices, schema

KINDS = '''
from typing import Annotated, Literal
from pydantic import Field

def run(
    task,
    log,
    *,
    count: Annotated[int, Field(ge=1)],
    share: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    flag: bool = False,
    loss: Literal["logistic", "hinge"] = "hinge",
    seed: int | None = None,
    limit: Annotated[int, Field(ge=0)] | None = -1,
    widths: tuple[int, ...] = (3, 4),
    size: tuple[int, float] = (1, 2.0),
    name: str = "a: b",
    **options,
):
    """First line.

    More text: not an argument.

    Args:
        task: not a key.
        count: how many
            them: exactly.
        share: part of it.

    Returns:
        size: not this one.
    """
'''


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def annotated(path, text):
    """The type of the one key of a function annotated so."""
    return schema.signature(write(path, f"def run(*, key: {text}): 0"), "run").keys[
        "key"
    ]


def assert_same(keys, function):
    """The keys are the keyword-only arguments of `function`, as inspect gives them."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    expected = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert list(keys) == [p.name for p in expected]
    for parameter in expected:
        key = keys[parameter.name]
        assert repr(key.type) == repr(hints[parameter.name])
        required = parameter.default is parameter.empty
        assert key.default == (schema.REQUIRED if required else parameter.default)


def test_signature_is_what_python_sees(tmp_path):
    found = schema.signature(write(tmp_path / "kinds.py", KINDS), "run").keys
    namespace = {}
    exec(KINDS, namespace)  # the reference: Python itself
    assert_same(found, namespace["run"])


def test_signature_reads_the_meanings_of_args_only(tmp_path):
    keys = schema.signature(write(tmp_path / "kinds.py", KINDS), "run").keys
    assert keys["count"].meaning == "how many them: exactly."
    assert keys["share"].meaning == "part of it."
    assert keys["size"].meaning == ""


def test_signature_of_a_class_is_that_of_its_init(tmp_path):
    source = '''
class Binary(Task):
    """The binary task.

    Args:
        positive: the label that is +1.
    """

    losses = ("logistic", "hinge")

    def __init__(self, space=None, *, positive: str | None = None): 0
'''
    found = schema.signature(write(tmp_path / "binary.py", source), "Binary")
    assert found.losses == ("logistic", "hinge")
    assert found.summary == "The binary task."
    assert found.keys == {
        "positive": schema.Key("positive", str | None, None, "the label that is +1.")
    }


def test_signature_of_a_class_without_init_is_that_of_its_base(tmp_path):
    source = '''
class Wide(Elsewhere):
    """The base.

    Args:
        width: of it.
    """

    def __init__(self, *, width: int = 3): 0

class Wider(Wide):
    """The subclass."""

class Other(Elsewhere):
    """Another one."""
'''
    path = write(tmp_path / "wide.py", source)
    found = schema.signature(path, "Wider")
    assert found.summary == "The subclass."
    assert found.keys == {"width": schema.Key("width", int, 3, "of it.")}
    assert schema.signature(path, "Other").keys == {}


@pytest.mark.parametrize(
    "text",
    [
        "list[int]",
        "object",
        "'int'",
        "print('run me')",
        "Annotated[int, Field(default=3)]",
        "Annotated[int, 'positive']",
        "int = len('abc')",
        "int = {}",
    ],
)
def test_signature_refuses_what_is_outside_the_list_with_file_and_line(tmp_path, text):
    path = tmp_path / "odd.py"
    with pytest.raises(TypeError, match=r"odd\.py:1: the argument `key`"):
        annotated(path, text)


def test_signature_refuses_a_key_without_a_type(tmp_path):
    path = write(tmp_path / "odd.py", "def run(log, *,\n  steps=3): 0")
    with pytest.raises(TypeError, match=r"odd\.py:2: .*Received: nothing"):
        schema.signature(path, "run")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "int"),
        (int | None, "int or null"),
        (Annotated[int, Field(ge=1)] | None, "int ≥ 1 or null"),
        (Annotated[float, Field(gt=0, lt=1)], "float > 0 and < 1"),
        (Literal["hinge", "logistic"], "one of hinge, logistic"),
        (tuple[int, ...], "list of int"),
        (tuple[int, float], "[int, float]"),
    ],
)
def test_type_text(kind, words):
    assert schema.type_text(kind) == words


def test_section_adds_the_keys_of_the_choice(tmp_path):
    components = tmp_path / "components"
    write(
        components / "build.py",
        "def run(log, *, network: str, seed: int = 7, **options): 0",
    )
    write(
        components / "networks" / "__init__.py",
        "def network(name):\n"
        "    match name:\n"
        "        case 'mlp':\n"
        "            from phistar.components.networks.mlp import mlp\n"
        "            return mlp\n"
        "        case 'linear':\n"
        "            from phistar.components.networks.linear import linear\n"
        "            return linear\n",
    )
    write(
        components / "networks" / "mlp.py",
        "def mlp(shape, *, seed: int = 0, mlp_dim: int = 64): 0",
    )
    write(components / "networks" / "linear.py", "def linear(shape): 0")
    assert schema.names("build", components) == ["mlp", "linear"]
    assert list(schema.section("build", None, components)) == ["network", "seed"]
    assert list(schema.section("build", "linear", components)) == ["network", "seed"]
    keys = schema.section("build", "mlp", components)
    assert set(keys) == {"network", "seed", "mlp_dim"}
    assert keys["seed"].default == 7  # the stage's own


def real_signatures():
    """(file, symbol) of every stage and of everything a chooser can pick."""
    for stage in schema.SECTIONS[1:]:
        yield schema.COMPONENTS / f"{stage}.py", "run"
    for name in schema.CHOOSERS:
        table = (
            schema.COMPONENTS.parent / choices.TABLES[f"{name}.{schema.CHOOSERS[name]}"]
        )
        for choice in choices.names(table):
            yield choices.chosen(table, choice)


@pytest.mark.parametrize(
    ("path", "symbol"), [pytest.param(*s, id=s[1]) for s in real_signatures()]
)
def test_signature_of_the_components_is_what_python_sees(path, symbol):
    module = ".".join(path.relative_to(schema.COMPONENTS.parent).with_suffix("").parts)
    function = getattr(
        importlib.import_module(module.removesuffix(".__init__")), symbol
    )
    if inspect.isclass(function):
        found = schema.signature(path, symbol)
        assert found.losses == (function.losses if issubclass(function, Task) else ())
        function = function.__init__
    assert_same(schema.signature(path, symbol).keys, function)


def test_every_key_of_the_components_has_a_meaning():
    without = [
        f"{path.name}:{symbol} {key.name}"
        for path, symbol in real_signatures()
        for key in schema.signature(path, symbol).keys.values()
        if not key.meaning
    ]
    assert without == []
