"""The first use of the kernels compiles them, which takes longer than people expect."""

import os
import sys
from pathlib import Path


def compiled() -> bool | None:
    """Whether numba finds the kernels compiled in its cache; None where the cache lies in a place of the user's choice."""
    package = Path(__file__).parents[1]
    if os.environ.get("NUMBA_DISABLE_JIT"):
        return True
    if os.environ.get("NUMBA_CACHE_DIR"):
        return None
    for source in (package / "kernels" / "passes.py", package / "data" / "camera" / "kernel.py"):
        times = [index.stat().st_mtime for index in (source.parent / "__pycache__").glob(f"{source.stem}.*.nbi")]
        if not times or max(times) < source.stat().st_mtime:
            return False
    return True


def announce() -> None:
    """Say so where numba is about to compile the kernels: once after installing, and after a change of them."""
    if compiled() is False:
        print("the kernels are compiled first, once: about half a minute", file=sys.stderr, flush=True)
