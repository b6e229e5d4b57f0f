"""The data file of a student's library: `mysnn.npz`, beside `mysnn.py`.

It holds recordings of drawn characters, as an event camera sees them, and the page that `python
mysnn.py page` fills with the student's weights. `python -m checks.data` writes it, from the folder
of the lessons.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from minisnn import LIF
from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.store.shipped import shipped
from minisnn.files import whole_file
from minisnn.hardware.c.export import MODEL, packed
from minisnn.hardware.chip.learner import CLASS_MEAN
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.chip.neuron import IntegerLIF
from minisnn.hardware.chip.quantise import IntegerLayer
from minisnn.hardware.chip.words import Words
from minisnn.hardware.page import make as pages

from . import mine

NAME = "mysnn.npz"
CHARACTERS = {"train": ("background", 400), "test": ("evaluation", 80)}
DRAWINGS, DURATION = 6, 100_000  # of a character; microseconds of a recording
INPUTS, HIDDEN, READOUT = 512, 128, -6  # READOUT is the exponent of the readout's weights
ABOUT = """Recordings of characters of Omniglot by minisnn's simulated event camera, five bytes an event as \
in N-MNIST's files (here a column), 100 ms from the first event on, times in whole milliseconds; and a page for them.
Omniglot: B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Science 350:1332, 2015. Its licence:

"""
# A dense network sees one place of 512 channels, and steps of 5 ms; drawings come to the middle by
# their mean event, as in the student's `centred`.
ADAPTER = """
const BIN = 5, CELLS = { height: 16, width: 16, channels: 2 };
const create = Edge.create, countsOf = Camera.prototype.counts;
Edge.create = async (...all) => Object.assign(await create.apply(Edge, all), CELLS, { lasts: BIN });
Edge.prototype.presenting = function* (counts, steps) {
  this.start();
  for (let t = 0; t < steps; t += BIN) {
    const sum = new Uint8Array(this.cells);
    for (let i = 0; i < BIN * this.cells; i++) sum[i % this.cells] += counts[t * this.cells + i];
    this.step(sum);
    for (let i = 0; i < BIN; i++) yield t + i;
  }
};
Camera.prototype.counts = function (events, steps, height, width) {
  const columns = width * this.scale, rows = height * this.scale;
  const end = (events[0]?.t ?? 0) + 1000 * steps, all = events.filter((e) => e.t < end);
  const middle = (axis, side) =>
    Math.floor(side / 2 - all.reduce((sum, e) => sum + e[axis], 0) / all.length);
  const right = middle("x", columns), down = middle("y", rows);
  const moved = all.map((e) => ({ ...e, x: e.x + right, y: e.y + down }));
  const inside = ({ x, y }) => x >= 0 && y >= 0 && x < columns && y < rows;
  return countsOf.call(this, moved.filter(inside), steps, height, width);
};
"""


def chip(W=None, b=None, exponent=-8) -> IntegerNet:
    """The chip of a dense network: a hidden layer of integers (INPUTS, HIDDEN), (HIDDEN,) on one
    place, and a readout that knows nothing; all zeros without them."""
    W = np.zeros((INPUTS, HIDDEN)) if W is None else W
    b = np.zeros(HIDDEN) if b is None else b
    shapes = (W.reshape(1, 1, INPUTS, HIDDEN), b), (np.zeros((1, 1, HIDDEN, 1)), np.zeros(1))
    layers = [
        IntegerLayer(name, w.astype(np.int8), c.astype(np.int32), x, 8, (1, 1, n), "none", 12)
        for name, (w, c), x, n in zip(
            ("conv1", "readout"), shapes, (exponent, READOUT), (INPUTS, HIDDEN)
        )
    ]
    found = IntegerNet.__new__(IntegerNet)
    found._set(layers, IntegerLIF.of(LIF()), Words())
    return found


def page() -> tuple[str, bytes, list[int]]:
    """(the page with @model@ in place of its model, a model of zeros, and where in it stand: the
    hidden layer's weights, its biases, its exponent, the model's number)."""
    zeros = chip()
    model = packed(pages.empty(zeros), pages.learner(pages.empty(zeros), CLASS_MEAN))
    text = pages.page(zeros, cells=(16, 16), more=ADAPTER)
    own = f'"model": "{pages._text(model)}"'
    if text.count(own) != 1:
        raise ValueError("the page's model is not where it is looked for")
    text = text.replace(own, '"model": "@model@"')
    words = f"1 layers of {HIDDEN} channels"
    if text.count(words) != 1:
        raise ValueError("the page does not say what network it has where it is looked for")
    text = text.replace(words, f"{HIDDEN} neurons of <code>mysnn.py</code>")
    numbers = 12 + 4 * (len(MODEL) + 2)  # of the layer: eight words, the seventh its exponent
    weights = numbers + 32
    slots = [weights, weights + INPUTS * HIDDEN, numbers + 24, 12 + 4 * MODEL.index("id")]
    return text, model, slots


def recorded(pictures: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(bytes of all events, events of each picture (N,)) of pictures (N, 28, 28)."""
    camera = EventCamera()

    def one(number: int) -> np.ndarray:
        events = camera.record(pictures[number], seed, number)
        t = events["t"].astype(np.int64) // 1000 * 1000
        first = t < t[:1].sum() + DURATION
        columns = events["x"], events["y"], events["p"].astype(int) * 128 + (t >> 16), t >> 8, t
        return np.stack([(column & 255)[first] for column in columns], 1).astype(np.uint8)

    with ThreadPoolExecutor(2) as several:
        found = list(several.map(one, range(len(pictures))))
    return np.concatenate(found), np.array([len(events) for events in found])


def write(path: Path, characters=CHARACTERS, drawings: int = DRAWINGS) -> None:
    """Write the data file. Raises OSError where it cannot be written."""
    text, model, slots = page()
    licence = shipped("LICENSE-OMNIGLOT.txt").read_text(encoding="utf-8")
    held = {
        "about": np.frombuffer((ABOUT + licence).encode(), np.uint8),
        "page": np.frombuffer(text.encode(), np.uint8),
        "model": np.frombuffer(model, np.uint8),
        "slots": np.array(slots),
    }
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        for seed, (split, (part, many)) in enumerate(characters.items()):
            rng = np.random.default_rng(seed)
            bits = np.unpackbits(archive[part], axis=-1).reshape(-1, 20, 28, 28)
            chosen = bits[rng.choice(len(bits), many, replace=False)]
            pictures = chosen[:, rng.permutation(20)[:drawings]] * np.uint8(255)
            raw, events = recorded(pictures.reshape(-1, 28, 28), seed)
            held[split] = np.ascontiguousarray(raw.T)  # columns are packed far better than rows
            held[f"{split}_events"] = events.reshape(many, drawings)
    with whole_file(path) as file:
        np.savez_compressed(file, **held)


def provide() -> str:
    """Write the data file beside the student's, if it is not there; a sentence that says so."""
    path = mine.place().with_name(NAME)
    if path.exists():
        return f"{NAME} is there already"
    write(path)
    return f"{NAME}: {path.stat().st_size / 1e6:.1f} MB, written"


def run(*words: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Run the student's file in a process of its own, and show what it prints; {stage: {rule:
    (percent, half its interval)}} where it says so.

    Raises `mine.Unusable` where the file stops with an error.
    """
    command = [sys.executable, "-I", "-u", str(mine.place()), *words]
    found: dict[str, dict[str, tuple[float, float]]] = {}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    lines = []
    with subprocess.Popen(command, cwd=mine.place().parent, encoding="utf-8", **pipes) as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            print(line, end="")
            if stage := re.match(r"  after (.*?): ", line):
                said = line[stage.end() :]
                shares = re.findall(r"([a-z][\w ]+) (\d+\.\d) ± (\d+\.\d)", said, re.I)
                found[stage[1]] = {
                    rule: (float(share), float(half)) for rule, share, half in shares
                }
    if process.returncode:
        raise mine.Unusable(f"{mine.place()} {' '.join(words)}: {lines[-1] if lines else ''}")
    return found


if __name__ == "__main__":
    print(provide())
