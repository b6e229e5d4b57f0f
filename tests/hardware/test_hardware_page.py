"""The page: its camera is Python's, its network the chip, its memory what was written, and a visitor
can teach it."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import Sight, draw, in_python, opened, seen, sixty
from edge_library import in_node, needs_node
from slowly import slow

import minisnn as ms
import minisnn.cli as cli
from minisnn.hardware.c import export
from minisnn.hardware import IntegerNet
from minisnn.hardware.page import make

HERE, PAGE = Path(__file__).parent, Path(make.__file__).parent
EDGE = make.EDGE.parent


@pytest.fixture(scope="module")
def chip():
    return IntegerNet.of(ms.read("omniglot_fine.h5"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page, as `--open` shows it."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webbrowser.open", shown.append)
        assert cli.main(["hardware", "page", "--open", str(path)]) == 0
    assert shown == [path.as_uri()]
    return path


@needs_node
@pytest.mark.parametrize("side, step, centred", [(16, 1, False), (32, 3, True)])
def test_the_cameras_events_are_those_of_python(tmp_path, side, step, centred):
    """By the millisecond, and as a network of finer pictures, longer steps and centring takes them."""
    pictures = ms.load_digits().images[7::499]
    numbers = [0, 1, 2**32 + 5, *range(9, 17)]
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
    files = HERE / "page_camera.mjs", PAGE / "camera.mjs", *sorted(tmp_path.iterdir())
    ran = subprocess.run(["node", *files], capture_output=True, check=True)
    found = np.frombuffer(ran.stdout, np.uint8).reshape(len(pictures), 100, side, side, 2)
    sight = Sight(camera, 3, (32, 32), 32 // side, step_ms=step, centred=centred)
    expected = sight.counts(pictures, np.array(numbers), 0)
    assert (found == expected).mean() >= 0.9999 and expected.sum() > 500 * len(pictures)


@needs_node
def test_the_page_shows_the_chips_spikes_and_traces_and_why_it_answers(tmp_path, chip, rng):
    steps = 45
    blank = make.empty(chip)
    x = (rng.random((3, steps, *blank.input_shape)) < 0.12).astype(np.uint8)
    (tmp_path / "counts").write_bytes(x.tobytes())
    (tmp_path / "model").write_bytes(export.packed(blank, make.learner(blank, "class-mean")))
    script = """
import { readFileSync } from "node:fs";
const { Edge } = await import(EDGE + "/minisnn_edge.mjs"), { evidence } = await import(PAGE + "/views.mjs");
const [wasm, model, counts] = process.argv.slice(2).map((name) => readFileSync(name)), steps = 45;
const net = await Edge.create(wasm, model, { steps, classes: 3 }), size = steps * net.cells;
const spikes = net.layers.map(() => []), ids = [0, 1].map(() => net.addClass());
ids.forEach((id, n) => { net.recording(counts.subarray(n * size, (n + 1) * size), steps); net.learn(id); });
for (const _ of net.presenting(counts.subarray(2 * size), steps)) spikes.forEach((all, n) => all.push([...net.spikes(n)]));
const p = net.traces(), [a, b] = ids.map((_, k) => net.column(k));
console.log(JSON.stringify({ layers: net.layers, spikes, traces: [...p], far: [...net.distances().slice(0, 2)],
  why: [...evidence(p, a, b, true, net.layers.at(-1)[2])] }));
"""
    files = make.EDGE.with_suffix(".wasm"), tmp_path / "model", tmp_path / "counts"
    found = in_node(tmp_path, script, *files)
    for n, shape in enumerate(found["layers"]):
        spikes = blank.spikes(x[2:], layers=n + 1)[0]
        assert list(spikes.shape[1:]) == shape and spikes.sum() > 100
        np.testing.assert_array_equal(np.reshape(found["spikes"][n], spikes.shape), spikes)
    np.testing.assert_array_equal(found["traces"], blank.traces_of(x[2:])[0, -1])
    # what speaks for a class adds up to its lead
    assert sum(found["why"]) == pytest.approx(found["far"][1] - found["far"][0], abs=1.01)


@needs_node
def test_lessons_as_text_and_as_a_link_are_read_again_or_refused(tmp_path):
    script = """
const { linked, read, unlinked, written } = await import(PAGE + "/memory.mjs");
const cup = { name: "Täßchen ☕" }, rules = ["class-mean"];
const picture = Uint8Array.from({ length: 49 }, (_, i) => (i % 3 ? 0 : 255));
const counts = Uint8Array.from({ length: 900 }, (_, i) => (i % 301 === 7 ? 2 : 0));
const lesson = { of: cup, number: 7, picture };
const text = written({ classes: [cup], lessons: [lesson] }, 7, rules[0]);
const live = written({ classes: [cup], lessons: [{ ...lesson, counts, live: true }] }, 7, rules[0]);
const back = read(unlinked(linked(text)), 7, rules, 2), kept = read(live, 7, rules, 2, 900).lessons[0].counts;
const damaged = [text.slice(0, -1), text.replace("[0,7", "[1,7"), text.replace(":2", ":3"), "null", "[]"];
const wrong = damaged.map((one) => [one, 7, rules, 2]);
wrong.push([text, 8, rules, 2], [text, 7, rules, 0], [live, 7, rules, 2, 901]);
const refused = (how) => { try { read(...how); return false; } catch { return true; } };
console.log(JSON.stringify([back.names, back.lessons[0].label, back.lessons[0].number,
  back.lessons[0].picture.join() === picture.join(), kept.join() === counts.join(), wrong.every(refused)]));
"""
    assert in_node(tmp_path, script) == [["Täßchen ☕"], 0, 7, True, True, True]


@needs_node
def test_frames_of_a_webcam_become_ink_and_a_scene_between_them(tmp_path):
    """Dark on bright and bright on dark alike; a shadow is no ink; without contrast there is none."""
    script = """
const { between, inked } = await import(PAGE + "/webcam.mjs");
const frame = (paper, ink, shadow) => Float64Array.from({ length: 100 }, (_, i) => (i < 10 ? ink : i < 20 ? shadow : paper));
const ink = (...all) => [...inked([{ t: 0, grey: frame(...all) }])[0].picture.filter((_, i) => i % 10 === 0)].slice(0, 3);
const at = between([0, 10, 20].map((t) => ({ t, picture: t })), (t) => Float64Array.of(t * t));
console.log(JSON.stringify([ink(200, 50, 180), ink(20, 220, 40), inked([{ t: 0, grey: frame(120, 110, 125) }]),
  [0, 5, 10, 15, 20, 30].map((step) => at(step)[0])]));
"""
    full = [255, 0, 0]
    assert in_node(tmp_path, script) == [full, full, None, [0, 50, 100, 250, 400, 400]]


@pytest.mark.parametrize("words, refuses", [("", True), slow(("--bits 4", False))])
def test_a_page_refuses_as_its_own_network_was_found_to_need(tmp_path, words, refuses):
    """By a threshold and by what is no class; in other words distances are others."""
    path = tmp_path / "page.html"
    assert cli.main(["hardware", "page", str(path), *words.split()]) == 0
    text = path.read_text(encoding="utf-8").split("const DATA = ")[1]
    found = json.JSONDecoder().raw_decode(text)[0]
    model = np.frombuffer(base64.b64decode(found["model"]), "<i4")[3:]
    numbers = model[[export.MODEL.index("refuse"), len(export.MODEL) + 1]]
    assert ((numbers > 0) == refuses).all()


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
    for source in (EDGE / "wasm.c", EDGE / "Makefile", *EDGE.glob("minisnn_edge*.[ch]")):
        shutil.copy(source, tmp_path)
    subprocess.run(["make", "-s", "minisnn_edge.wasm"], cwd=tmp_path, check=True)
    built = tmp_path / "minisnn_edge.wasm"
    assert built.read_bytes() == make.EDGE.with_suffix(".wasm").read_bytes()


@pytest.mark.parametrize("rule, number, each", [slow(("class-mean", 5, 2)), ("membrane", 2, 1)])
def test_characters_are_taught_by_one_drawing_each_and_recognised_as_by_python(
    path, chip, rule, number, each
):
    """Of evaluation characters, which no network was trained with, by four people each."""
    drawn = ms.read_strokes(HERE.parent / "benchmarks" / "tracings.npz")
    strokes = [[(one.xy / 105).tolist() for one in drawn.of(n)] for n in range(4 * number)]
    taught = []
    asked = []
    with opened(path) as page:
        if rule != "class-mean":
            page.select_option("#rule", rule)
        for first in strokes[::4]:
            draw(page, first)
            taught.append(seen(page))
            page.get_by_role("button", name="A new symbol").click()
        for another in [one for n, one in enumerate(strokes) if 0 < n % 4 <= each]:
            draw(page, another)
            asked.append(seen(page))
            page.click("#clear")
    found = in_python(chip, taught, asked, rule)
    assert found.agree >= 0.9999
    np.testing.assert_array_equal([one["scores"] for one in asked], found.scores)
    np.testing.assert_array_equal([one["near"] for one in asked], found.answers)
    right = (found.answers == np.repeat(np.arange(number), each)).mean()
    assert right >= 0.5  # of five, chance is 0.2


# ---- a first visitor's mistakes

ELL = [(0.3, 0.2), (0.3, 0.8), (0.7, 0.8)]
HOOK = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def lessons(page) -> int:
    return page.evaluate("minisnn.lessons.length")


def teach(page, points) -> None:
    draw(page, [points])
    known = lessons(page)
    press(page, "A new symbol")
    page.wait_for_function(f"minisnn.lessons.length === {known + 1}")
    page.locator("#known:not([aria-busy])").wait_for(state="attached")


def reloads(page) -> None:
    teach(page, ELL)
    teach(page, HOOK)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    draw(page, [HOOK])
    assert "This is Symbol 2." in page.locator("#answer").text_content()


def teaches_sixty(page) -> None:
    page.evaluate("text => minisnn.open(text)", sixty())
    assert lessons(page) == 60 and page.evaluate("minisnn.net.classes") == 20
    teach(page, ELL)
    draw(page, [ELL])
    assert "This is Symbol 1." in page.locator("#answer").text_content()


def uses_the_keyboard_only(page) -> None:
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


def uses_a_finger(page) -> None:
    page.locator("#paper").scroll_into_view_if_needed()
    box = page.locator("#paper").bounding_box()
    finger = page.context.new_cdp_session(page)
    for kind, *points in (
        ("touchStart", ELL[0]),
        *(("touchMove", p) for p in ELL[1:]),
        ("touchEnd",),
    ):
        touched = [
            dict(x=box["x"] + x * box["width"], y=box["y"] + y * box["height"]) for x, y in points
        ]
        finger.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=touched))
    page.locator("#answer", has_text="I have not seen this before.").wait_for()
    page.wait_for_timeout(2500)  # Chromium swallows some taps that follow a stroke sooner
    page.get_by_role("button", name="A new symbol").tap()
    page.locator("#answer", has_text="Learned: Symbol 1.").wait_for()


VISITS = reloads, teaches_sixty


@pytest.mark.parametrize("width", [360, slow(1920)])
@pytest.mark.parametrize("visit", [uses_the_keyboard_only, uses_a_finger, *map(slow, VISITS)])
def test_a_first_visit_ends_as_one_would_expect(path, visit, width):
    with opened(path, viewport={"width": width, "height": 900}, has_touch=True) as page:
        visit(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
