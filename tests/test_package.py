"""Installed with `pip install .`, phistar works without its repository."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
SUFFIXES = (".py", ".yaml")
# the Pythons of each lock, which `make lock` writes
LOCKS = {"requirements.lock": ["3.11"], "requirements-3.13.lock": ["3.12", "3.13"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that holds the installed package, built from a copy of the source."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy)
    for name in ("phistar", "pipeline", "components", "conf"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-q", *offline, "--target", target, copy], check=True)
    return target


def run(site, cwd, *command):
    """The output of a command that sees the installed package before any other."""
    env = os.environ | {"PYTHONPATH": str(site)}
    result = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_source_file_and_recipe_is_installed(site):
    folders = [ROOT / name for name in ("pipeline", "components", "conf")]
    files = [f for folder in folders for f in folder.rglob("*")]
    expected = {f.relative_to(ROOT) for f in files}
    expected |= {Path(f.name) for f in (ROOT / "phistar").iterdir()}
    found = {f.relative_to(site / "phistar") for f in (site / "phistar").rglob("*")}
    assert {f for f in found if f.suffix in SUFFIXES} == {
        f for f in expected if f.suffix in SUFFIXES
    }
    # one name among all the packages of an environment
    assert {f.name for f in site.iterdir() if f.suffix != ".dist-info"} == {
        "phistar",
        "bin",
    }


def test_list_shows_the_shipped_recipes_outside_the_repository(site, tmp_path):
    code = "from phistar import pipeline; print(pipeline.__file__)"
    where = run(site, tmp_path, sys.executable, "-c", code)
    assert Path(where.strip()).is_relative_to(site)

    shown = run(site, tmp_path, site / "bin" / "phistar", "list", "--root", tmp_path)
    for recipe in (ROOT / "conf" / "experiment").glob("*.yaml"):
        assert recipe.stem in shown


def test_interface_of_a_wheel_reads_a_recipe_outside_the_repository(site, tmp_path):
    code = (
        "import phistar; print(phistar.runs().empty)\n"
        "try: phistar.run('digitz')\n"
        "except phistar.Failure as failure: print(failure)"
    )
    said = run(site, tmp_path, sys.executable, "-c", code).splitlines()
    assert said[0] == "True" and "Did you mean digits?" in said[1]


def installed(site) -> Distribution:
    """phistar as its installer describes it."""
    (phistar,) = (d for d in distributions(path=[str(site)]) if d.name == "phistar")
    return phistar


def test_the_wheel_says_what_it_is(site):
    about = installed(site).metadata
    assert about["Author"] == "phistar"
    assert about["Description-Content-Type"] == "text/markdown"
    readme = (ROOT / "README.md").read_text("utf-8")
    assert about["Description"].strip() == readme.strip()
    pythons = [version for of_lock in LOCKS.values() for version in of_lock]
    assert [
        text.rpartition(" ")[2]
        for text in about.get_all("Classifier")
        if text.startswith("Programming Language :: Python :: 3.")
    ] == pythons
    for version in ("3.10.9", *(f"{v}.1" for v in pythons), "3.14.0"):
        allowed = version in SpecifierSet(about["Requires-Python"])
        assert allowed == (version[:4] in pythons)


def of_tests(lock):
    """The lock with what the tests need beside it."""
    return lock.replace(".lock", "-tests.lock")


def locked(lock):
    """Package -> version in a lock; names as they are compared."""
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    return dict(line[:-2].split("==") for line in lines if line[:1].isalnum())


@pytest.mark.parametrize("extra", ["", "test"])
@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_the_package_and_its_tests(site, lock, extra):
    versions = locked(of_tests(lock) if extra else lock)
    for text in installed(site).requires:
        requirement = Requirement(text)
        here = {"extra": extra, "python_version": LOCKS[lock][0]}
        if requirement.marker and not requirement.marker.evaluate(here):
            continue
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert versions[name] in requirement.specifier, text


@pytest.mark.parametrize("lock", LOCKS)
def test_the_tests_run_on_the_same_versions(lock):
    assert locked(lock).items() < locked(of_tests(lock)).items()


@pytest.mark.parametrize("lock", [*LOCKS, *map(of_tests, LOCKS)])
def test_lock_holds_every_package_to_hashes(lock):
    text = (ROOT / lock).read_text("utf-8")
    for entry in re.split(r"\n(?=[a-z])", text)[1:]:
        assert re.match(r"[a-z0-9.-]+==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", entry)
    assert not re.search(r"://|file:|--index|--find-links|@ ", text)
