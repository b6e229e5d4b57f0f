"""The camera of this device as the page's second input, in Chromium with a camera of files."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import in_python, opened, seen

import minisnn as ms
from minisnn.data.store.shipped import shipped
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.command import SYMBOLS
from minisnn.hardware.page import make

PAGE = Path(make.__file__).parent
ALLOW = "--use-fake-ui-for-media-stream"
FAKE = "--use-fake-device-for-media-stream"


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


@pytest.mark.slow
def test_a_symbol_before_the_camera_is_taught_kept_and_recognised(path, tmp_path, chip):
    """One drawing of each of two characters, then one by another hand; counts that were kept are
    those that Python's chip learns from."""
    text, taught = "", []
    for n, (which, drawer) in enumerate([(3, 0), (40, 0), (3, 1)]):
        file = film(tmp_path / f"{n}.y4m", character(which, drawer))
        with opened(path, ALLOW, FAKE, f"--use-file-for-fake-video-capture={file}") as page:
            if text:
                page.evaluate("text => minisnn.open(text)", text)
            found = look(page)
            if n < 2:
                taught.append(found)
                page.get_by_role("button", name="A new symbol").click()
                page.locator("#known li").nth(n).wait_for()
                text = page.evaluate("minisnn.saved()")
                assert json.loads(text)["minisnn"] == 3
                continue
            assert "This is Symbol 1." in page.locator("#answer").inner_text()
            kept = page.evaluate("minisnn.lessons.map(({counts}) => [...counts])")
            for one, counts in zip(taught, kept):
                np.testing.assert_array_equal(one["counts"].ravel(), counts)
            page.click("#camera")
            assert page.evaluate("minisnn.eye.open") is False and page.is_visible("#paper")
    u = in_python(chip, taught, [found], given=True).scores
    np.testing.assert_array_equal([found["scores"]], u)


@pytest.mark.slow
def test_without_a_camera_or_a_permission_the_page_says_so(path):
    """And asks for one only after a click."""
    with opened(path) as page:
        assert page.locator("#aside").inner_text() == ""
        page.click("#camera")
        page.locator("#aside", has_text="Drawing works without").wait_for()
        assert page.is_visible("#paper") and page.evaluate("minisnn.eye.open") is False


@pytest.mark.slow
def test_a_camera_that_sees_nothing_gives_no_lesson(path, tmp_path):
    file = film(tmp_path / "plain.y4m", np.zeros((28, 28), np.uint8))
    with opened(path, ALLOW, FAKE, f"--use-file-for-fake-video-capture={file}") as page:
        page.click("#camera")
        page.locator("#eye:visible").wait_for()
        page.click("#look")
        page.locator("#answer", has_text="no symbol before the camera").wait_for()
        assert page.get_by_role("button", name="A new symbol").is_disabled()
