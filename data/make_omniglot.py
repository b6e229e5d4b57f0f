"""Make omniglot_28x28.npz from Omniglot's drawings.

    python data/make_omniglot.py FOLDER data/omniglot_28x28.npz

FOLDER holds images_background.npz and images_evaluation.npz, `images` boolean (characters, 20, 105,
105), False where there is ink: the pictures of images_background.zip and images_evaluation.zip of
https://github.com/brendenlake/omniglot (B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Science
350:1332, 2015; MIT licence, see LICENSE-OMNIGLOT.txt), alphabets in alphabetical order. A pixel of
the 28 x 28 is ink where more than a quarter of its area is: strokes stay whole and one to two
pixels wide.
"""

import sys
from pathlib import Path

import numpy as np

SIDE, SHARE = 28, 0.25


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


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    make(Path(sys.argv[1]), Path(sys.argv[2]))
