"""Make omniglot_28x28.npz from Omniglot's drawings, and draw the lots of omniglot_random.csv.

    python data/make_omniglot.py FOLDER data/omniglot_28x28.npz
    python data/make_omniglot.py lots data/omniglot_random.csv

FOLDER holds images_background.npz and images_evaluation.npz, `images` boolean (characters, 20, 105,
105), False where there is ink: the pictures of images_background.zip and images_evaluation.zip of
https://github.com/brendenlake/omniglot (B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Science
350:1332, 2015; MIT licence, see LICENSE-OMNIGLOT.txt), alphabets in alphabetical order. A pixel of
the 28 x 28 is ink where more than a quarter of its area is: strokes stay whole and one to two
pixels wide.

Lots are drawn for all 1,623 characters at once: 1,100 train, 100 validate, 423 test.
"""

import sys
from pathlib import Path

import numpy as np

from minisnn.data.sets.omniglot import BACKGROUND, EVALUATION

SIDE, SHARE = 28, 0.25
LOTS = {"1": 1100, "v": 100, "t": 423}


def make(source: Path, target: Path) -> None:
    packed = {}
    for part, characters in (("background", 964), ("evaluation", 659)):
        with np.load(source / f"images_{part}.npz", allow_pickle=False) as archive:
            images = archive["images"]
        if images.shape != (characters, 20, 105, 105) or images.dtype != bool:
            raise SystemExit(
                f"{source}: {part} has shape {images.shape}; expected booleans ({characters}, 20, "
                "105, 105)"
            )
        edge, pixel = np.arange(SIDE + 1) * 105 / SIDE, np.arange(105)
        area = np.minimum(edge[1:, None], pixel + 1) - np.maximum(edge[:-1, None], pixel)
        area = (area.clip(0) * SIDE / 105).astype(np.float32)
        small = np.stack([area @ (~one).astype(np.float32) @ area.T for one in images]) > SHARE
        packed[part] = np.packbits(small.reshape(*small.shape[:2], -1), axis=-1)
    np.savez_compressed(target, **packed)


def draw_lots(target: Path) -> None:
    words = f"{BACKGROUND} {EVALUATION}".split()
    sizes = dict(zip(words[::2], map(int, words[1::2])))
    lots = [letter for letter, number in LOTS.items() for _ in range(number)]
    drawn = iter(np.random.default_rng(0).permutation(lots).tolist())
    rows = ["alphabet,split (1 train; v validate; t test)"]
    for name in sorted(sizes):
        rows.append(f"{name},{''.join(next(drawn) for _ in range(sizes[name]))}")
    target.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    if sys.argv[1] == "lots":
        draw_lots(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
