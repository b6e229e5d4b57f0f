"""Python in a process of its own, which imports the library of this clone."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python(*words, environment=(), **how) -> subprocess.CompletedProcess:
    """What `python WORDS` ends with, as text; `environment` is added to that of the tests."""
    around = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg", **dict(environment)}
    how = dict(env=around, capture_output=True, encoding="utf-8") | how
    return subprocess.run([sys.executable, *map(str, words)], **how)
