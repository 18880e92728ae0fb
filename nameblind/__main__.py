"""``python -m nameblind``."""

import sys

from nameblind.cli import main

sys.exit(main())
