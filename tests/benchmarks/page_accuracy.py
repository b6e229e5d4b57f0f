"""How well the page recognises characters that are drawn on it, in chromium, beside Python on the
same drawings.

    python tests/benchmarks/page_accuracy.py [--episodes N]    five characters, one drawing of each taught, three others asked

A drawing is a character of Omniglot's evaluation set by another person, traced by the mouse. "As
shipped" is the chip on the pictures themselves, which neither a mouse nor the page's pen has
touched.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "hardware"))

import minisnn as ms
from browser import draw, in_python, opened, seen
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.options import SYMBOLS
from minisnn.hardware.page import make
from minisnn.data.store.shipped import shipped
from minisnn.results.figures import figure
from tracing import strokes_of

WAYS, ASKED = 5, 3
NAMES = {
    "page": "page",
    "python": "Python",
    "membrane": "Python, membrane rule",
    "pictures": "Python, as shipped",
}


def main(episodes: int, out: str | None) -> None:
    chip, right, cells = IntegerNet.of(ms.read(shipped(SYMBOLS))), {}, []
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        pictures = np.unpackbits(archive["evaluation"], axis=-1).reshape(-1, 20, 28, 28) * np.uint8(
            255
        )
    rng, y = np.random.default_rng(0), np.repeat(np.arange(WAYS), ASKED)
    path = Path(tempfile.mkdtemp()) / "page.html"
    path.write_text(make.page(chip), encoding="utf-8")
    with opened(path) as page:
        for episode in range(episodes):
            chosen = pictures[rng.choice(len(pictures), WAYS, replace=False)][
                :, rng.permutation(20)[: 1 + ASKED]
            ]
            taught, asked = [], []
            for picture in chosen[:, 0]:
                draw(page, strokes_of(picture))
                taught.append(seen(page))
                page.get_by_role("button", name="A new symbol").click()
            for picture in chosen[:, 1:].reshape(-1, 28, 28):
                draw(page, strokes_of(picture))
                asked.append(seen(page))
                page.click("#clear")
            page.click("#forget")
            right.setdefault("page", []).append(
                np.mean(np.argmax([one["scores"] for one in asked], 1) == y)
            )
            for name, rule in (("Python", "class-mean"), ("Python, membrane rule", "membrane")):
                u, agree = in_python(chip, taught, asked, rule)
                right.setdefault(name, []).append(np.mean(u.argmax(1) == y))
            cells.append(agree)
            for one, picture in zip(
                [*taught, *asked], [*chosen[:, 0], *chosen[:, 1:].reshape(-1, 28, 28)]
            ):
                one["picture"] = picture
            u, _ = in_python(chip, taught, asked)
            right.setdefault("Python, as shipped", []).append(np.mean(u.argmax(1) == y))
            print(
                episode + 1,
                {name: f"{100 * np.mean(found):.1f}" for name, found in right.items()},
                min(cells),
                flush=True,
            )

    if out:
        figures = {name: figure(float(np.mean(right[said])), "%") for name, said in NAMES.items()}
        figures["answers"] = figure(episodes * WAYS * ASKED, "")
        Path(out).write_text(
            json.dumps(dict(figures=figures, more=dict(episodes=episodes, per_episode=right)))
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument(
        "--json", metavar="OUT", help="write the figures, as minisnn results takes them"
    )
    options = parser.parse_args()
    main(options.episodes, options.json)
