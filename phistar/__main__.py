"""`python -m phistar`, as the command `phistar`."""

import os
import sys

if not sys.flags.safe_path and sys.path[0] == os.getcwd():
    del sys.path[0]  # a file there called random.py or csv.py is not Python's

from phistar.pipeline.cli.main import main  # noqa: E402

sys.exit(main())
