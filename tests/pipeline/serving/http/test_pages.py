"""The pages of a server, in a browser that may load nothing from elsewhere."""

import base64
import json

import pytest

from tests.helpers.browser import asked, browser, find, text, wait
from tests.helpers.browser import show as shown
from tests.helpers.pages import Page

# seconds without a change; these pages are whole when they come, but for /docs
CALM = 0.2
# a page that is too wide for a phone is a fault; the wide window has slow tests
WIDTHS = (pytest.param(1440, marks=pytest.mark.slow), 400)


@pytest.fixture(scope="module")
def chromium(served, tmp_path_factory):
    """The browser."""
    folder = tmp_path_factory.mktemp("browser")
    with browser(folder, served["shop"].address) as made:
        yield made


@pytest.fixture
def driver(chromium):
    """The browser, whose log begins here."""
    asked(chromium)
    return chromium


def show(driver, address, width=1440):
    """Open a page."""
    shown(driver, address, width, calm=CALM)


def fill(driver, field, value):
    """Put a value into a field of the form."""
    element = find(driver, f"//*[@data-{field}]")
    if field.startswith("file"):
        return element.send_keys(str(value))
    element.clear()
    element.send_keys(value)


def choose(driver, signature):
    """Choose a signature."""
    find(driver, f"//select[@id='signature']/option[.='{signature}']").click()


def answered(driver, words=""):
    """Press the button, and read the answer: one that holds these words."""
    find(driver, "//form//button").click()
    answer = find(driver, "//div[@id='answer']")
    return wait(driver, lambda: words in answer.text and answer.text != "…") and answer


def whole(answer):
    """The whole answer, as JSON."""
    answer.find_element("xpath", ".//summary").click()
    return json.loads(answer.find_element("xpath", ".//pre").text)


def fits(driver, width):
    """The page is no wider than its window."""
    script = "return document.documentElement.scrollWidth"
    assert driver.execute_script(script) <= width


def stays(driver, server):
    """Every address that was asked is the server's own, or data."""
    addresses = asked(driver)
    assert any(address.startswith(server.address) for address in addresses)
    for address in addresses:
        own = (server.address, "data:", "about:blank", "blob:")
        assert address.startswith(own), address


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("recipe", ["shop", "digits", "kjv"])
def test_every_page_fits_and_asks_no_other_address(driver, served, recipe, width):
    server = served[recipe]
    for path in ("/", "/docs", "/card"):
        show(driver, f"{server.address}{path}", width)
        fits(driver, width)
        elements = Page(server.get(path)[2]).elements
        links = [one.get("href") or one.get("src") for _, one in elements]
        assert all(
            link[0] in "/#" or link.startswith("data:") for link in links if link
        )
    show(driver, server.address, width)
    page = text(driver)
    origin = json.loads((server.folder / "assets.extra" / "origin.json").read_text())
    for word in (recipe, "version 1", origin["run_id"], server.contract["verdict"]):
        assert word in page
    for signature in server.contract["signatures"]:
        assert signature in page
    stays(driver, server)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_form_of_a_table_asks_with_its_columns(driver, served, width):
    server = served["shop"]
    show(driver, server.address, width)
    towns = driver.find_elements("xpath", "//datalist/option")
    assert [t.get_attribute("value") for t in towns] == ["<b>Rom", "Köln", 'quo"te']
    fill(driver, "number='size'", "3.5")
    fill(driver, "text='town'", "<b>Rom")
    answer = answered(driver, "P(yes)")
    inputs = {"size": [3.5], "town": ["<b>Rom"]}
    expected = server.post({"inputs": inputs, "params": {"signature": "predict"}})
    assert [whole(answer)] == expected[1]["predictions"]
    fill(driver, "number='size'", "")  # missing
    choose(driver, "log_prob")
    find(driver, "//select[@data-text='label']/option[.='no']").click()
    answer = answered(driver, "ln P")
    inputs = {"size": [None], "town": ["<b>Rom"], "label": ["no"]}
    expected = server.post({"inputs": inputs, "params": {"signature": "log_prob"}})
    assert [whole(answer)] == expected[1]["predictions"]
    fits(driver, width)
    stays(driver, server)


def test_a_mistake_in_the_form_is_said_on_the_page(driver, served):
    server = served["shop"]
    show(driver, server.address)
    fill(driver, "number='size'", "1,5")
    assert "size must be a number. Received: 1,5." in answered(driver, "size").text
    fill(driver, "number='size'", "1e39")
    assert "size must hold finite numbers" in answered(driver, "finite").text
    fill(driver, "number='size'", "1")
    choose(driver, "sample")
    fill(driver, "knob='temperature'", "0")
    assert "temperature must be in" in answered(driver, "temperature").text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_form_of_images_sends_a_file(driver, served, tmp_path, width):
    server = served["digits"]
    golden = server.folder / "assets.extra" / "golden" / "predict.request.json"
    image = json.loads(golden.read_text())["inputs"]["image"][0]["b64"]
    (tmp_path / "seven.png").write_bytes(base64.b64decode(image))
    show(driver, server.address, width)
    assert "image needs a file" in answered(driver, "image").text
    fill(driver, "file='image'", tmp_path / "seven.png")
    answer = answered(driver, "P(")
    expected = server.post({"inputs": [image]})
    assert [whole(answer)] == expected[1]["predictions"]
    stays(driver, server)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_form_of_texts_sends_a_prompt_and_knobs(driver, served, width):
    server = served["kjv"]
    show(driver, server.address, width)
    answered(driver, "cut at max_length")  # 256 characters without a space
    fits(driver, width)
    choose(driver, "sample")
    fill(driver, "text='prompt'", "bim ")
    fieldset = "//fieldset[@data-signature='sample']"
    for knob, value in (("max_length", "5"), ("seed", "3")):
        find(driver, f"{fieldset}//*[@data-knob='{knob}']").send_keys(value)
    answer = answered(driver, "ln P")
    params = {"signature": "sample", "max_length": 5, "seed": 3}
    expected = server.post({"inputs": {"prompt": ["bim "]}, "params": params})
    assert [whole(answer)] == expected[1]["predictions"]
    choose(driver, "log_prob")
    fill(driver, "text='text'", "bam")
    answer = answered(driver, "ln P")
    body = {"prompt": ["bim "], "text": ["bam"]}
    expected = server.post({"inputs": body, "params": {"signature": "log_prob"}})
    assert whole(answer)["log_prob"] == expected[1]["predictions"][0]["log_prob"]
    stays(driver, server)
