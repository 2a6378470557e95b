"""`python -m pipeline.cli`, as `phistar`."""

import sys

from pipeline.cli.main import main

sys.exit(main())
