"""The pages as texts: links, sentences, README's length, and the reference as it is."""

import re
import sys

import pytest

from tests.docs.pages import MADE, PAGES
from tests.helpers.commands import CODE
from tests.helpers.words import MAX_WORDS, sentences

sys.path.append(str(CODE / "docs"))

import lines  # noqa: E402  docs/ is no package
import reference  # noqa: E402
import site_pages  # noqa: E402

HAND = [page for page in PAGES if not page.endswith(MADE)]
# of measurements and of what was tried: tables of numbers
NOTES = ["bench/README.md", "bench/gpu.md", "bench/not_met.md", "bench/profiles.md"]


def slugs(text):
    """Anchors of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-")
        for head in heads
    }


def wrong_links(page):
    """Links of a page that lead nowhere.  -> list of str"""
    file, wrong = CODE / page, []
    for link in site_pages.links(file.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, mark = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if (
            not target.is_file()
            or CODE not in target.parents
            or (
                mark
                and target.suffix == ".md"
                and mark not in slugs(target.read_text("utf-8"))
            )
        ):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", [*PAGES, *NOTES])
def test_every_link_leads_to_a_file_and_a_heading(page):
    assert wrong_links(page) == []


@pytest.mark.parametrize("page", HAND)
def test_a_link_to_a_line_of_code_is_where_its_name_is_defined(page):
    assert lines.renewed(CODE / page) == (CODE / page).read_text("utf-8"), (
        "python docs/lines.py renews the numbers"
    )


@pytest.mark.parametrize("page", HAND)
def test_sentences_are_short(page):
    text = (CODE / page).read_text("utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"^(\||    |#).*$", "", text, flags=re.M)  # tables, code, headings
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"^(\d+\.|- )", "\n", text, flags=re.M)
    long = [s for s in sentences(text) if len(s.split()) > MAX_WORDS]
    assert long == []


def test_readme_is_short_and_holds_its_promises():
    text = (CODE / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    promises = re.findall(r"^\d\. .*\]\((tests/\S+)\)\.$", text, re.M)
    assert len(promises) == 6


def test_every_page_is_in_the_sites_contents():
    contents = (CODE / "docs" / "zensical.toml").read_text("utf-8")
    places = {place.as_posix() for place in site_pages.pages().values()}
    assert set(re.findall(r'"(\S+\.md)"', contents)) == places


@pytest.mark.parametrize("name", ["keys", "commands", "exit_statuses"])
def test_reference_is_that_of_the_code(name):
    file = reference.FOLDER / f"{name.replace('_', '-')}.md"
    assert file.read_text("utf-8") == getattr(reference, name)(), "make pictures"


def test_keys_of_the_reference_are_those_of_show():
    """A page that is made from nothing would be current too."""
    text = (reference.FOLDER / "keys.md").read_text("utf-8")
    for key in ("train.steps", "build.mlp_dim", "ingest.label", "evaluate.beam_size"):
        assert f"| `{key}` |" in text


def test_gathered_pages_hold_what_links_lead_to(tmp_path):
    site_pages.gather(tmp_path / "pages")
    page = (tmp_path / "pages" / "explanation" / "equations.md").read_text("utf-8")
    target, line = re.search(
        r"\[`hinge`\]\(([^)#]+)#__codelineno-0-(\d+)\)", page
    ).groups()
    code = (tmp_path / "pages" / "explanation" / target).read_text("utf-8")
    shown = code.split('linenums="1" }\n')[1].splitlines()
    assert shown[int(line) - 1].startswith("def hinge(")
    start = (tmp_path / "pages" / "start.md").read_text("utf-8")
    assert "``` { .sh .wrapped }\n" in start and "```sh" not in start


def test_an_asset_from_elsewhere_is_found(tmp_path):
    link = '<a href="https://example.org">a link is no asset</a>'
    (tmp_path / "one.html").write_text(f'<link rel="icon" href="x.png">{link}')
    assert site_pages.outside(tmp_path) == []
    (tmp_path / "two.html").write_text('<script src="//example.org/x.js"></script>')
    assert site_pages.outside(tmp_path) == ["two.html: //example.org/x.js"]
