"""Exported pages: what answers a prediction waits for a guess, code that draws is folded, formulas
have their font, pictures take the page's colours and width."""

import io
import re
import shutil
from base64 import b64encode

import export
import make
import pytest
import style
from checks import foreseen
from PIL import Image

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


# asked before lessons are exported for it
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="Chromium is not installed: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if BROWSER is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_what_answers_a_prediction_is_folded_up_to_the_next_heading():
    cells = [
        make.Cell("code", "print(0)"),
        make.Cell("text", "**Predict.** How many?"),
        make.Cell("code", "guess = None\nforeseen(guess, 2, 'because')"),
        make.Cell("code", "print(1)"),
        make.Cell("exercise", "def f():\n    raise NotImplementedError", "1.1"),
        make.Cell("text", "## Another question"),
        make.Cell("code", "print(2)"),
    ]
    made = [cell.metadata.get("jupyter", {}) for cell in make.notebook(cells).cells]
    hidden = {"outputs_hidden": True}
    assert made == [{}, {}, hidden, hidden, {}, {}, {}]
    for source in make.sources():
        cells = make.parse(source)
        assert len(make.answering(cells)) >= sum("foreseen(guess" in c.text for c in cells) > 0


def test_a_notebook_keeps_what_a_page_answers_a_guess_with(monkeypatch, capsys):
    foreseen(None, 3.14159, "it is pi")
    assert capsys.readouterr().out.startswith("Your guess first")
    sent = []
    shell = type("Shell", (), {"kernel": 1})()
    shell.display_pub = type("Hub", (), {"publish": lambda _, *told: sent.append(told)})()
    monkeypatch.setattr(style, "_shell", lambda: shell)
    foreseen(None, 3.14159, "it is pi")
    ((data, metadata),) = sent
    assert data["text/plain"].startswith("Your guess first") and not capsys.readouterr().out
    assert metadata["minisnn"] == {"found": "3.142", "because": "it is pi"}


@needs_browser
def test_a_page_answers_a_guess_and_not_before(browser, exported):
    for kind, name in (("html", "03_backward_through_time"), ("slides", "10_maml")):
        path = next((exported / kind).glob(f"{name}*.html"))
        page = browser.new_page()
        page.goto(path.as_uri())
        gate = page.locator("details.guess").first
        held = gate.locator(".output").first
        assert held.count() and not gate.is_visible() and not held.is_visible()
        page.evaluate("document.querySelectorAll('section').forEach(s => s.style.display='block')")
        page.locator("form.guess button").first.click()  # nothing was entered
        assert not gate.is_visible()
        page.locator("form.guess input").first.fill("5")
        page.locator("form.guess button").first.click()
        assert held.is_visible()
        said = page.locator("form.guess + p").first.inner_text()
        assert re.match(r"You said 5, it is -?[\d.]+\. Why: .{20,}\.$", said)
        page.close()


@needs_browser
def test_pages_fit_a_telephone_and_fold_what_draws(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for path in sorted((exported / "html").glob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path.name
        for text in page.locator("details.code pre").all_text_contents():
            assert make.draws(text)
    page.close()


CUT = """() => { document.querySelectorAll("details").forEach(d => { d.hidden = false; d.open = true });
return [...document.querySelectorAll("table, .formula > span")].filter(
  e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.trim().slice(0, 60)) }"""


@needs_browser
def test_tables_and_formulas_are_whole_on_a_telephone(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for path in sorted((exported / "html").glob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate(CUT) == [], path.name
    page.set_content(
        export._whole("one line", f"<p>{export.formulas(r'$$' + 'a + ' * 40 + 'b$$')}")
    )
    assert len(page.evaluate(CUT)) == 1
    page.close()


def test_every_link_of_the_pages_leads_somewhere(exported):
    for kind in ("html", "slides"):
        pages = {one.name: one.read_text() for one in (exported / kind).glob("*.html")}
        for name, text in pages.items():
            for link in set(re.findall(r'<a [^>]*href="([^"]+)"', text)):
                file, _, place = link.partition("#")
                assert not file or file in pages, f"{name}: {link}"
                held = pages[file or name]
                assert not place or f'id="{place}"' in held, f"{name}: {link}"


def test_pages_lead_from_the_first_lesson_to_the_last_and_back(exported):
    names = [f"{source.stem}.html" for source in make.sources()]
    for way, order in (("next", names), ("prev", names[::-1])):
        found = [order[0]]
        while len(found) <= len(order):
            text = (exported / "html" / found[-1]).read_text()
            links = re.findall(rf'<a rel="{way}" href="(.*?)">', text)
            assert len(links) in (0, 2) and len(set(links)) < 2  # above and below
            assert text.count('href="index.html"') >= 2
            if not links:
                break
            found.append(links[0])
        assert found == order
    text = (exported / "html" / "00_forty_five_minutes_of_play.html").read_text()
    assert '<a href="teach.html">' in text and "lies beside this notebook" not in text
    assert "<canvas" in (exported / "html" / "teach.html").read_text()


def test_every_sign_of_every_formula_is_in_the_font_that_pages_carry(exported):
    tools = pytest.importorskip("fontTools.ttLib")  # comes with matplotlib
    pytest.importorskip("brotli", reason="pip install brotli")
    font = tools.TTFont(export.HERE / "fonts" / "math.woff2")
    known = set(map(chr, font.getBestCmap()))
    assert "MATH" in font and font["name"].getDebugName(1) == "minisnn Math"
    for path in (exported / "html").glob("*.html"):
        if path.name == "teach.html":  # a page of the chip's, without formulas
            continue
        text = path.read_text(encoding="utf-8")
        assert text.count("data:font/woff2;base64,") == 1
        assert b64encode((export.HERE / "fonts" / "math.woff2").read_bytes()).decode() in text
        formulas = re.findall(r"<math.*?</math>", text, re.S)
        used = set(export.html.unescape(re.sub(r"<[^>]*>", "", "".join(formulas))))
        assert not used - known - {"\n"}, path.name


def test_in_the_dark_pictures_turn_but_photographs_do_not(browser):
    white = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(white, "png")
    png = b64encode(white.getvalue()).decode()
    told = {"width": 20, "alt": "a"}
    pieces = export._picture(png, told) + export._picture(png, told | {"needs_background": "light"})
    page = browser.new_page(color_scheme="dark")
    page.set_content(f"<style>{export.CSS}</style><body>{pieces}")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    boxes = page.evaluate("[...document.images].map(o => o.getBoundingClientRect().toJSON())")
    colours = [shot.getpixel((round(box["x"] + 10), round(box["y"] + 10))) for box in boxes]
    assert colours == [(0x18,) * 3, (255,) * 3]
    page.close()


def test_all_figures_are_written_as_files(tmp_path):
    paths = export.export("figures", tmp_path / "figures")
    assert paths[-1].name == "index.html"
    listed = paths[-1].read_text(encoding="utf-8")
    lessons = {path.name[:2] for path in paths[:-1]}
    assert lessons == {source.stem[:2] for source in make.sources()}
    for path in paths[:-1]:
        assert re.fullmatch(r"\d\d-\d+-[a-z0-9-]+\.(png|svg)", path.name), path.name
        assert f'src="{path.name}"' in listed
        content = path.read_bytes()
        if path.suffix == ".png":
            assert Image.open(io.BytesIO(content)).width > 200  # of the film, the smallest
        else:
            assert content.startswith(b"<svg") and b"background:#fff" in content
    stills = sum(path.suffix == ".svg" for path in paths)
    shown = sum(source.read_text().count("interactive.show(") for source in make.sources())
    assert stills == shown
    pictures = sum(source.read_text().count("style.picture(") for source in make.sources())
    assert len(paths) - 1 - stills >= pictures - 2  # what a film is made of is one file
