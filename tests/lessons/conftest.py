"""Lessons are imported from their folder, as in the notebooks; `mysnn.py` is written to a folder of the test run's own."""

import os
import sys
import tempfile
from pathlib import Path

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))
os.environ["MYSNN"] = str(Path(tempfile.mkdtemp(prefix="mysnn-")) / "mysnn.py")
