"""The pictures that answer back: small, whole, fetching nothing, and moved by their sliders in a
real browser."""

import html
import json
import re
import subprocess
from pathlib import Path

import interactive
import pytest
from chromium import CHROMIUM

# picture: a slider, where it goes, and what of the drawing that must change
MOVES = {
    "neuron": ("w", 30, ".u"),
    "surrogate": ("kappa", 3, ".slope"),
    "losses": ("t0", 0.4, ".jet"),
    "innerstep": ("a", 1.2, ".fomaml"),
    "rounding": ("size", 0.6, ".nearest"),
    "orders": ("jump", 0.2, ".first"),
}


PROBE = """<script>(function () {
const found = {}, at = (name, part) => document.querySelector(`.ms-${name} ${part}`);
const of = (name, part) => at(name, part) && at(name, part).outerHTML;
for (const [name, [slider, to, part]] of Object.entries(MOVES)) {
  const input = document.querySelector(`.ms-${name} input[name=${slider}]`), said = document.querySelector(`.ms-${name} .said`);
  const before = [of(name, part), said.textContent, document.querySelector(`.ms-${name} .drawing`).innerHTML];
  input.value = to; input.dispatchEvent(new Event("input"));
  found[name] = {before, after: [of(name, part), said.textContent], out: input.parentNode.querySelector("output").textContent};
}
document.body.dataset.found = JSON.stringify(found);
document.body.dataset.fetched = performance.getEntriesByType("resource").length;
})();</script>"""


def _opened(page: str, folder: Path) -> str:
    (folder / "page.html").write_text(page, encoding="utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder}/profile",
        "--dump-dom",
    ]
    address = (folder / "page.html").as_uri()
    return subprocess.run(
        [CHROMIUM, *options, address], capture_output=True, text=True, timeout=300
    ).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_a_slider_changes_what_it_should_and_nothing_is_fetched(tmp_path):
    pieces = "".join(map(interactive.piece, interactive.SLIDERS))
    script = PROBE.replace("MOVES", json.dumps(MOVES), 1)
    page = _opened(f"<!doctype html><meta charset=utf-8><body>{pieces}{script}</body>", tmp_path)
    found = json.loads(html.unescape(re.search(r'data-found="(.*?)"', page)[1]))
    assert re.search(r'data-fetched="(\d+)"', page)[1] == "0"
    for name, (_, to, part) in MOVES.items():
        (drawn, said, drawing) = found[name]["before"]
        (then, told) = found[name]["after"]
        out = found[name]["out"]
        assert drawn and then and drawn != then, f"{part} of {name} does not answer"
        assert said and told and said != told and float(out) == to
        assert drawing == interactive.still(name).strip(), (
            f"{name}: draw its still again, python lessons/interactive.py"
        )
