"""Exported pages: what answers a prediction waits for a guess, code that draws is folded, formulas
have their font, pictures take the page's colours and width."""

import io
import json
import re
import shutil
from base64 import b64decode, b64encode

import export
import interactive
import make
import pytest
import style
from checks import foreseen
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
CELL = {"cell_type": "code", "metadata": {}, "outputs": [], "id": "a", "execution_count": 1}


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


@pytest.mark.parametrize(
    "code, drawn",
    [
        ('interactive.show("neuron")', True),
        ('x = 1\nwith style.picture("a") as axes:\n    axes.plot(x)', True),
        ('x = 1\ny = 2\nprint(x)\nstyle.slider(f, (1, 2), 1, "a")', False),
        ('print("style.py draws")', False),
    ],
)
def test_cells_that_draw_are_told_from_those_that_compute(code, drawn):
    assert make.draws(code) == drawn
    made = make.notebook([make.Cell("code", code)])
    assert made.cells[0].metadata == ({"jupyter": {"source_hidden": True}} if drawn else {})


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
def test_without_scripts_a_page_can_be_read_whole(browser, exported):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((exported / "html" / "05_stacking_layers.html").as_uri())
    fold = page.locator("details.guess")
    assert fold.is_visible() and not fold.locator(".output").last.is_visible()
    fold.locator("summary").first.click()
    assert fold.locator(".output").last.is_visible()
    assert page.locator(".ms-unrolled5 svg circle").count() > 20  # the still
    context.close()


@needs_browser
def test_pages_fit_a_telephone_and_fold_what_draws(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for path in sorted((exported / "html").glob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path.name
        for text in page.locator("details.code pre").all_text_contents():
            assert make.draws(text)
    page.close()


OPEN = """document.querySelectorAll("details").forEach(d => { d.hidden = false; d.open = true })"""
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


def test_a_formula_is_parted_at_wide_spaces_outside_of_what_belongs_together():
    assert export._parts(r"a = \{1\}, \qquad b = \sqrt{x \qquad y}") == [
        r"a = \{1\}, ",
        r" b = \sqrt{x \qquad y}",
    ]
    inside = r"\begin{cases} a \qquad b \\ c \end{cases}"
    assert export._parts(inside) == [inside]
    assert export._parts(rf"\qquad {inside} \qquad d") == [f" {inside} ", " d"]


def test_tables_that_small_letters_keep_whole_have_a_class():
    rows = ["name".ljust(15) + "12.34 ".rjust(45)] * 3
    assert export._kind("\n".join(rows)) == ' class="wide"'
    assert export._kind("\n".join(rows[:2])) == export._kind("a\nb\nc") == ""
    assert export._kind("\n".join(row + "too wide" for row in rows)) == ""


@needs_browser
def test_a_broad_picture_without_panels_scrolls_on_a_telephone(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto((exported / "html" / "12_one_shot.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    widths = page.evaluate("[...document.querySelectorAll('img.broad')].map(i => i.clientWidth)")
    assert widths and min(widths) == 600
    others = page.evaluate(
        "[...document.querySelectorAll('img:not(.broad)')].map(i => i.clientWidth)"
    )
    assert others and max(others) <= 368
    page.close()


@needs_browser
def test_letters_of_pictures_stay_large_on_a_telephone(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for path in sorted((exported / "html").glob("[01]*.html")):
        page.goto(path.as_uri())
        page.evaluate(OPEN)
        sizes = page.evaluate(
            "[...document.querySelectorAll('.output > img')].map(i => [i.clientWidth, +i.getAttribute('width')])"
        )
        assert all(shown >= 0.76 * drawn for shown, drawn in sizes), path.name
    page.close()


@needs_browser
def test_rows_of_panels_stay_rows_on_a_wide_screen(browser, exported):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    counts = []
    for path in sorted((exported / "html").glob("[01]*.html")):
        page.goto(path.as_uri())
        page.evaluate(OPEN)
        for boxes in page.evaluate(
            "[...document.querySelectorAll('.panels')].map(row => [...row.children].map(i => "
            "[i.getBoundingClientRect().top, i.clientHeight, i.clientWidth / i.naturalWidth]))"
        ):
            tops, heights, scales = zip(*boxes)
            counts.append(len(boxes))
            assert len(set(tops)) == 1 and max(heights) - min(heights) <= 2, path.name
            assert max(scales) < 1.02 * min(scales), path.name
    assert max(counts) == 5 and len(counts) > 9
    page.close()


@needs_browser
def test_stacked_panels_say_what_the_text_calls_left(browser, exported):
    page = browser.new_page()
    said = "[...document.querySelectorAll('figcaption')].map(o => getComputedStyle(o, '::after').content)"
    found = {}
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for path in sorted((exported / "html").glob("[01]*.html")):
            page.goto(path.as_uri())
            page.evaluate(OPEN)
            found[width, path.name[:2]] = ["left" in one for one in page.evaluate(said)]
    assert not any(sum((found[one] for one in found if one[0] == 1280), []))
    told = {name for (width, name), marks in found.items() if any(marks)}
    assert told == {"00", "03", "06", "07", "08", "12", "13", "14", "15"}
    assert found[400, "09"] == [False] and found[400, "02"] == [False]
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


@needs_browser
def test_an_answer_that_nothing_follows_stands_in_its_fold(browser, exported):
    path = exported / "html" / "13_a_layer_that_hears_itself.html"
    assert "<summary>What came out: guess first, then open</summary><p>It is 52" in path.read_text()
    for one in (exported / "html").glob("[01]*.html"):
        assert "then open</summary>\n</details>" not in one.read_text(), one.name
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("form.guess input").first.fill("50")
    page.locator("form.guess button").first.click()
    assert page.locator("form.guess + p").first.inner_text().startswith("You said 50, it is 52")
    assert not page.locator("details.guess").first.is_visible()
    page.close()


@needs_browser
def test_what_is_said_of_a_hidden_picture_is_hidden_too(browser, exported):
    page = browser.new_page()
    for name, said in (
        ("04", "Left of the point"),
        ("07", "One forgotten term"),
        ("08", "Left: most"),
    ):
        page.goto(next((exported / "html").glob(f"{name}_*.html")).as_uri())
        about, rest = page.get_by_text(said), page.get_by_text("Now read")
        assert about.count() == 1 and not about.is_visible() and rest.is_visible()
        page.locator("form.guess input").first.fill("1")
        page.locator("form.guess button").first.click()
        assert about.is_visible()
    page.close()


def test_a_picture_that_was_hidden_is_drawn_for_a_telephone_when_it_is_shown(browser):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_content(f"<div hidden>{interactive.piece('innerstep')}</div>")
    page.evaluate("document.querySelector('div').hidden = false")
    width = "document.querySelector('.ms-innerstep svg').getAttribute('width')"
    page.wait_for_function(f"{width} === '350'", timeout=5000)
    page.set_viewport_size({"width": 800, "height": 800})
    page.wait_for_function(f"{width} === '640'", timeout=5000)
    page.close()


@needs_browser
def test_a_picture_that_goes_on_says_so_on_a_telephone(browser, exported):
    page = browser.new_page()
    said = (
        "[...document.querySelectorAll('.output, .map')].map(o => [o.scrollWidth > o.clientWidth, "
        "getComputedStyle(o, '::after').content.includes('goes on')])"
    )
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for name in ("00_*", "01_*", "12_*", "index"):
            page.goto(next((exported / "html").glob(f"{name}.html")).as_uri())
            page.evaluate(OPEN)
            found = page.evaluate(said)
            assert all(scrolls == told for scrolls, told in found), (name, width)
            assert any(scrolls for scrolls, _ in found) == (width == 400)
    page.close()


@needs_browser
def test_on_a_telephone_the_map_has_room_for_what_lessons_teach(browser, exported):
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto((exported / "html" / "index.html").as_uri())
    columns = "[...document.querySelector('tr').children].map(one => one.clientWidth)"
    widths = page.evaluate(columns)
    assert len(widths) == 5 and max(widths) == widths[2] > 110
    page.close()


def test_no_line_ends_between_a_formula_and_its_point():
    for text in ("($x$)", "$x$.", "($x$,", "$x$'"):
        made = export.formulas(f"so {text} and")
        inside = re.search(r'so <span class="stay">(.*?<math.*</math>.*?)</span> and', made)[1]
        assert re.sub(r"<math.*</math>", "$x$", inside) == text
    assert "<span" not in export.formulas("so $x$ and")
    assert ".stay{white-space:nowrap}" in export.CSS


@needs_browser
def test_curves_that_move_are_bright_in_the_dark(browser, exported):
    page = browser.new_page(color_scheme="dark")
    page.goto((exported / "html" / "01_one_leaky_neuron.html").as_uri())
    line = "document.querySelector('.ms-picture polyline.p')"
    assert page.evaluate(f"{line}.getAttribute('stroke')") == "#0072B2"
    assert page.evaluate(f"getComputedStyle({line}).stroke") == "rgb(74, 163, 223)"
    page.close()


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


@needs_browser
def test_the_font_is_drawn_with(browser, exported):
    page = browser.new_page()
    page.goto((exported / "html" / "03_backward_through_time.html").as_uri())
    loaded = "document.fonts.ready.then(f => [...f].map(one => one.family + one.status))"
    assert [one.replace('"', "") for one in page.evaluate(loaded)] == ["minisnn Mathloaded"]
    page.close()


def test_code_has_colours_and_stays_what_it_was():
    code = 'def f(x):  # "a" & <b>\n    return f"{x:.2f}" if x is not None else 1e-3\n'
    made = export.highlighted(code)
    assert export.html.unescape(re.sub(r"<[^>]*>", "", made)) == code
    for kind, text in (("k", "def"), ("f", "f"), ("c", "# &quot;"), ("m", "1e-3"), ("k", "is")):
        text = text.replace("&quot;", '"')
        assert f'<span class="{kind}">{text}' in made


def _png(panels: int) -> tuple[str, dict]:
    """A picture of so many panels as the lessons' pictures are stored, and what is told of it."""
    figure = Figure((9, 3), dpi=160)
    canvas = FigureCanvasAgg(figure)
    for axes in figure.subplots(1, panels, squeeze=False)[0]:
        axes.plot([0, 1], [0, 1])
        axes.set(xlabel="time (ms)", ylabel="membrane")
    figure.tight_layout(rect=(0, 0, 1, 0.9))
    figure.suptitle("What to see", x=0.01, ha="left", fontsize=11)
    canvas.draw()
    held = io.BytesIO()
    canvas.print_png(held)
    told = {"width": 720, "alt": "What to see"}
    found = style._panels(figure)
    return b64encode(held.getvalue()).decode(), told | ({"panels": found} if found else {})


def test_a_row_of_panels_is_cut_between_them_and_stacks_where_it_is_narrow(browser):
    png, told = _png(3)
    assert len(told["panels"]["cuts"]) == 2 and 0 < told["panels"]["top"][0] < 0.2
    made = export._picture(png, told)
    parts = re.findall(r"base64,([^\"]+)", made)
    widths = [Image.open(io.BytesIO(b64decode(one))).width for one in parts]
    assert sum(widths) == 1440 and "<figcaption>What to see</figcaption>" in made
    for one in parts:  # nothing is cut through: the edges are white
        pixels = Image.open(io.BytesIO(b64decode(one))).convert("L")
        for x in (0, pixels.width - 1):
            assert pixels.crop((x, 0, x + 1, pixels.height)).getextrema() == (255, 255)
    page = browser.new_page(viewport={"width": 400, "height": 800})
    for width, rows in ((400, 3), (1280, 1)):
        page.set_viewport_size({"width": width, "height": 800})
        page.set_content(f"<style>{export.CSS}</style><body>{made}")
        places = page.evaluate("[...document.images].map(one => one.getBoundingClientRect().top)")
        assert len(set(places)) == rows
    page.close()
    assert "panels" not in _png(1)[1]


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


def test_of_the_course_only_the_film_stays_as_it_is_in_the_dark():
    """Its text says what is white in it, and what is black."""
    kept = []
    for path in sorted(export.HERE.glob("[01]*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                if output.get("metadata", {}).get("image/png", {}).get("needs_background"):
                    kept.append((path.name[:2], "style.film(" in "".join(cell["source"])))
    assert kept == [("09", True)]


def test_an_older_notebook_is_shown_as_it_is():
    cell = CELL | {"source": "guess = None\nforeseen(guess, 1, 'a')"}
    first = {"cell_type": "markdown", "metadata": {}, "source": "# 1 · A"}
    text = "Your guess first"
    cell = cell | {"outputs": [{"output_type": "stream", "name": "stdout", "text": [text]}]}
    last = {"cell_type": "markdown", "metadata": {}, "source": "the end"}
    made = export.page(json.loads(json.dumps({"cells": [first, cell, last]})))
    assert '<details class="guess">' in made and made.count("</details>") == 1
    assert made.index("</details>") < made.index("the end") and f"<pre>{text}</pre>" in made


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
