"""A first visitor's mistakes on the page, and that they end as a person would expect."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from browser import draw, opened
from visitor import HANDS, all_mistakes, visiting

import minisnn.cli as cli
from minisnn.hardware.page import make

PAGE = Path(make.__file__).parent
VEE, HOOK = [[(0.3, 0.2), (0.5, 0.8), (0.7, 0.2)]], [[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]]
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
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
@pytest.mark.parametrize("by", HANDS)
def test_ten_mistakes_of_a_first_visitor_end_as_one_would_expect(path, by, size):
    with visiting(path, size, by) as visitor:
        all_mistakes(visitor, size[0])


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
