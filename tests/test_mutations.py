"""`make mutations` breaks the code as it is now."""

import pytest

from tests.mutations import MUTATIONS, ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_each_text_that_a_mutation_replaces_occurs_once(mutation):
    for file, old, _ in mutation.edits:
        assert (ROOT / file).read_text("utf-8").count(old) == 1, old
