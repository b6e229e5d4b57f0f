"""The site holds every document, its links lead somewhere, docstrings keep their form, and it opens
without a network."""

import base64
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from test_documents import broken

import minisnn
from minisnn import cli
from minisnn.data.store import shipped
from minisnn.site import build, documents, notebooks, reference

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
MENU = re.compile(r"(?:```\{toctree\}|\.\. toctree::)\n(?: *:.*\n)*\n((?: *[^\s`].*\n)+)")


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """(folder of the sources, the documents and their sources)."""
    folder = tmp_path_factory.mktemp("sources")
    return folder, documents.gather(folder)


def test_every_document_of_the_project_is_a_page(gathered):
    folder, known = gathered
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no clone of git here, which would list the documents")
    not_for_reading = ("tests/", "lessons/source/", "hardware/c/")
    written = {name for name in listed.stdout.split() if name.endswith((".md", ".ipynb"))}
    assert {name for name in written if not name.startswith(not_for_reading)} == set(known)
    assert all((folder / source).is_file() for source in known.values())


def test_the_menu_lists_every_page_once(gathered):
    folder, _ = gathered
    pages = [path for path in folder.rglob("*") if path.suffix in (".md", ".rst")]
    found = []
    for page in pages:
        for entries in MENU.findall(page.read_text(encoding="utf-8")):
            for entry in entries.split("\n"):
                name = entry.strip().removesuffix(">").rpartition("<")[2]
                if name:
                    found.append((page.parent / name).relative_to(folder).as_posix())
    names = {path.relative_to(folder).with_suffix("").as_posix() for path in pages}
    assert sorted(found) == sorted(names - {"index"})
    guides = [name for name in found if name.startswith("lessons/guides/")]
    course = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
    assert guides == [
        f"lessons/guides/{name}"
        for name in re.findall(r"^\| \[.*\]\(guides/([\w-]+)\.md\)", course, re.M)
    ]


def test_links_lead_to_pages_and_files(gathered):
    folder, known = gathered
    for name, source in known.items():
        page = folder / source
        text = page.read_text(encoding="utf-8")
        assert broken(page, text) == [], name
        assert not re.findall(r"\]\([^)\s]*\.ipynb#", text), name
        for picture in re.findall(r"\{image\} (\S+)", text):
            assert (page.parent / picture).is_file(), name
        assert "<!--" not in documents.CODE.sub("", text) or name.endswith(".ipynb"), name


def test_a_link_is_led_to_the_page_or_brings_its_file():
    known = {
        "README.md": "index.md",
        "lessons/README.md": "lessons/index.md",
        "lessons/01_a.ipynb": "lessons/01_a.md",
    }
    beside: set[str] = set()
    text = (
        "[a](../README.md) [b](01_a.ipynb#Part) ![c](guides/page.png) `[d](../README.md)` "
        "[e](https://e.f) [g](#h)"
    )
    made = documents.linked(text, "lessons/README.md", known, beside)
    assert (
        made == "[a](../index.md) [b](01_a.md#part) ![c](guides/page.png) `[d](../README.md)` "
        "[e](https://e.f) [g](#h)"
    )
    assert beside == {"lessons/guides/page.png"}
    with pytest.raises(
        FileNotFoundError,
        match="lessons/README.md: the link to guides leads to a folder; expected a file",
    ):
        documents.linked("[a](guides)", "lessons/README.md", known, beside)
    with pytest.raises(FileNotFoundError, match="'lessons/nothing.md' is missing"):
        documents.linked("[a](nothing.md)", "lessons/README.md", known, beside)


def test_a_page_has_one_title_and_leaves_out_no_level():
    text = "# A\n## B\n#### C\n```\n# no heading\n```\n# D\n## E\n"
    assert documents.one_title(text) == "# A\n## B\n### C\n```\n# no heading\n```\n## D\n### E\n"
    assert documents.one_title("# A\n\n## B\n") == "# A\n\n## B\n"


def test_a_notebook_becomes_text_with_its_outputs():
    picture = base64.b64encode(b"png").decode()
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
        {
            "data": {"image/png": picture, "text/plain": "<Figure>"},
            "metadata": {"image/png": {"alt": "a curve", "width": 400}},
        },
        {"data": {"text/html": "<svg>\n\n</svg>", "text/plain": "Drawn"}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# 1 · Title\n", "text"]},
        {"cell_type": "code", "source": 'print("```")', "outputs": outputs},
    ]
    text, pictures = notebooks.page({"cells": cells}, "01_a")
    assert text.split("\n\n") == [
        "# 1 · Title\ntext",
        '````python\nprint("```")\n````',
        "```{code-block} text\n:class: output",
        "one\ntwo\n```",
        "```{image} 01_a-1.png\n:alt: a curve\n:width: 400\n```",
        "```{raw} html\n<svg>",
        "</svg>\n```\n",
    ]
    assert pictures == {"01_a-1.png": b"png"}


def test_the_modules_of_the_reference_are_those_for_scripts():
    found = reference.modules()
    assert {"minisnn", "minisnn.layers.neuron", "minisnn.meta.inner", "minisnn.nir"} < set(found)
    assert {"minisnn.hardware", "minisnn.hardware.chip.learner"} < set(found)
    inside = {
        "kernels",
        "vectors",
        "commands",
        "command",
        "options",
        "former",
        "cli",
        "site",
        "__main__",
    }
    assert not [name for name in found if inside & set(name.split("."))]


def test_every_public_name_is_in_the_reference():
    front = reference.pages()["reference/index.rst"]
    for name in set(minisnn.__all__) - {"__version__"}:
        assert re.search(rf"^   ~minisnn\.(\w+\.)*{name}$", front, re.M), name


def test_docstrings_in_restructured_text():
    found = reference.restructured(r"""A first line of x_t and y_t, a*b*c, `a b`, |a|, \n,
    and a  second of `Name`s:

        y = W_x x
          + b

    - a list
      of two
    - items
    and text

    alpha   a decay        beta   another

    For example
    >>> 1 + 1  # _
    2

    The end, Eq. 6::
    """)
    assert found.split("\n") == [
        r"\ A first line of x\_t and y\_t, a\*b\*c, \ ``a b``\ , \|a\|, \\n, and a  second of \ :py:obj:`Name`\ s:",
        "",
        "::",
        "",
        "        y = W_x x",
        "          + b",
        "",
        r"- \ a list of two",
        "",
        r"- \ items",
        "",
        r"\ and text",
        "",
        "::",
        "",
        "    alpha   a decay        beta   another",
        "",
        r"\ For example",
        "",
        ">>> 1 + 1  # _",
        "2",
        "",
        "\\ The end, Eq.\\ \u00a06:\\:",
        "",
    ]


def test_formulas_need_no_script():
    pytest.importorskip(
        "latex2mathml", reason='latex2mathml is not installed; pip install "minisnn[docs]"'
    )
    from minisnn.site.mathml import mathml

    assert mathml(r"\sigma'(a)").startswith("<math") and 'display="inline"' in mathml("a")
    block = mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", block=True)
    assert 'display="block"' in block and block.count("<mtr>") == 2


def test_the_command_writes_marked_pages_and_tells_what_sphinx_warned_of(
    tmp_path, capsys, monkeypatch
):
    made = tmp_path / "made"
    (made / "lessons").mkdir(parents=True)
    (made / "index.html").write_text("a page")
    (made / "lessons" / "index.html").write_text("another")
    monkeypatch.setattr(
        build, "built", lambda: nullcontext((made, ["index.md:1: WARNING: a link leads nowhere"]))
    )
    out = tmp_path / "site"
    assert cli.main(["site", str(out)]) == 0
    said, err = capsys.readouterr()
    assert said == f"{out / 'index.html'}: 2 pages\n"
    assert "minisnn: note: index.md:1: WARNING: a link leads nowhere\n" in err
    assert (out / "lessons" / "index.html").read_text() == "another"
    (out / "index.html").write_text("changed by hand")
    assert cli.main(["site", str(out)]) == 2 and "--force" in capsys.readouterr().err
    assert (
        cli.main(["site", str(out), "--force"]) == 0
        and (out / "index.html").read_text() == "a page"
    )


def test_what_is_not_installed_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        build, "find_spec", lambda name: None if name in ("furo", "myst_parser") else True
    )
    assert cli.main(["site", str(tmp_path / "site")]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert (
        said
        == 'minisnn: the site needs furo, myst-parser; install it with: pip install "minisnn[docs]"'
    )


def test_a_failure_of_sphinx_is_told_in_a_sentence(tmp_path, capsys, monkeypatch):
    for name in build.NEEDED:
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setattr(build, "find_spec", lambda name: True)
    monkeypatch.setattr(build, "gather", lambda folder: None)
    monkeypatch.setattr(
        build.subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 2, stderr="no\ntheme furo\n"),
    )
    assert cli.main(["site", str(tmp_path / "site")]) == 1
    said = capsys.readouterr().err
    assert (
        "Sphinx could not make the site: no theme furo" in said and not (tmp_path / "site").exists()
    )


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")
def test_documents_of_an_installation_are_its_own(tmp_path, monkeypatch):
    """Not those of another package that lies beside it."""
    for name in ("minisnn/_folders/lessons", "minisnn/hardware", "hardware", "lessons"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "README.md").write_text(name)
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "minisnn")
    assert documents.located("hardware/README.md").read_text() == "minisnn/hardware"
    assert documents.located("lessons/README.md").read_text() == "minisnn/_folders/lessons"
    (tmp_path / "minisnn" / "_folders").rename(tmp_path / "elsewhere")  # as in a clone
    assert documents.located("hardware").joinpath("README.md").read_text() == "hardware"


def test_an_installation_carries_the_documents():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in ("README.md", "CHANGELOG.md", "CITATION.cff"):
        assert carried[name] == f"minisnn/_folders/{name}"
    extra = {
        re.split("[>=]", one)[0] for one in project["project"]["optional-dependencies"]["docs"]
    }
    assert extra == set(build.NEEDED.values())


# ---- the pages themselves

LOOKED_AT = (
    "index.html",
    "search.html",
    "lessons/index.html",
    "lessons/02_the_step_that_has_no_slope.html",
    "lessons/12_one_shot.html",
    "lessons/GLOSSARY.html",
    "lessons/guides/commands.html",
    "lessons/guides/first-steps.html",
    "data/results/index.html",
    "data/results/claims.html",
    "hardware/index.html",
    "reference/index.html",
    "reference/minisnn.meta.inner.html",
    "reference/minisnn.network.spiking.html",
    "_modules/minisnn/meta/inner.html",
    "CHANGELOG.html",
)
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
    missing = [name for module, name in build.NEEDED.items() if build.find_spec(module) is None]
    if missing:
        pytest.skip(f'{", ".join(missing)} not installed; pip install "minisnn[docs]"')
    out = tmp_path_factory.mktemp("built") / "site"
    made = subprocess.run(
        [sys.executable, "-m", "minisnn", "site", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert made.stderr == "Sphinx makes the pages, which takes a minute or two\n"
    return out


@contextmanager
def opened(site, width, scheme="light"):
    """(a function that opens a page of the site, the playwright page); at the end nothing was
    complained of or asked of a network."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason='playwright is not installed; pip install "minisnn[test]"'
    )
    if CHROMIUM is None:
        pytest.skip("no chromium; Debian package: chromium")
    with playwright.sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        ).new_page()
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        yield lambda name: page.goto((site / name).as_uri()), page
        assert said == []
        assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
        browser.close()


@pytest.mark.slow
def test_no_page_names_an_address_that_it_would_fetch(site):
    for page in site.rglob("*.html"):
        fetched = re.findall(
            r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="((?:https?:)?//[^"]*)"',
            page.read_text(),
        )
        assert fetched == [], page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\([\"']?(?:https?:)?//|@import", style.read_text()), style


@pytest.mark.slow
def test_docstrings_stand_there_as_they_were_written(site):
    page = (site / "reference" / "minisnn.layers.lif.html").read_text()
    assert (
        "s_t = 1 if u_t &gt;= threshold else 0       q_{t+1} = beta  q_t + (1 - beta)  x_t\n"
        in page
    )
    assert "rho                  strength of the reset; 0 switches it off" in page
    assert (
        'href="minisnn.meta.functions.html#minisnn.meta.functions.adapt"'
        in (site / "reference" / "index.html").read_text()
    )


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
    with opened(site, 360) as (go, page):
        for path in sorted(site.rglob("*.html")):
            go(path.relative_to(site).as_posix())
            assert page.evaluate(OVERFLOWING) == [0, []], path


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_their_window_and_are_dark_where_that_is_asked(site, width, scheme):
    with opened(site, width, scheme) as (go, page):
        for name in LOOKED_AT:
            go(name)
            assert page.evaluate(OVERFLOWING) == [0, []], name
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            shades = [int(part) for part in re.findall(r"\d+", ground)[:3]]
            assert max(shades) < 60 if scheme == "dark" else min(shades) > 200, (name, ground)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["index.html", "lessons/17_the_library_you_own.html", "reference/minisnn.meta.inner.html"],
)
def test_the_menu_shows_where_the_reader_is(site, name):
    with opened(site, 1280) as (go, page):
        go(name)
        top = page.evaluate("""() => {
          const here = document.querySelector(".sidebar-tree .current-page");
          return here ? here.getBoundingClientRect().top : 0;
        }""")
        assert 0 <= top < 900 and (name == "index.html" or top > 0)


@pytest.mark.slow
def test_the_search_finds_what_is_looked_for(site):
    with opened(site, 1280) as (go, page):
        go("index.html")
        page.fill(".sidebar-search", "Hessian-vector product")
        page.press(".sidebar-search", "Enter")
        page.wait_for_selector("#search-results li a", timeout=60_000)
        found = page.inner_text("#search-results")
        assert "8 · Curvature without a Hessian" in found and "hessian_vector_product" in found
        page.click("#search-results li a >> nth=0")
        page.wait_for_load_state("load")
        assert "Hessian" in page.inner_text("article")
