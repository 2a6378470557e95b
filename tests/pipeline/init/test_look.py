"""What `init` takes files for: reasons, doubts as questions, and refusals."""

import glob
from pathlib import Path

import pytest

from phistar.pipeline.config.load import load
from phistar.pipeline.init import paths
from phistar.pipeline.init.command import init
from phistar.pipeline.init.language import language
from tests.helpers import written

TEXTS = {
    "en": "The house by the river was sold again, and nobody knew the new owner.",
    "de": "Das Haus am Fluss wurde wieder verkauft, und niemand kannte den Käufer.",
    "fr": "La maison près de la rivière a été vendue, et qui est l’acheteur ?",
    "ru": "Дом у реки снова продали, и никто не знал нового владельца.",
    "ja": "川のそばの家はまた売られたが、新しい持ち主を知る人はいなかった。",
}


def made(tmp_path, *data, label=None):
    """What `init` says of files: found, questions, and the recipe's sections."""
    root = tmp_path / "root"
    said = init(root, list(map(str, data)), label, "one")
    return " | ".join(said["found"]), said["questions"], load("one", [], root).sections


@pytest.mark.parametrize("code", TEXTS)
def test_the_language_of_texts_is_told(code):
    found = language([TEXTS[code]] * 3)
    assert found.code == code and found.sure


def test_no_language_is_guessed_and_a_mixture_is_doubtful():
    for texts in ([], ["", "1 2 3"], ["12.5;7.25;-3\n" * 50], ["ok"]):
        assert str(language(texts)) == "in no language that can be told"
    mixed = language([TEXTS[code] * 3 for code in ("en", "en", "en", "de", "de")])
    assert not mixed.sure and mixed.name == ""
    assert str(mixed).startswith("perhaps English (") and "others German" in str(mixed)


def sides(tmp_path, **lines):
    """Files called train.NAME, of ten lines each.  -> list of Path"""
    return [
        written.lines(tmp_path / f"train.{name}", [f"{text} {n}" for n in range(10)])
        for name, text in lines.items()
    ]


def test_both_languages_of_pairs_are_told_and_mixed_up_names_asked_about(tmp_path):
    files = sides(tmp_path, en=TEXTS["en"], de=TEXTS["de"])
    found, asked, _ = made(tmp_path / "a", *files)
    assert "the source, train.en: English (100% of" in found
    assert asked[0].endswith("are these the sentences to translate?")
    files = sides(tmp_path, en=TEXTS["de"], de=TEXTS["en"])
    _, asked, _ = made(tmp_path / "b", *files)
    assert len(asked) == 2
    assert "train.en has the name of English, and reads like German" in asked[0]
    files = sides(tmp_path, one=TEXTS["en"], two=TEXTS["en"])
    _, asked, _ = made(tmp_path / "c", *files)
    assert "both sides are English: is one the translation?" in asked[1]


def test_another_encoding_is_written_into_the_recipe_with_a_word_to_judge(tmp_path):
    rows = written.shop(90, 0)
    table = written.table(tmp_path / "latin.csv", rows)
    _, asked, sections = made(tmp_path / "a", table, label="gekündigt")
    assert sections["ingest"]["encoding"] == "windows-1252"
    assert any("is this a word, 'gekündigt'" in ask for ask in asked)
    text = tmp_path / "letters.txt"
    text.write_bytes("Zürich\nKöln\nMünchen\n".encode("cp1252") * 9)
    _, asked, sections = made(tmp_path / "b", text)
    assert sections["ingest"]["encoding"] == "windows-1252"
    assert any("is this a word, 'Zürich'" in ask for ask in asked)
    text.write_text("Zürich\nKöln\nMünchen\n" * 9, "utf-16")
    assert made(tmp_path / "c", text)[2]["ingest"]["encoding"] is None


def test_names_of_files_tell_their_split():
    names = ["train.csv", "shop-TEST-2024.csv", "my_dev.csv", "contest.csv", "a.csv"]
    found = paths.by_split(list(map(Path, names)))
    told = {split: [path.name for path in files] for split, files in found.items()}
    assert told == {
        "train": ["train.csv", "contest.csv", "a.csv"],
        "test": ["shop-TEST-2024.csv"],
        "valid": ["my_dev.csv"],
    }


def test_several_files_are_a_pattern_that_names_no_other(tmp_path):
    folder = tmp_path / "data [1]"
    folder.mkdir()
    files = [folder / f"part-{n}.csv" for n in range(3)]
    for file in (*files, folder / "notes.txt"):
        file.write_text("x")
    pattern = paths.together(files)
    assert sorted(map(Path, glob.glob(pattern))) == files
    with pytest.raises(ValueError, match="no pattern names.*pattern in quotes"):
        paths.together(files[:2])
    with pytest.raises(ValueError, match="no such file.*a pattern in quotes"):
        paths.files_of([str(folder / "*.csv")])
    with pytest.raises(ValueError, match="no file to train on.*of test"):
        paths.lines_of(paths.by_split([folder / "test.csv"]))


def test_a_number_far_from_all_others_is_asked_about(tmp_path):
    lines = ["size,count,y"]
    for n in range(60):
        size = -999 if n % 10 == 0 else n / 7
        lines.append(f"{size},{n % 13},{'no' if n % 3 else 'yes'}")
    file = tmp_path / "t.csv"
    file.write_text("\n".join(lines) + "\n")
    _, asked, sections = made(tmp_path, file)
    assert any('ingest.missing=["-999"]: do these numbers' in ask for ask in asked)
    assert sections["ingest"]["missing"] == []  # a question, not an answer


def test_texts_with_labels_have_no_columns_to_predict_from(tmp_path):
    rows = [{"text": f"{TEXTS['en']} {n}", "label": "ab"[n % 2]} for n in range(40)]
    file = written.table(tmp_path / "t.jsonl", rows)
    with pytest.raises(ValueError, match="no column to predict 'label' from.*'text'"):
        made(tmp_path, file)


def test_images_without_labels_are_refused_and_with_two_kinds_asked_about(tmp_path):
    folder = tmp_path / "photos"
    rows = written.in_folders(folder, written.pictures(12, 0))
    written.table(folder / "labels.csv", rows)
    _, asked, sections = made(tmp_path / "a", folder)
    assert sections["ingest"]["source"] == "image_folder"
    assert any("labels.csv names images too" in ask for ask in asked)
    _, _, sections = made(tmp_path / "b", folder, label="what")
    assert sections["ingest"]["images"] == "file"
    with pytest.raises(ValueError, match="images without labels.*not two folders"):
        made(tmp_path / "c", folder / "dark")
    (folder / rows[0]["file"]).unlink()
    with pytest.raises(ValueError, match="an image that is not there"):
        made(tmp_path / "d", folder / "labels.csv")
