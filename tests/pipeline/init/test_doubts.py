"""What `init` asks of cells: words among numbers, and numbers that are names."""

import random

import pytest

from phistar.components.data.sources.table import table
from phistar.pipeline.config.load import load
from phistar.pipeline.init.command import init


@pytest.fixture
def made(tmp_path):
    """Function of columns -> (the recipe's section `ingest`, the questions)."""

    def write(**columns):
        draw, lines = random.Random(0), [",".join([*columns, "y"])]
        for row in range(120):
            cells = [str(of[row % len(of)]) for of in columns.values()]
            lines.append(",".join([*cells, draw.choice("ab")]))
        (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
        answer = init(tmp_path, [str(tmp_path / "t.csv")], "y", None)
        return load("t", [], tmp_path).sections["ingest"], answer["questions"]

    return write


def test_a_word_among_numbers_is_asked_about_and_ingest_takes_the_file(made):
    found, asked = made(days=[*range(9), "k.A."], size=[1.5, 2.5, "unbekannt", "k.A."])
    assert set(found["missing"]) == {"k.A.", "unbekannt"}
    assert any("do these words say" in line for line in asked)
    keys = {key: found[key] for key in ("path", "label", "missing")}
    source = table(**keys)
    pieces = list(next(iter(source.read().values())))
    assert list(pieces[0].inputs) == ["days", "size"]
    assert {notice.count for notice in source.notices.found()} >= {12, 30}


@pytest.mark.parametrize("words", [["x1", "x2", "x3", "x4"] * 2, ["1O3"]])
def test_many_words_or_a_single_slip_stay_for_ingest_to_refuse(made, words):
    found, asked = made(days=[*range(120 - len(words)), *words])
    assert not found["missing"]
    assert not any("ingest.missing" in line for line in asked)


def test_numbers_that_begin_with_0_or_are_called_a_postcode_are_asked_about(made):
    _, asked = made(
        town=["01067", "80331"], PLZ=[10115, 80331], size=[0, 10, 0.5], count=[0, 10]
    )
    (line,) = [line for line in asked if line.startswith("ingest.categorical")]
    assert "like a postcode" in line
    recipe = made.__closure__[0].cell_contents / "conf" / "experiment" / "t.yaml"
    assert "# categorical: [town, PLZ]" in recipe.read_text()
