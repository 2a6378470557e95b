"""A headless browser, and MLflow's pages of a root, served by `phistar ui`."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from phistar.pipeline.tracking.server import answers

CODE = Path(__file__).resolve().parents[2]
WAIT = 240  # s, for what a busy machine shows late
CALM = 1.0  # s without a change of the text: a page of MLflow has loaded
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars"
)
# A beta panel opens at a first visit, at any time, and covers a quarter of the window.
SEEN = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}


@contextlib.contextmanager
def served(root):
    """Start `phistar ui`.  -> the server's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from phistar.pipeline.tracking import ui; ui.ui({str(root)!r}, {port})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CODE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        start_new_session=True,
    )
    server = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + WAIT
        while not answers(f"{server}/health"):
            assert process.poll() is None, "MLflow's server ended"
            assert time.monotonic() < end, "MLflow's server does not answer"
            time.sleep(0.2)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def browser(folder, server):
    """Start Chromium, which has been at the server before.  -> the driver."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    for program in ("chromium", "chromedriver"):
        assert shutil.which(program), "apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={folder}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.binary_location = shutil.which("chromium")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    driver.command_executor.client_config.timeout = WAIT  # charts take a while
    try:
        driver.get(f"{server}/health")
        for key, value in SEEN.items():
            driver.execute_script("localStorage.setItem(...arguments)", key, value)
        yield driver
    finally:
        driver.quit()


def show(driver, address, width=1440, height=1200, calm=CALM):
    """Open a page, and wait until it has loaded; `calm` is of `settle`."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1}
    command = "Emulation.setDeviceMetricsOverride"
    driver.execute_cdp_cmd(command, size | {"mobile": width < 500})
    driver.get("about:blank")  # else only the part after # changes, and nothing loads
    driver.get(address)
    settle(driver, calm)


def settle(driver, calm=CALM):
    """Wait until the text of the page has stayed the same for `calm` seconds."""
    seen = {"text": "", "since": time.monotonic()}

    def rests():
        text = driver.find_element("xpath", "//body").text
        if text != seen["text"]:
            seen.update(text=text, since=time.monotonic())
        return len(text) > 100 and time.monotonic() - seen["since"] > calm

    wait(driver, rests)


def wait(driver, condition, seconds=WAIT):
    """The first true value of `condition()`."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, seconds, 0.1).until(lambda _: condition())


def find(driver, xpath):
    """The first element, as soon as it exists."""
    return wait(driver, lambda: driver.find_elements("xpath", xpath))[0]


def asked(driver):
    """Addresses that the browser has asked since the last call, those of data: too."""
    entries = [
        json.loads(e["message"])["message"] for e in driver.get_log("performance")
    ]
    sent = [e["params"] for e in entries if e["method"] == "Network.requestWillBeSent"]
    return [params["request"]["url"] for params in sent]


def text(driver):
    """All text of the page."""
    return driver.find_element("xpath", "//body").text


def keep(driver, name):
    """Keep a picture of the page in the folder MLFLOW_PICTURES, if there is one."""
    if folder := os.environ.get("MLFLOW_PICTURES"):
        Path(folder).mkdir(exist_ok=True)
        settle(driver)
        assert driver.save_screenshot(str(Path(folder).resolve() / f"{name}.png"))
