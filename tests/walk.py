"""The files that one second-order meta-gradient runs through on the NumPy engine, and their lines:
what a reader has to open who wants to follow it.

    python tests/walk.py
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import minisnn as ms
from minisnn.gradcheck import random_data, random_theta

PACKAGE = Path(ms.__file__).parent
APART = ("parallel", "stopping.py")  # who does the work, not what it is


def walked(**how: Any) -> dict[str, int]:
    """{file: its lines} of the files in which a function runs."""
    layers = [ms.Conv(3, kernel=3)]
    net = ms.SpikingNet((6, 6, 2), **{"layers": layers, **how}, ways=3, backend="numpy")
    rng = np.random.default_rng(0)
    theta = random_theta(net, rng)
    task = ms.Task(*random_data(net, rng), *random_data(net, rng))
    ms.set_threads(1)  # what runs in other threads is not seen
    ms.meta_gradient(net, theta, task)  # everything is imported
    seen: set[Path] = set()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen.add(Path(frame.f_code.co_filename))

    sys.setprofile(watch)
    try:
        ms.meta_gradient(net, theta, task)
    finally:
        sys.setprofile(None)
    ours = [path for path in seen if path.is_relative_to(PACKAGE)]
    names = {str(path.relative_to(PACKAGE)): path for path in ours}
    return {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in sorted(names.items())
        if not name.startswith(APART)
    }


if __name__ == "__main__":
    files = walked()
    layers = [ms.Conv(3, kernel=3), ms.Dense(4, recurrent=True)]
    assert walked(layers=layers, learn=("alpha", "gamma")) == files
    for name, lines in files.items():
        print(f"{lines:5}  {name}")
    print(f"{sum(files.values()):5}  lines in {len(files)} files")
