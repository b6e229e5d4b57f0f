"""The first use of the kernels compiles them, which takes longer than people expect."""
import os
import sys
from pathlib import Path


def announce() -> None:
    """Say so where numba is about to compile the kernels: once after installing, and after a change of them."""
    package = Path(__file__).parent
    if os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("NUMBA_DISABLE_JIT"):
        return
    for source in (package / "kernels" / "passes.py", package / "data" / "camera_kernel.py"):
        compiled = [index.stat().st_mtime for index in (source.parent / "__pycache__").glob(f"{source.stem}.*.nbi")]
        if not compiled or max(compiled) < source.stat().st_mtime:
            print("the kernels are compiled first, once: about half a minute", file=sys.stderr, flush=True)
            return
