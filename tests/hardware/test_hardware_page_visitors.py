"""A first visitor's mistakes on the page, and that they end as a person would expect."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import draw, opened, stroke
from visitor import HANDS, all_mistakes, visiting

import minisnn as ms
import minisnn.cli as cli
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.command import SYMBOLS
from minisnn.hardware.page import make
from minisnn.data.store.shipped import shipped

PAGE = Path(make.__file__).parent
VEE, HOOK = [[(0.3, 0.2), (0.5, 0.8), (0.7, 0.2)]], [[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]]
# linear RGB as it is seen without one kind of cones (Machado, Oliveira & Fernandes 2009)
SIGHTS = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
AXE = "axe.run().then(({violations}) => violations.map(({id, nodes}) => [id, nodes[0].html]))"
SIZES = [(360, 780), (1280, 900), (1920, 1080)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """As the command writes it."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    assert cli.main(["hardware", "page", str(path)]) == 0
    return path


def teach(page, strokes) -> None:
    draw(page, strokes)
    known = lessons(page)
    page.get_by_role("button", name="A new symbol").click()
    page.wait_for_function(f"minisnn.lessons.length === {known + 1}")  # a busy page begins later
    settled(page)


def settled(page) -> None:
    """What is known is no longer changing."""
    page.locator("#known:not([aria-busy])").wait_for(state="attached")


def names(page) -> list[str]:
    return page.evaluate("minisnn.classes.map(({name}) => name)")


def lessons(page) -> int:
    return page.evaluate("minisnn.lessons.length")


def contrast(one: str, other: str) -> float:
    """Of two colours #rrggbb, as WCAG 2 has it."""

    def light(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        parts = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    low, high = sorted((light(one), light(other)))
    return high / low


def colours() -> list[str]:
    said = re.search(r"const COLOURS = (\[.*?\]);", (PAGE / "page.mjs").read_text())[1]
    return json.loads(said)


def perceived(names: list[str], sight: np.ndarray) -> np.ndarray:
    """Places (colours, 3) in OKLab (Ottosson 2020) of colours seen through a matrix of linear RGB."""
    found = np.array([[int(name[k : k + 2], 16) / 255 for k in (1, 3, 5)] for name in names])
    linear = np.where(found <= 0.04045, found / 12.92, ((found + 0.055) / 1.055) ** 2.4)
    return np.cbrt(np.clip(linear @ sight.T, 0, None) @ CONES.T) @ LAB.T


@pytest.mark.parametrize("sight", SIGHTS)
def test_twelve_colours_can_be_told_apart_by_the_colour_blind(sight):
    """At least three times as far apart as what can just be told apart, 0.02."""
    seen = perceived(colours(), np.array(SIGHTS[sight]))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[np.triu_indices(12, 1)].min() >= 0.06


def test_twelve_colours_can_be_told_from_both_papers():
    papers = re.findall(r"--panel: (#\w+);", (PAGE / "page.css").read_text())
    assert len(set(colours())) == 12 and len(papers) == 2
    for paper in papers:
        full = paper if len(paper) == 7 else "#" + "".join(2 * c for c in paper[1:])
        assert min(contrast(colour, full) for colour in colours()) >= 3


def test_lessons_as_text_and_as_a_link(tmp_path):
    """What is written is read again; what is cut, of another page or with too many is not."""
    if not shutil.which("node"):
        pytest.skip("no node; Debian package: nodejs")
    (tmp_path / "try.mjs").write_text(
        f"""const script = {json.dumps((PAGE / "memory.mjs").as_uri())};
const {{ linked, read, unlinked, written }} = await import(script);
const cup = {{ name: "Täßchen ☕" }};
const picture = Uint8Array.from({{ length: 49 }}, (_, i) => (i % 3 ? 0 : 255));
const text = written({{ classes: [cup], lessons: [{{ of: cup, number: 7, picture }}] }}, 7, "class-mean");
const back = read(unlinked(linked(text)), 7, ["class-mean"], 2);
const refused = (...how) => {{
  try {{ read(...how); return false; }} catch {{ return true; }}
}};
const counts = Uint8Array.from({{ length: 900 }}, (_, i) => (i % 301 === 7 ? 2 : 0));
const live = written({{ classes: [cup], lessons: [{{ of: cup, number: 7, picture, counts, live: true }}] }}, 7, "class-mean");
const kept = read(live, 7, ["class-mean"], 2, 900).lessons[0].counts;
const wrong = [text.slice(0, -1), text.replace("[0,7", "[1,7"), text.replace(":2", ":3"), "null", "[]"];
console.log(JSON.stringify([back.names, back.lessons[0].label, back.lessons[0].number,
  back.lessons[0].picture.every((x, i) => x === picture[i]), /^#lessons=[\\w-]+$/.test(linked(text)),
  wrong.every((one) => refused(one, 7, ["class-mean"], 2)), refused(text, 8, ["class-mean"], 2),
  refused(text, 7, ["class-mean"], 0), kept.join() === counts.join(), refused(live, 7, ["class-mean"], 2, 901),
  refused(live.replace('"cells":900', '"cells":600'), 7, ["class-mean"], 2, 600)]));
"""
    )
    ran = subprocess.run(["node", tmp_path / "try.mjs"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [["Täßchen ☕"], 0, 7, *[True] * 8]


@pytest.mark.slow
@pytest.mark.parametrize("pause, drawing", [(700, 2), (1600, 2), (1800, 1)])
def test_two_strokes_soon_after_each_other_are_one_drawing(path, pause, drawing):
    """By the page's own clock, which stands still but for the pause."""
    with opened(path) as page:
        page.clock.install()
        page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
        stroke(page, VEE[0])
        page.clock.run_for(pause)
        page.locator("#answer", has_text="I have not seen this before.").wait_for()
        stroke(page, HOOK[0])
        assert page.evaluate("minisnn.strokes.length") == drawing


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("by", HANDS)
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_ten_mistakes_of_a_first_visitor_end_as_one_would_expect(path, browser, by, size):
    with visiting(browser, path, size, by) as visitor:
        all_mistakes(visitor, size[0])


@pytest.mark.slow
def test_a_link_holds_the_lessons(path):
    with opened(path) as page:
        teach(page, VEE)
        teach(page, HOOK)
        page.click("#share")
        link = page.locator("#link").input_value()
        page.click("#forget")
        page.goto("about:blank")
        page.goto(link)
        page.wait_for_selector("html[data-ready]")
        assert lessons(page) == 2 and "#" not in page.url


LESSON = "document.querySelector('#teach > :last-child').click(); "
RULE = "rule.selectedIndex ^= 1; rule.dispatchEvent(new Event('change')); "


@pytest.mark.slow
@pytest.mark.parametrize(
    "first, stays", [(LESSON + RULE, True), (RULE, False)], ids=["lesson", "rule"]
)
def test_a_link_that_replaces_lessons_waits_and_says_how_they_come_back(path, first, stays):
    """While something is learned a link waits, and the rule stays."""
    with opened(path) as page:
        teach(page, VEE)
        page.click("#share")
        hash = "#" + page.locator("#link").input_value().split("#")[1]
        draw(page, HOOK)
        come = "history.replaceState(null, '', hash); dispatchEvent(new Event('hashchange')); "
        shown = f"(hash) => {{ {first}{come}return rule.value; }}"  # `rule`: the element of that id
        assert (page.evaluate(shown, hash) == "class-mean") == stays
        page.locator("#written", has_text="by the link; Undo brings back yours.").wait_for()
        assert names(page) == ["Symbol 1"] and page.evaluate("minisnn.net.classes") == 1
        assert page.input_value("#rule") == "class-mean" and "#" not in page.url
        for known in (["Symbol 1", "Symbol 2"], ["Symbol 1"]) if stays else (["Symbol 1"], []):
            page.wait_for_timeout(600)  # else it is a double click
            page.click("#undo")
            settled(page)
            assert names(page) == known


@pytest.mark.slow
def test_a_tab_is_told_when_another_one_teaches(path):
    said = "Another tab changed what is kept: load this page again to see it"
    with opened(path) as page:
        teach(page, VEE)
        other = page.context.new_page()
        other.goto(path.as_uri())
        other.wait_for_selector("html[data-ready]")
        other.evaluate("localStorage.setItem('another page', '1')")
        page.wait_for_timeout(500)
        assert said not in page.locator("#written").inner_text()  # what was read is what was kept
        teach(other, HOOK)
        page.locator("#written", has_text=said).wait_for()
        assert said not in other.locator("#written").inner_text()
        assert lessons(page) == 1 and lessons(other) == 2


@pytest.mark.slow
def test_a_browser_that_keeps_nothing_is_told_of(path):
    with opened(path) as page:
        page.evaluate("() => { Storage.prototype.setItem = () => { throw Error('full'); }; }")
        teach(page, VEE)
        assert "This browser keeps nothing" in page.locator("#written").inner_text()
        page.click("#forget")
        settled(page)
        assert "keeps nothing" not in page.locator("#written").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil, again",
    [
        ("one", False),
        ("{...one, of: 1}", True),
        ("{...one, ids: [7, 8]}", True),
        ("{...one, bytes: one.bytes.replace(/.$/, (c) => (c === 'B' ? 'C' : 'B'))}", True),
    ],
)
def test_who_comes_back_waits_only_where_what_was_left_is_not_these_lessons(path, spoil, again):
    saved = "minisnn.net.save().join()"
    with opened(path) as page:
        teach(page, VEE)
        teach(page, HOOK)
        before = page.evaluate(saved)
        page.add_init_script(
            "{ const name = Object.keys(localStorage).find((one) => one.endsWith('.state'));"
            " const one = JSON.parse(localStorage.getItem(name));"
            f" localStorage.setItem(name, JSON.stringify({spoil})); }}"
        )
        # not by about:blank: now and then Chromium's next process for a file finds nothing stored
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate(saved) == before and names(page) == ["Symbol 1", "Symbol 2"]
        assert page.locator("#known li").count() == 2
        assert ("synapses were written" in page.locator("#written").inner_text()) == again
        page.locator("#known .drawings button").first.click()
        settled(page)
        assert names(page) == ["Symbol 2"]


@pytest.mark.slow
def test_two_that_become_one_by_their_name_can_be_had_back(path):
    with opened(path) as page:
        teach(page, VEE)
        teach(page, HOOK)
        name = page.locator("#known li input").nth(1)
        name.fill("symbol 1 ")
        name.press("Enter")
        page.get_by_role("button", name="Make them one").click()
        settled(page)
        assert page.evaluate("minisnn.net.known().map(({shots}) => shots)") == [2]
        page.click("#undo")
        settled(page)
        assert page.evaluate("minisnn.net.known().map(({shots}) => shots)") == [1, 1]


@pytest.mark.slow
def test_what_a_lesson_wrote_and_why_an_answer_is_given_are_shown(path):
    with opened(path) as page:
        teach(page, VEE)
        assert page.is_visible("#lesson") and not page.is_visible("#membranes")
        said = page.locator("#lesson figcaption").all_inner_texts()
        assert said[0] == "before: nothing" and said[1].startswith("after; this drawing is 0.")
        teach(page, HOOK)
        draw(page, VEE)
        assert not page.is_visible("#lesson") and page.is_visible("#membranes")
        assert "speak for Symbol 1, and for Symbol 2" in page.locator("#for").inner_text()
        spikes = page.evaluate(
            "minisnn.seen.spikes.map((all) => all.flatMap((x) => [...x]).reduce((a, b) => a + b))"
        )
        shown = page.locator("#layers figcaption").all_inner_texts()
        assert shown == [f"layer {n + 1}: {x:,} spikes" for n, x in enumerate(spikes)]


@pytest.mark.slow
def test_one_drawing_or_one_class_is_forgotten_and_had_back(path):
    with opened(path) as page:
        teach(page, VEE)
        teach(page, HOOK)
        draw(page, VEE)
        page.locator("#teach button").first.click()
        page.get_by_role("button", name="Forget drawing 1 of Symbol 1").click()
        settled(page)
        assert page.evaluate("minisnn.net.known().map(({shots}) => shots)") == [1, 1]
        page.get_by_role("button", name="Forget Symbol 1", exact=True).click()
        settled(page)
        assert names(page) == ["Symbol 2"] and page.evaluate("minisnn.net.classes") == 1
        page.wait_for_timeout(600)  # else it is a double click
        page.click("#undo")
        settled(page)
        assert names(page) == ["Symbol 1", "Symbol 2"]
        draw(page, VEE)
        assert "This is Symbol 1." in page.locator("#answer").inner_text()


@pytest.mark.slow
def test_tests_are_counted_and_nothing_is_learned(path):
    with opened(path) as page:
        teach(page, VEE)
        teach(page, HOOK)
        page.check("#testing")
        draw(page, VEE)
        page.locator("#teach button").first.click()
        draw(page, VEE)
        page.locator("#teach button").nth(1).click()
        assert "1 of 2 tests were right." in page.locator("#tally").inner_text()
        assert lessons(page) == 2 and page.locator("#confusion tr").count() == 4


@pytest.mark.slow
def test_axe_finds_no_violation(path):
    """axe-core, from npm: name the folder of its axe.min.js in AXE_CORE."""
    script = Path(os.environ.get("AXE_CORE", "node_modules/axe-core")) / "axe.min.js"
    if not script.is_file():
        pytest.skip("no axe-core; npm install axe-core, and name its folder in AXE_CORE")
    for scheme in ("light", "dark"):
        with opened(path, color_scheme=scheme) as page:
            page.evaluate(script.read_text() + "; 0")
            teach(page, VEE)
            found = [page.evaluate(AXE)]  # what the lesson wrote
            teach(page, HOOK)
            draw(page, VEE)
            page.click("#camera")  # there is none, and the page says so
            page.locator("#aside:not(:empty)").wait_for()
            found.append(page.evaluate(AXE))  # and why it answers
            page.click("#screen")
            found.append(page.evaluate(AXE))
            assert found == [[], [], []]


@pytest.mark.slow
def test_the_page_says_when_it_is_not_sure(tmp_path):
    chip = IntegerNet.of(ms.read(shipped(SYMBOLS)))
    (tmp_path / "page.html").write_text(make.page(chip, refuse=20 << 16), encoding="utf-8")
    with opened(tmp_path / "page.html") as page:
        teach(page, VEE)
        draw(page, VEE)
        assert "This is Symbol 1." in page.locator("#answer").inner_text()
        draw(page, HOOK)
        assert "I am not sure." in page.locator("#answer").inner_text()
