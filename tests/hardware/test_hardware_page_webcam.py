"""The camera of this device as the page's second input, in Chromium with a camera of files."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import seen

import minisnn as ms
from minisnn.data.store.shipped import shipped
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.options import SYMBOLS
from minisnn.hardware.page import make

PAGE = Path(make.__file__).parent


@pytest.fixture(scope="module")
def chip():
    return IntegerNet.of(ms.read(shipped(SYMBOLS)))


@pytest.fixture(scope="module")
def path(tmp_path_factory, chip):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(make.page(chip), encoding="utf-8")
    return path


def character(which: int, drawer: int) -> np.ndarray:
    """Ink (28, 28) of an evaluation character, which no network was trained with."""
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        return np.unpackbits(archive["evaluation"][which, drawer]).reshape(28, 28)


def film(path: Path, ink: np.ndarray) -> Path:
    """A second of YUV4MPEG2, 320 x 240: dark ink on bright paper, which shakes by a pixel."""
    big = np.kron(ink, np.ones((8, 8)))
    frames = []
    for n in range(30):
        grey = np.full((240, 320), 210, np.uint8)
        top, left = 8 + n % 2, 48 + (n // 2) % 2
        grey[top : top + 224, left : left + 224] -= (150 * big).astype(np.uint8)
        frames.append(b"FRAME\n" + grey.tobytes() + bytes([128]) * (2 * 120 * 160))
    path.write_bytes(b"YUV4MPEG2 W320 H240 F30:1 Ip A1:1 C420jpeg\n" + b"".join(frames))
    return path


def look(page) -> dict:
    page.click("#camera")
    page.locator("#eye:visible").wait_for()
    page.click("#look")
    page.locator("#replay:enabled").wait_for()
    page.locator("#answer:not([aria-busy])").wait_for()
    return seen(page)


def test_frames_become_ink_and_a_scene_between_them(tmp_path):
    """Dark on bright and bright on dark alike; a shadow is no ink; without contrast there is none."""
    if not shutil.which("node"):
        pytest.skip("no node; Debian package: nodejs")
    (tmp_path / "try.mjs").write_text(
        f"""const {{ between, inked }} = await import({json.dumps((PAGE / "webcam.mjs").as_uri())});
const frame = (paper, ink, shadow) => Float64Array.from({{ length: 100 }}, (_, i) => (i < 10 ? ink : i < 20 ? shadow : paper));
const ink = (...all) => [...inked([{{ t: 0, grey: frame(...all) }}])[0].picture.filter((_, i) => i % 10 === 0)].slice(0, 3);
const at = between([0, 10, 20].map((t) => ({{ t, picture: t }})), (t) => Float64Array.of(t * t));
console.log(JSON.stringify([ink(200, 50, 180), ink(20, 220, 40), inked([{{ t: 0, grey: frame(120, 110, 125) }}]),
  [0, 5, 10, 15, 20, 30].map((step) => at(step)[0])]));
"""
    )
    ran = subprocess.run(["node", tmp_path / "try.mjs"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    full = [255, 0, 0]
    assert json.loads(ran.stdout) == [full, full, None, [0, 50, 100, 250, 400, 400]]
