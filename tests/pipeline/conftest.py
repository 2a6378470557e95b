"""The runs that these tests share."""

from tests.helpers.trained import (  # noqa: F401
    digits,
    empty_database,
    language,
    project,
    trained,
)
