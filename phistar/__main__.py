"""`python -m phistar`, as the command `phistar`."""

import sys

from phistar.pipeline.cli.main import main

sys.exit(main())
