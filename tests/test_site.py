"""The site: docstrings keep their form, links lead somewhere, and it opens without a network."""

import re

import flags
import pytest
import reference
from chromium import browsing
from processes import ROOT, python
from mathml import mathml

import minisnn
from minisnn.cli import parser


def test_the_modules_of_the_reference_are_those_for_scripts():
    found = reference.modules()
    assert {"minisnn", "minisnn.core.neuron", "minisnn.meta.inner", "minisnn.nir"} < set(found)
    assert {"minisnn.hardware", "minisnn.hardware.page"} < set(found)
    inside = {"kernels", "vectors", "commands", "command", "cli", "__main__"}
    assert not [name for name in found if inside & set(name.split("."))]


def test_every_public_name_is_in_the_reference():
    front = reference.pages()["reference/index.rst"]
    for name in set(minisnn.__all__) - {"__version__"}:
        assert re.search(rf"^   ~minisnn\.(\w+\.)*{name}$", front, re.M), name


def test_the_page_of_commands_has_each_flag_once():
    page = flags.page(parser())
    headings = re.findall(r"^##+ (.+)$", page, re.M)
    assert {"train", "hardware", "hardware export"} <= set(headings)
    assert len(headings) == len(set(headings)) and "--preset {" in page


def test_formulas_need_no_script():
    pytest.importorskip(
        "latex2mathml", reason='latex2mathml is not installed; pip install "minisnn[docs]"'
    )
    assert mathml(r"\sigma'(a)").startswith("<math") and 'display="inline"' in mathml("a")
    block = mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", block=True)
    assert 'display="block"' in block and block.count("<mtr>") == 2


# ---- the pages themselves

OVERFLOWING = """() => {
  const scrolls = one => ["auto", "scroll", "hidden"].includes(getComputedStyle(one).overflowX);
  const held = one => { for (one = one.parentElement; one; one = one.parentElement) if (scrolls(one)) return true; };
  const wide = [...document.querySelectorAll("article *")].filter(
    one => one.getBoundingClientRect().right > innerWidth + 1 && !held(one));
  return [document.documentElement.scrollWidth - innerWidth, wide.slice(0, 3).map(one => one.outerHTML.slice(0, 200))];
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a built site; what the build said on its error stream is empty but for its
    first line."""
    for name in ("furo", "myst_nb", "latex2mathml"):
        pytest.importorskip(name, reason=f'{name} is not installed; pip install "minisnn[docs]"')
    out = tmp_path_factory.mktemp("built") / "site"
    made = python("data/site/make.py", out, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    return out


@pytest.mark.slow
def test_links_of_the_built_pages_lead_somewhere(site):
    def ids(page):
        return set(re.findall(r'\bid="([^"]+)"', page.read_text()))

    known = {page.resolve(): ids(page) for page in site.rglob("*.html")}
    for page in known:
        for target in re.findall(r'href="([^"]+)"', page.read_text()):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (page.parent / path.partition("?")[0]).resolve() if path else page
            assert there.exists(), f"{page}: {target}"
            assert not anchor or there not in known or anchor in known[there], f"{page}: {target}"


@pytest.mark.slow
def test_every_page_opens_on_a_phone_without_network_or_complaint(site):
    with browsing(site.as_uri(), "data:", viewport={"width": 360, "height": 900}) as page:
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri())
            assert page.evaluate(OVERFLOWING) == [0, []], path
