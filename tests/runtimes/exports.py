"""Write the exports of the laws' cases into a folder.

    python -m tests.runtimes.exports FOLDER [CASE ...]

The cases are those of tests/helpers/cases.py, all of them if none is named.
"""

import sys
from pathlib import Path

from tests.helpers import cases


def main(folder, *names):
    """Make each case in `folder`/CASE."""
    for name in names or cases.CASES:
        place = Path(folder, name)
        place.mkdir()
        print(cases.make(name, place).saved_model)


if __name__ == "__main__":
    main(*sys.argv[1:])
