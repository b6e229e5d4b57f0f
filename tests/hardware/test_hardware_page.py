"""The page: its camera is Python's, its network the chip, and a visitor can teach it by mouse and
by keyboard."""

import asyncio
import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import SEEN, arrays, draw, in_python, opened, seen, stroke
from firefox import Firefox
from tracing import strokes_of

import minisnn as ms
import minisnn.cli as cli
from minisnn.hardware.c.export import MODEL
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.chip.recording import Recording
from minisnn.hardware.command import REFUSE, SYMBOLS
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


def test_a_page_says_how_long_its_network_sees():
    """And is refused where that is longer than what the camera records."""
    chip = IntegerNet.of(ms.read(shipped("omniglot_fine.h5")))
    text = make.page(chip)
    assert '"bin": 3000, "centred": true' in text and "after 300 ms" in text
    chip.recording = Recording(bin=5000)
    with pytest.raises(ValueError, match="records 312 ms; 100 steps of this network, of 5 ms, are"):
        make.page(chip)


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


@pytest.mark.slow
def test_undo_forget_save_and_open(path, tmp_path):
    first, second = characters(2, 1)[:, 0]
    with opened(path, viewport={"width": 360, "height": 780}, color_scheme="dark") as page:
        answer, written = page.locator("#answer"), page.locator("#written")
        for picture in (first, second):
            draw(page, strokes_of(picture))
            page.get_by_role("button", name="A new symbol").click()
        assert "synapses were written" in written.inner_text()
        draw(page, strokes_of(first))
        assert "This is Symbol 1." in answer.inner_text()
        before = seen(page)["scores"]
        with page.expect_download() as download:
            page.click("#save")
        saved = Path(download.value.path()).read_text()
        with page.expect_download() as download:
            page.click("#board")
        board = Path(download.value.path()).read_bytes()
        assert board[:4] == b"msnn" and len(board) == page.evaluate("minisnn.net.save().length")
        page.click("#undo")
        page.locator("#known:not([aria-busy])").wait_for(state="attached")
        assert len(seen(page)["scores"]) == 1 and page.locator("#known li").count() == 1
        page.click("#forget")
        page.locator("#known:not([aria-busy])").wait_for(state="attached")
        assert "have not seen" in answer.inner_text() and page.locator("#known li").count() == 0
        for wrong in ("{", '{"minisnn": 1}', saved.replace("[1,1,", "[7,1,"), "null"):
            page.evaluate("text => minisnn.open(text)", wrong)
            assert (
                "nothing was changed" in written.inner_text()
                and page.locator("#known li").count() == 0
            )
        (tmp_path / "symbols.json").write_text(saved)
        page.set_input_files("#file", tmp_path / "symbols.json")
        page.locator("#known li").nth(1).wait_for()
        assert seen(page)["scores"] == before and "This is Symbol 1." in answer.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


# teaches what is shown, at once or where it was answered; whether it was wholly seen, and what stood there
TAUGHT = """async (waits) => {
  const answer = document.querySelector("#answer"), rest = () => new Promise((next) => setTimeout(next));
  while (!minisnn.seen || (waits && answer.ariaBusy)) await rest();
  const found = [minisnn.seen.scores !== undefined, answer.innerText];
  document.querySelector("#teach button:last-child").click();
  while (!answer.innerText.startsWith("Learned")) await rest();
  return found;
}"""


# takes back a lesson while it is looked at; whether that was wholly seen, and how many are left
UNDONE = """async (waits) => {
  const answer = document.querySelector("#answer"), rest = () => new Promise((next) => setTimeout(next));
  while (!minisnn.seen || (waits && answer.ariaBusy)) await rest();
  const whole = minisnn.seen.scores !== undefined;
  document.querySelector("#undo").click();
  while (document.querySelector("#known").ariaBusy) await rest();
  return [whole, minisnn.lessons.length];
}"""


@pytest.mark.slow
def test_the_network_goes_on_while_one_watches(path):
    """On a slow device the animation does not wait for it. What is taught or asked meanwhile is of
    all steps, as where one waits."""
    first, second = (strokes_of(picture) for picture in characters(2, 1)[:, 0])
    found = {}
    for waits in (True, False):
        with opened(path, reduced_motion="no-preference") as page:
            clock = page.context.new_cdp_session(page)
            clock.send("Emulation.setCPUThrottlingRate", {"rate": 1 if waits else 20})
            for strokes in (first, second):
                stroke(page, max(strokes, key=len))
                seen_of, words = page.evaluate(TAUGHT, waits)
                assert waits or (
                    not seen_of and words == "Watching …"
                )  # else nothing is shown here
            stroke(page, max(second, key=len))  # the animation ends before the network
            page.locator("#answer", has_text="This is Symbol 2.").wait_for()
            found[waits] = page.evaluate(
                "[0, 1].map((k) => [...minisnn.net.column(k)]).concat([minisnn.seen.scores])"
            )
            page.click("#clear")
            stroke(page, max(first, key=len))
            undone = page.evaluate(UNDONE, waits)
            assert waits or undone == [False, 1]
            page.locator("#answer", has_text="This is Symbol 1.").wait_for()
    assert found[False] == found[True]


@pytest.mark.slow
def test_a_defect_is_told_and_nobody_watches_for_ever(path):
    told = ""
    with pytest.raises(AssertionError), opened(path) as page:  # for the browser complains, too
        page.evaluate("() => { minisnn.net.spikes = () => { throw Error('no such memory'); }; }")
        stroke(page, max(strokes_of(characters(1, 1)[0, 0]), key=len))
        page.locator("#answer", has_text="This page met a defect.").wait_for()
        assert page.evaluate("document.querySelector('#answer').ariaBusy") is None
        told = page.locator("#answer").inner_text()
    assert "no such memory. Load it again" in told


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


@pytest.mark.slow
def test_firefox_teaches_and_recognises_as_python(path, chip):
    pictures, taught = characters(3, 2), []

    async def visit():
        async with Firefox() as fox:
            await fox.send(
                "browsingContext.navigate", context=fox.tab, url=path.as_uri(), wait="complete"
            )
            await fox.until("document.documentElement.dataset.ready")
            for picture in pictures[:, 0]:
                await fox.draw(strokes_of(picture))
                taught.append(arrays(await fox.evaluate(SEEN)))
                await fox.evaluate("document.querySelector('#teach').lastChild.click()")
            await fox.draw(strokes_of(pictures[1, 1]))
            return arrays(await fox.evaluate(SEEN)), fox.said, fox.asked

    found, said, asked = asyncio.run(visit())
    assert said == [] and {url for url in asked if not url.startswith(("data:", "blob:"))} <= {
        path.as_uri()
    }
    expected = in_python(chip, taught, [found])
    assert expected.agree >= 0.9999
    np.testing.assert_array_equal([found["scores"]], expected.scores)
    assert found["near"] == expected.answers[0]


@pytest.mark.slow
def test_a_page_that_may_refuse_says_that_it_is_not_sure(tmp_path, chip):
    path = tmp_path / "page.html"
    path.write_text(make.page(chip, refuse=1), encoding="utf-8")
    first, second = characters(2, 1)[:, 0]
    with opened(path) as page:
        draw(page, strokes_of(first))
        page.get_by_role("button", name="A new symbol").click()
        draw(page, strokes_of(second))
        assert "I am not sure." in page.locator("#answer").inner_text()
