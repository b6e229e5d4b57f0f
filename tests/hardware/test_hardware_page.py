"""The page: its camera is Python's, its network the chip, and a visitor can teach it by mouse and
by keyboard."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import draw, in_python, opened, seen
from tracing import strokes_of

import minisnn as ms
import minisnn.cli as cli
from minisnn.hardware.c.export import MODEL
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.options import REFUSE, SYMBOLS
from minisnn.hardware.page import make
from minisnn.data.sets.digits import load_digits
from minisnn.data.sets.pools import Sight
from minisnn.data.store.shipped import shipped
from slowly import slow

HERE, EDGE = Path(__file__).parent, Path(make.__file__).parents[1] / "c"


@pytest.fixture(scope="module")
def chip():
    return IntegerNet.of(ms.read(shipped(SYMBOLS)))


@pytest.fixture
def path(tmp_path, chip):
    path = tmp_path / "page.html"
    path.write_text(make.page(chip), encoding="utf-8")
    return path


def characters(number: int, drawings: int) -> np.ndarray:
    """Pictures (number, drawings, 28, 28) of evaluation characters, which no network was trained
    with."""
    with np.load(shipped("omniglot_28x28.npz"), allow_pickle=False) as archive:
        found = np.unpackbits(archive["evaluation"], axis=-1).reshape(-1, 20, 28, 28)
    rng = np.random.default_rng(4)
    return found[rng.choice(len(found), number, replace=False)][
        :, rng.permutation(20)[:drawings]
    ] * np.uint8(255)


@pytest.mark.parametrize("side, step, centred", [(16, 1, False), (32, 3, True)])
def test_the_cameras_events_are_those_of_python(tmp_path, side, step, centred):
    """By the millisecond, and as a network of finer pictures, longer steps and centring takes them."""
    if not shutil.which("node"):
        pytest.skip("no node; Debian package: nodejs")
    pictures, numbers = load_digits().images[7::499], [0, 1, 2**32 + 5, *range(9, 17)]
    pictures = np.ascontiguousarray(pictures[: len(numbers)])
    camera = ms.EventCamera(sensor_seed=4, time_constant_ms=0.5)
    scene, arrays = make.scene_of(camera, (side, side), 3)
    arrays = {
        name: make._text(np.ascontiguousarray(array, "<f8").tobytes())
        for name, array in arrays.items()
    }
    data = dict(scene=scene, arrays=arrays, steps=100, cells=[side, side], numbers=numbers)
    data |= dict(bin=1000 * step, centred=centred)
    (tmp_path / "data.json").write_text(json.dumps(data))
    (tmp_path / "pictures.bin").write_bytes(pictures.tobytes())
    files = (
        HERE / "page_camera.mjs",
        Path(make.__file__).with_name("camera.mjs"),
        tmp_path / "data.json",
        tmp_path / "pictures.bin",
    )
    ran = subprocess.run(["node", *files], capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()
    found = np.frombuffer(ran.stdout, np.uint8).reshape(len(pictures), 100, side, side, 2)
    sight = Sight(camera, 3, (32, 32), 32 // side, step_ms=step, centred=centred)
    expected = sight.counts(pictures, np.array(numbers), 0)
    assert (found == expected).mean() >= 0.9999 and expected.sum() > 500 * len(pictures)


def test_the_threshold_of_the_network_that_ships_is_the_records():
    """What `minisnn hardware refuse` chose on validation characters."""
    kept = HERE.parents[1] / "data" / "results" / "hardware-refuse.json"
    record = json.loads(kept.read_text(encoding="utf-8"))
    [command] = record["measured"]["commands"]
    assert f"--checkpoint {SYMBOLS} --allowed 5" in command
    assert record["figures"]["refuse"]["value"] == REFUSE


@pytest.mark.parametrize(
    "words, threshold, knows",
    [
        ("", REFUSE, True),
        ("--refuse 0", 0, False),
        ("--refuse 7", 7, True),
        ("--bits 4", 0, False),
        ("--checkpoint other.h5", 0, False),
    ],
)
@pytest.mark.every(4)
def test_a_page_refuses_as_its_own_network_was_found_to_need(
    tmp_path, monkeypatch, words, threshold, knows
):
    """In other words, or of another network, distances are others. `knows`: what is no class."""
    monkeypatch.chdir(tmp_path)
    found = ms.read(shipped(SYMBOLS))
    ms.save("other.h5", found.net, 1.01 * found.theta, inner=found.inner, config=found.config)
    path = tmp_path / "page.html"
    assert cli.main(["hardware", "page", str(path), *words.split()]) == 0
    text = path.read_text(encoding="utf-8").split("const DATA = ")[1]
    found = json.JSONDecoder().raw_decode(text)[0]
    model = np.frombuffer(base64.b64decode(found["model"]), "<i4")[3:]
    assert model[MODEL.index("refuse")] == threshold
    assert (model[len(MODEL) + 1] > 0) == knows


def test_the_page_is_small_and_asks_for_nothing(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= 1_000_000
    for word in ("fetch(", "XMLHttpRequest", "http:", "https:", "src=", "@import", "url("):
        assert word not in text, word


def test_the_module_that_ships_is_the_library(tmp_path):
    """Built again by the clang that made it; by another, it need not be the same bytes."""
    if not shutil.which("clang") or not shutil.which("wasm-ld"):
        pytest.skip("no clang, wasm-ld; Debian packages: clang lld wasi-libc")
    version = subprocess.run(["clang", "--version"], capture_output=True, text=True).stdout
    if "clang version 14." not in version:
        pytest.skip(f"minisnn_edge.wasm was built by clang 14, not by {version.splitlines()[0]}")
    for path in (EDGE / "wasm.c", EDGE / "Makefile", *EDGE.glob("minisnn_edge*.[ch]")):
        shutil.copy(path, tmp_path)
    subprocess.run(["make", "-s", "minisnn_edge.wasm"], cwd=tmp_path, check=True)
    assert (tmp_path / "minisnn_edge.wasm").read_bytes() == (
        EDGE / "minisnn_edge.wasm"
    ).read_bytes()


@pytest.mark.parametrize("rule, number, each", [slow(("class-mean", 5, 2)), ("membrane", 2, 1)])
def test_characters_are_taught_by_one_drawing_each_and_recognised_as_by_python(
    path, chip, rule, number, each
):
    pictures, taught, asked = characters(number, 1 + each), [], []
    with opened(path) as page:
        if rule != "class-mean":
            page.select_option("#rule", rule)
        for picture in pictures[:, 0]:
            draw(page, strokes_of(picture))
            taught.append(seen(page))
            page.get_by_role("button", name="A new symbol").click()
        for picture in pictures[:, 1:].reshape(-1, 28, 28):
            draw(page, strokes_of(picture))
            asked.append(seen(page))
            page.click("#clear")
    found = in_python(chip, taught, asked, rule)
    assert found.agree >= 0.9999
    np.testing.assert_array_equal([one["scores"] for one in asked], found.scores)
    np.testing.assert_array_equal([one["near"] for one in asked], found.answers)
    right = (found.answers == np.repeat(np.arange(number), each)).mean()
    assert right >= 0.5  # of five, chance is 0.2


def test_the_keyboard_and_a_screen_reader_suffice(path):
    with opened(path) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "paper"
        for key in ["Space", *["ArrowDown"] * 8, *["ArrowRight"] * 8, "Space", "Enter"]:
            page.keyboard.press(key)
        page.locator("#replay:enabled").wait_for()
        assert seen(page)["picture"].any()
        for _ in range(9):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "A new symbol":
                break
        page.keyboard.press("Enter")
        assert "Learned: Symbol 1." in page.locator("[aria-live][role=status]").inner_text()
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input:not([hidden]), select, canvas, "
            "svg')].filter((e) => "
            "!(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || "
            "e.getAttribute('aria-hidden')))"
            ".map((e) => e.outerHTML)"
        )
        assert nameless == []
