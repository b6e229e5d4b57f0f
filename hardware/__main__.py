"""`python -m minisnn.hardware`, the same as `minisnn hardware`."""

import sys

from minisnn.cli import main

sys.argv.insert(1, "hardware")
sys.exit(main())
