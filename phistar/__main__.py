"""`python -m phistar`, as the command `phistar`."""

import sys

if not sys.flags.safe_path:
    # the working directory: a file there called random.py or csv.py is not Python's
    del sys.path[0]

from phistar.pipeline.cli.main import main  # noqa: E402

sys.exit(main())
