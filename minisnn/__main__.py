"""`python -m minisnn` is the same as `minisnn`."""

import sys

from .cli import main

sys.exit(main())
