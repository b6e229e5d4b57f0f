"""Make one self-contained HTML page from the C library as WebAssembly, a network's integers, the
event camera's numbers, and the scripts.

The scripts are modules, which node runs unchanged. In the page they are concatenated, and their
imports and exports are removed.
"""

import base64
import json
import re
from pathlib import Path

import numpy as np

from minisnn.data.camera.event_camera import RECORDING_MS, EventCamera

from ..c.export import MODEL, constants, packed
from ..chip.formats import whole
from ..chip.learner import CLASS_MEAN, RULES, Learner
from ..chip.network import IntegerNet
from ..chip.recording import Recording

HERE = Path(__file__).parent
EDGE = HERE.parent / "c" / "minisnn_edge.mjs"
PARTS = "camera pen memory views webcam".split()
SCRIPTS = (*(HERE / f"{name}.mjs" for name in PARTS), EDGE, HERE / "page.mjs")
# side of the camera's pictures in pixels, and number of steps of a recording that the network sees
SIDE, STEPS = (
    28,
    100,
)
# constants that make drawings look like Omniglot's, see pen.mjs
PEN = {
    "width": 0.048,
    "size": 0.66,
    "most": 4,
    "share": 0.25,
}
LEARNER = slice(MODEL.index("rule"), MODEL.index("seed_state"))


def scene_of(camera: EventCamera, cells: tuple[int, int], seed: int) -> tuple[dict, dict]:
    """Return (numbers, arrays), which camera.mjs needs to record pictures of SIDE x SIDE pixels as
    `camera` does.

    Raises ValueError for a camera whose scenes are drawn, because its cells are not whole pixels.
    """
    if camera.variation is not None or any(
        pixels // n != camera.sensor[0] // cells[0] for pixels, n in zip(camera.sensor, cells)
    ):
        raise ValueError(
            "the page is for networks of one symbol, one camera and cells of whole pixels; "
            f"found {cells} cells"
        )
    whole(0, (1 << 53) - 1, seed=seed)  # largest integer that JavaScript holds exactly
    scene = camera._scene((SIDE, SIDE), RECORDING_MS)
    pixels = camera._pixels()
    numbers = dict(
        side=SIDE,
        sensor=camera.sensor,
        fine=scene.fine,
        floor=scene.floor,
        seed=seed,
        scale=camera.sensor[0] // cells[0],
        samples=(len(scene.rows), len(scene.columns)),
        refractory=pixels.refractory,
        keep=pixels.keep,
    )
    arrays = dict(
        luminance=camera._luminance(np.arange(256)[None, None] / 255),
        rows=scene.rows,
        columns=scene.columns,
        places=scene.places,
    )
    return numbers, arrays | dict(on=pixels.on, off=pixels.off, leak=pixels.leak)


def empty(chip: IntegerNet) -> IntegerNet:
    """Return the chip with an untrained readout of one class."""
    return chip.with_readout(np.zeros((len(chip.weight), 1), np.int8), np.zeros(1, np.int32))


def learner(chip: IntegerNet, rule: str, refuse: int = 0) -> Learner:
    """Return the page's learner. It rounds to nearest, so that the same lessons always give the
    same synapses."""
    refuse = refuse if rule == CLASS_MEAN else 0
    return chip.learner(rule=rule, rounding="nearest", refuse=refuse)


def data(
    chip: IntegerNet,
    camera: EventCamera | None = None,
    seed: int = 0,
    refuse: int = 0,
    cells: tuple[int, int] | None = None,
) -> dict:
    """Return the object DATA for the page's script; `refuse` and `cells` are those of `page`."""
    chip = empty(chip)
    learners = {}
    for rule in (CLASS_MEAN, RULES[0]):
        found = constants(chip, learner(chip, rule), 1)
        learners[rule] = [found[name] for name in MODEL[LEARNER]]
    _check(chip.recording)
    numbers, arrays = scene_of(camera or EventCamera(), cells or chip.input_shape[:2], seed)
    return dict(
        wasm=_text(EDGE.with_suffix(".wasm").read_bytes()),
        model=_text(packed(chip, learner(chip, CLASS_MEAN, refuse))),
        steps=STEPS,
        bin=chip.recording.bin,
        centred=chip.recording.centred,
        learner=LEARNER.start,
        learners=learners,
        refuse=MODEL.index("refuse") - LEARNER.start,
        scene=numbers,
        arrays={
            name: _text(np.ascontiguousarray(array, "<f8").tobytes())
            for name, array in arrays.items()
        },
        pen=PEN,
    )


def _check(recording: Recording) -> None:
    """Raise ValueError if the camera's recordings are shorter than those that the network
    expects."""
    if recording.bin * STEPS > 1000 * RECORDING_MS:
        raise ValueError(
            f"the page's camera records {RECORDING_MS} ms; {STEPS} steps of this network, of "
            f"{recording.bin / 1000:g} ms, are longer"
        )


def page(
    chip: IntegerNet,
    camera: EventCamera | None = None,
    seed: int = 0,
    refuse: int = 0,
    cells: tuple[int, int] | None = None,
    more: str = "",
) -> str:
    """Return the page, as HTML, for a network that classifies one symbol's counts, with this camera
    and the seed of its noise.

    refuse  see `Learner`
    cells   rows and columns of the camera's picture; None: those of the network's input
    more    a script for a network with another input, inserted between the library's and the page's
    """
    sizes = "-".join(str(layer.weight.shape[3]) for layer in chip.layers[:-1])
    words = {
        "network": f"{len(chip.layers) - 1} layers of {sizes} channels",
        "bits": chip.readout.bits,
        "inputs": len(chip.weight),
        "ms": f"{STEPS * chip.recording.bin / 1000:g}",
    }
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for name, value in words.items():
        text = text.replace(f"<!--{name}-->", str(value))
    files = [path.read_text(encoding="utf-8") for path in SCRIPTS]
    scripts = "\n".join([*files[:-1], more, files[-1]])
    scripts = re.sub(r"^import .*\n", "", re.sub(r"^export ", "", scripts, flags=re.M), flags=re.M)
    text = text.replace("/*page.css*/", (HERE / "page.css").read_text(encoding="utf-8"))
    return text.replace(
        "/*script*/",
        f"const DATA = {json.dumps(data(chip, camera, seed, refuse, cells))};\n{scripts}",
    )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
