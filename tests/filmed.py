"""A small N-Omniglot: files that the camera's own library wrote, and tables of samples beside
them.

tests/golden/dv_davis346.aedat4 was written by dv-processing 2.0.4 of iniVation, in three packets of
events with frames and triggers between them, from the numbers of `events`.
"""

from pathlib import Path

import numpy as np

import minisnn as ms


GOLDEN = Path(__file__).parent / "golden" / "dv_davis346.aedat4"
EACH, LONG = 6, 5  # events from one sample's first to the next one's, and of a sample


def events() -> np.ndarray:
    """What the golden file holds."""
    rng = np.random.default_rng(0)
    t = 1_640_000_000_000_000 + np.cumsum(rng.integers(1, 4000, 20 * EACH))
    x = rng.integers(0, 346, len(t))
    y = rng.integers(0, 260, len(t))
    return ms.event_array(x, y, t, rng.integers(0, 2, len(t)))


def rows() -> list[tuple[int, int, int]]:
    """(number, time of the first event, of the first behind it) of samples of five events, with one
    of noise between them."""
    t = events()["t"].tolist()
    return [(k + 1, t[k * EACH], t[k * EACH + LONG]) for k in range(20)]


def table(given=None) -> str:
    """The table beside a recording."""
    lines = [",".join(map(str, row)) for row in given or rows()]
    return "\n".join(["number,start,end", *lines, ""])


def archive(root: Path, alphabets: dict[str, int], part: str = "background") -> Path:
    """An archive of so many characters of each alphabet."""
    number = 0
    for name, many in alphabets.items():
        for k in range(many):
            number += 1
            place = root / f"dvs_{part}" / name / f"character{k + 1:02d}"
            place.mkdir(parents=True)
            (place / f"{number:04d}.aedat4").symlink_to(GOLDEN)
            (place / f"{number:04d}.csv").write_text(table())
    return root
