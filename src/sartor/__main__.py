"""`python -m sartor`."""

import sys

from sartor.cli.main import main

sys.exit(main())
