"""YAML values, in files and on the command line: the odd ones, one row each."""

import math
from pathlib import Path

import pytest
import yaml

from phistar.pipeline.config import parse

REFUSED = object()
SAME = object()  # on the command line as in a file
# written, its value in a file, its value on the command line
VALUES = [
    # floats of YAML 1.2, where 1.1 sees texts
    ("1e-3", 0.001, SAME),
    ("1E5", 1e5, SAME),
    ("+1e5", 1e5, SAME),
    ("-1e5", -1e5, SAME),
    ("1.e3", 1000.0, SAME),
    ("1.5e3", 1500.0, SAME),
    (".5", 0.5, SAME),
    ("-.5", -0.5, SAME),
    (".5e1", 5.0, SAME),
    ("1.", 1.0, SAME),
    ("1e400", math.inf, SAME),
    (".inf", math.inf, SAME),
    ("-.inf", -math.inf, SAME),
    ("inf", "inf", math.inf),
    ("1_000.5", 1000.5, SAME),
    ("1e", "1e", SAME),
    (".e5", ".e5", SAME),
    (".", ".", SAME),
    # integers
    ("+1", 1, SAME),
    ("-0", 0, SAME),
    ("1_000", 1000, SAME),
    ("_6", "_6", SAME),
    ("08", "08", SAME),
    ("017", 15, "017"),
    ("0x1F", 31, "0x1F"),
    ("0o17", "0o17", SAME),
    ("0b11", 3, "0b11"),
    ("1:30", 90, "1:30"),
    ("1:30.5", 90.5, "1:30.5"),
    # dates are texts
    ("2020-01-01", "2020-01-01", SAME),
    ("2001-12-14 21:59:43", "2001-12-14 21:59:43", SAME),
    # booleans and null
    ("true", True, SAME),
    ("FALSE", False, SAME),
    ("tRue", "tRue", True),
    ("no", False, "no"),
    ("Off", False, "Off"),
    ("yes", True, "yes"),
    ("on", True, "on"),
    ("n", "n", SAME),
    ("null", None, SAME),
    ("~", None, SAME),
    ("None", "None", SAME),
    ("", None, ""),
    # quotes, lists, mappings
    ('"60"', "60", SAME),
    ("'no'", "no", SAME),
    ("'a''b'", "a'b", SAME),
    (r'"a\"b"', 'a"b', SAME),
    (r"'\t'", r"\t", SAME),
    ('"a,b (c)"', "a,b (c)", SAME),
    ("[no, 'no', 1e-3]", [False, "no", 0.001], ["no", "no", 0.001]),
    ('[block1_1, "block3_?", dense_*]', ["block1_1", "block3_?", "dense_*"], SAME),
    ("{a: [1, {b: 2}]}", {"a": [1, {"b": 2}]}, SAME),
    ("[1", REFUSED, SAME),
    ('"a', REFUSED, SAME),
    # words
    ("a  b", "a  b", SAME),
    ("a=b", "a=b", SAME),
    ("http://x/y?z=1", "http://x/y?z=1", SAME),
    (r"C:\x", r"C:\x", SAME),
    ("~/x", "~/x", SAME),
    ("日本", "日本", SAME),
    ("${x}", "${x}", SAME),
    ("x (1).csv", "x (1).csv", SAME),
    ("a: b", REFUSED, "a: b"),
    ("*.csv", REFUSED, "*.csv"),
    ("@x", REFUSED, "@x"),
    ("|", "", "|"),
    ("a #b", "a", "a #b"),
    ("!!int 3", 3, "!!int 3"),
    ("!a", REFUSED, "!a"),
    ("!!python/name:os.system", REFUSED, "!!python/name:os.system"),
]
TEXTS = [text for text, _, _ in VALUES] + ["a\nb", "\u0085", " a ", "#", "é\t", "- a"]


def typed(value):
    """The value with the type of each part, so that 1, 1.0 and True differ."""
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return type(value), value


def assert_is(expected, read, argument):
    if expected is REFUSED:
        with pytest.raises(parse.Unreadable):
            read(argument)
    else:
        assert typed(read(argument)) == typed(expected)


@pytest.mark.parametrize(("text", "in_file", "typed_in"), VALUES)
def test_value_of_a_file_and_of_the_command_line(text, in_file, typed_in):
    raw = f"a:\n  b: {text}\n".encode()
    assert_is(in_file, lambda raw: parse.document(raw).data["a"]["b"], raw)
    assert_is(in_file if typed_in is SAME else typed_in, parse.value, text)


@pytest.mark.parametrize("text", TEXTS)
def test_dump_quotes_what_would_be_read_as_another_value(text):
    data = {"train": {"x": text, "y": [text]}}
    assert parse.document(parse.dump(data).encode()).data == data


@pytest.mark.parametrize("number", [1e-3, 1e-5, 1e22, 0.1, 5e-324, 3, -7, True, None])
def test_dump_keeps_the_type_of_a_number(number):
    written = parse.dump({"a": {"b": number}}).encode()
    assert typed(parse.document(written).data["a"]["b"]) == typed(number)


def test_document_gives_the_line_of_each_key_and_the_repeated_ones():
    text = b"# head\na:\n  x: 1\n\n  y: 2\nb: {x: 1, x: 2}\na: 3\n"
    read = parse.document(text)
    assert read.data == {"a": 3, "b": {"x": 2}}
    assert read.lines == {"a": 7, "a.x": 3, "a.y": 5, "b": 6, "b.x": 6}
    assert sorted(read.twice) == [("a", 7), ("x", 6)]


def test_document_agrees_with_pyyaml_on_the_shipped_recipes():
    folder = Path(__file__).parents[3] / "conf" / "experiment"
    for path in folder.glob("*.yaml"):
        read = parse.document(path.read_bytes())
        assert read.data == yaml.safe_load(path.read_text("utf-8"))
        assert not read.twice


def doubled(first, form):
    """A few lines of aliases of aliases."""
    lines, last = [f"a: &a {first}"], "a"
    for name in "bcdefghij":
        lines.append(f"{name}: &{name} {form % ','.join([f'*{last}'] * 9)}")
        last = name
    return "\n".join(lines)


HUGE = {
    "aliases": doubled("[x, x]", "[%s]"),
    "merged aliases": doubled("{x: 1}", "{<<: [%s]}"),
    "an alias of itself": "a: &a [*a]",
    "deep brackets": "a: " + "[" * 5000,
    "deep braces": "a: " + "{a: " * 5000,
    "a long file": "a: 1\n" * 60_000,
}


@pytest.mark.parametrize("name", HUGE)
def test_text_that_stands_for_far_more_is_refused_at_once(name):
    with pytest.raises(parse.Unreadable, match=r"more than \d"):
        parse.document(HUGE[name].encode())


@pytest.mark.parametrize("text", ["{a: &a [*a]}", "[" * 5000, doubled("[1]", "[%s]")])
def test_value_that_stands_for_far_more_is_refused_at_once(text):
    flow = "{" + text.replace("\n", ", ") + "}" if "\n" in text else text
    with pytest.raises(parse.Unreadable):
        parse.value(flow)


def test_few_aliases_are_plain_yaml():
    text = b"a: &a {b: 1}\nc: {<<: *a, d: 2}\ne: *a\n"
    assert parse.document(text).data["c"] == {"b": 1, "d": 2}
