"""Fixtures of the cases: each law is tested on every case that it makes sense for."""

import pytest

from tests.helpers import cases
from tests.helpers.cases import ASKED, CASES, SLOW
from tests.helpers.verified import verified_here

SOURCES = {name: ingest["source"] for name, (_, ingest, _, _) in CASES.items()}
TEXTS = [name for name in CASES if SOURCES[name] == "text"]
IMAGES = [name for name in CASES if SOURCES[name] == "digits"]
PAIRS = [name for name in CASES if SOURCES[name] == "parallel"]
COLUMNS = [name for name in CASES if name not in (*TEXTS, *PAIRS, *IMAGES)]


def each(*names):
    """Parameters of a fixture; those of SLOW are left out by `make test`."""
    slow = pytest.mark.slow
    return [pytest.param(name, marks=[slow] * (name in SLOW)) for name in names]


@pytest.fixture(scope="session")
def make_case(tmp_path_factory):
    """Name -> Case, each made once."""

    made = {}

    def make(name):
        if name not in made:
            made[name] = None
            # test_moved.py answers in a new process
            with verified_here(asked=name in ASKED):
                made[name] = cases.make(name, tmp_path_factory.mktemp(name))
        if made[name] is None:
            pytest.fail(f"the stages of {name} have failed before")
        return made[name]

    return make


@pytest.fixture(params=each(*CASES))
def case(request, make_case):
    """Each case in turn."""
    return make_case(request.param)


@pytest.fixture(params=each(*COLUMNS, *IMAGES))
def label_case(request, make_case):
    """Each case whose label is one of K names."""
    return make_case(request.param)


@pytest.fixture(params=each(*COLUMNS))
def column_case(request, make_case):
    """Each case whose inputs are columns."""
    return make_case(request.param)


@pytest.fixture(params=each(*IMAGES))
def image_case(request, make_case):
    """Each case whose inputs are images."""
    return make_case(request.param)


@pytest.fixture(params=each(*TEXTS))
def text_case(request, make_case):
    """Each case whose y is a text, and x its beginning."""
    return make_case(request.param)


@pytest.fixture(params=each(*PAIRS))
def pair_case(request, make_case):
    """Each case whose y is the translation of x."""
    return make_case(request.param)


@pytest.fixture(params=each(*TEXTS, *PAIRS))
def sequence_case(request, make_case):
    """Each case whose y is a sequence of tokens."""
    return make_case(request.param)


@pytest.fixture
def songs(make_case):
    """A language model of characters, trained for a moment."""
    return make_case("songs_characters")


@pytest.fixture
def toy(make_case):
    """A language model with four labels."""
    return make_case("toy_characters")


@pytest.fixture
def toy_pairs(make_case):
    """A translation with three labels."""
    return make_case("toy_pairs")
