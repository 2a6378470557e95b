"""Check the answers of exports in the TensorFlow of the Python that runs it.

    python tests/runtimes/oldest.py FOLDER/saved_model ...

Each is asked its golden batch, as export asks it, by components/serving/verify.py.
Ends with 1 if one does not open, or an answer is not within 1e-4 nats of the
evaluation's. `make oldest` runs it.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "components" / "serving"))
import verify

os.environ |= verify.ENVIRONMENT
import tensorflow as tf

TOLERANCE = 1e-4  # nats


def num_libraries(folder):
    """Number of libraries of operations that an export needs."""
    contract = (folder / "contract.json").read_text("utf-8")
    return len(json.loads(contract)["op_libraries"])


def main(folders):
    """Ask all of them, print the differences.  -> exit status."""
    status = 0 if folders else "no folder of a SavedModel was given"
    print("tensorflow", tf.__version__)
    # those first that need no library: it would be there for them too
    for folder in sorted(map(Path, folders), key=num_libraries):
        try:
            difference = verify.alone(str(folder))["log_prob"]
        except Exception as error:  # whatever an old library makes of it
            status = 1
            print(f"{folder}: {type(error).__name__}: {error}")
            continue
        right = difference <= TOLERANCE  # NaN is wrong too
        status = status if right else 1
        print(f"{folder}: {difference:.1e} nats{'' if right else ', too much'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
