"""The lessons as pages that need nothing: `python export.py html|slides|figures FOLDER [--force]`,
or `minisnn lessons --export html`.

Each notebook becomes one page with its outputs, its formulas as MathML and their font, and its
pictures inside: no page fetches anything. `slides` shows one section at a time, to be turned with the arrow keys.
Beside them: index.html, the map with times, teach.html, the page that lesson 0 plays with, and
solutions.ipynb, all solutions in one notebook.
`figures` writes every picture of the course as a file: drawings as SVG, plots as PNG.
"""

import html
import io
import json
import re
import sys
from base64 import b64decode, b64encode
from pathlib import Path

from mathml import mathml

import minisnn as ms
from minisnn.data.store.shipped import shipped
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.options import SYMBOLS
from minisnn.hardware.page.make import page as page_of
from minisnn.outputs import marked_folder

HERE = Path(__file__).resolve().parent
KINDS = ("html", "slides", "figures")
CSS = """:root{color-scheme:light dark}
body{font:16px/1.5 sans-serif;max-width:840px;margin:auto;padding:1em;color:#111;background:#fff;overflow-wrap:break-word}
pre{background:#f5f5f5;padding:.6em;overflow-x:auto;font-size:13px}img,svg{max-width:100%;height:auto}
.output{overflow-x:auto;margin:.8em 0}.output p{margin:.3em 0}
.output pre{margin:0;background:none;border-left:3px solid #bbb;white-space:pre-wrap}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #bbb;padding:.25em .5em}
math{font:1.08em "minisnn Math","STIX Two Math","Latin Modern Math","Cambria Math",math}details{margin:.5em 0}
mtd[columnalign=right]{text-align:right}mtd[columnalign=left]{text-align:left}
.formula{display:flex;flex-wrap:wrap;justify-content:center;align-items:baseline;gap:.3em 2em}
.formula>span{max-width:100%;overflow-x:auto;overflow-y:hidden}summary{cursor:pointer}.stay{white-space:nowrap}
details.code>summary{color:#666;font-size:13px}
form.guess{border-left:3px solid #0072B2;padding:.4em .8em}form.guess input{font:inherit;width:9em}
figure{margin:0}figcaption{font-weight:bold;font-size:15px}.panels{display:flex;flex-wrap:wrap;align-items:flex-start}
nav{display:flex;flex-wrap:wrap;gap:.2em 1.5em;font-size:14px;margin:.5em 0}
pre .k{color:#0550ae}pre .s{color:#0a6b2d}pre .c{color:#656d76;font-style:italic}pre .m{color:#953800}pre .f{color:#8250df}
@media(min-width:840px){.panels{flex-wrap:nowrap}.panels img{min-width:0}}
@media(max-width:480px){.output pre{font-size:11px;padding:.6em .3em}
.output pre.wide{font-size:9px}.formula math{font-size:.85em}table{font-size:12px;line-height:1.35}td,th{padding:.25em .3em}
.panels img{width:100%}.output img.broad{min-width:var(--least)}
figcaption.sided::after{font-weight:normal;content:" (what the text calls left stands above)"}
.map{display:block;overflow-x:auto}.map svg{min-width:600px}
.map::after,.scrolls::after{content:"it goes on to the right →";display:block;
position:sticky;left:0;font-size:12px;color:GrayText}}
@media print{body{max-width:none}nav{display:none}}
@media screen and (prefers-color-scheme:dark){body{color:#e4e4e4;background:#181818}a{color:#8ab4f8}a:visited{color:#c58af9}
pre{background:#262626}.output pre,td,th{border-color:#666}details.code>summary{color:#aaa}
.ms-picture [stroke="#0072B2"]{stroke:#4aa3df}.ms-picture [fill="#0072B2"]{fill:#4aa3df}
img.drawn{filter:invert(1) hue-rotate(180deg);mix-blend-mode:screen}
pre .k{color:#79b8ff}pre .s{color:#85d996}pre .c{color:#9aa4af}pre .m{color:#f0a868}pre .f{color:#d2a8ff}}"""
GUESS = """<script>(function () { for (const gate of document.querySelectorAll("details.guess")) {
const form = document.createElement("form"), said = document.createElement("p"); form.className = "guess";
form.innerHTML = '<label>Your guess: <input required autocomplete="off"></label> <button>See what came out</button>';
gate.before(form, said); gate.hidden = true; said.setAttribute("aria-live", "polite");
form.addEventListener("submit", event => { event.preventDefault(); gate.hidden = gate.matches(".bare"); gate.open = true;
  gate.firstElementChild.textContent = "What came out";
  const {found, because} = gate.dataset, mine = form.querySelector("input").value;
  said.textContent = `You said ${mine}${found ? `, it is ${found}. Why: ${because}.` : "; what came out stands below."}`; });
} })();</script>"""
SLIDES = """section{display:none;min-height:88vh}section.on{display:block}
body{max-width:1000px;font-size:20px}pre{font-size:15px}"""
TURN = """<script>(function () { const all = [...document.querySelectorAll("section")];
let n = +location.hash.slice(1) || 0;
const go = to => { all[n].classList.remove("on"); n = Math.max(0, Math.min(all.length - 1, to));
  all[n].classList.add("on"); history.replaceState(0, "", "#" + n); };
addEventListener("keydown", e => { if (e.target.tagName === "INPUT") return;
  if (["ArrowRight", "PageDown"].includes(e.key)) go(n + 1); if (["ArrowLeft", "PageUp"].includes(e.key)) go(n - 1); });
go(n); })();</script>"""


def formulas(text: str) -> str:
    """Markdown with its formulas turned into MathML; what stands in code stays, and no line ends
    between a formula and its point, comma or bracket."""

    def one(found):
        if found["code"]:
            return found[0]
        if not found["block"]:
            made = mathml(found["line"])
            around = found["opens"] + found["closes"]
            whole = f"{found['opens']}{made}{found['closes']}"
            return f'<span class="stay">{whole}</span>' if around else made
        made = [f"<span>{mathml(part, block=True)}</span>" for part in _parts(found["block"])]
        return f'<span class="formula">{"".join(made)}</span>'

    code, block = r"(?P<code>```.*?```|`[^`\n]*`)", r"\$\$(?P<block>.+?)\$\$"
    line = r"(?P<opens>\(?)(?<!\\)\$(?P<line>[^$]+?)\$(?P<closes>[.,;:!?)']*)"
    pattern = f"{code}|{block}|{line}"
    return re.sub(pattern, one, text, flags=re.S)


def _parts(formula: str) -> list[str]:
    """What stands side by side in a formula, by the wide spaces outside of braces and tables: a
    narrow page stacks it."""
    parts, depth = [""], 0
    for token in re.split(r"(\\qquad|\\(?:begin|end)\b|\\.|[{}])", formula):
        depth += {"{": 1, "\\begin": 1, "}": -1, "\\end": -1}.get(token, 0)
        if token == "\\qquad" and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return [part for part in parts if part.strip()]


def highlighted(code: str) -> str:
    """Python with its keywords, strings, comments, numbers and the names it defines in colours."""
    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    kinds = (
        (Keyword, "k"),
        (Operator.Word, "k"),
        (String, "s"),
        (Comment, "c"),
        (Number, "m"),
        (Name.Function, "f"),
        (Name.Class, "f"),
    )
    parts = []
    for token, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code):
        name = next((name for kind, name in kinds if token in kind), None)
        shown = html.escape(text, quote=False)
        parts.append(f'<span class="{name}">{shown}</span>' if name else shown)
    return f"<pre><code>{''.join(parts)}</code></pre>"


def _markdown(text: str) -> str:
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def block_code(self, code, info=None):
            return highlighted(code) if info == "python" else super().block_code(code, info)

    to_html = mistune.create_markdown(renderer=Renderer(escape=False), plugins=["table"])
    folded = re.match(r"<details><summary>(.*?)</summary>\n\n(.*)\n\n</details>$", text, re.S)
    if folded:
        return f"<details><summary>{html.escape(folded[1])}</summary>{to_html(formulas(folded[2]))}</details>"
    made = re.sub(
        r"<h3>(.*?)</h3>",
        lambda h: f'<h3 id="{h[1].replace(" ", "-")}">{h[1]}</h3>',
        to_html(formulas(text)),
    )
    made = made.replace(".ipynb", ".html").replace("GLOSSARY.md", "GLOSSARY.html")
    made = made.replace('href="README.md"', 'href="index.html"')
    # no guide stands beside the pages
    return re.sub(r'<a href="(guides/\w+\.md)[^"]*">(.*?)</a>', r"\2 (<code>\1</code>)", made)


def _output(output: dict) -> str:
    data = output.get("data", {})
    text = {kind: "".join(value) for kind, value in data.items()}
    if "text/html" in text:
        return text["text/html"]
    if "image/png" in text:
        return _picture(text["image/png"].strip(), output.get("metadata", {}).get("image/png", {}))
    said = text.get("text/plain", "") or "".join(output.get("text", ""))
    written = re.match(r"(teach\.html) lies beside this notebook\.", said)
    if written:
        return f'<p>The page: <a href="{written[1]}">{written[1]}</a></p>'
    return f"<pre{_kind(said)}>{html.escape(said)}</pre>"


def _kind(said: str) -> str:
    """Tables that smaller letters keep whole on a telephone have a class of their own."""
    widths = [len(line) for line in said.splitlines()]
    return ' class="wide"' * (len(widths) > 2 and 52 < max(widths) <= 66)


def _picture(png: str, told: dict) -> str:
    """A picture, its panels apart where it has any, so that a narrow page can stack them.

    In the dark the page turns black into white and leaves the hues; not where greys mean something.
    """
    alt = html.escape(told.get("alt", ""), quote=True)
    kinds = ["drawn"] * (not told.get("needs_background"))
    # on a telephone its letters would be too small to read: it scrolls
    broad = "panels" not in told and told.get("width", 0) > 480
    kinds += ["broad"] * broad
    kind = f' class="{" ".join(kinds)}"' * bool(kinds)
    kind += f' style="--least:{round(told.get("width", 0) * 5 / 6)}px"' * broad

    def image(png, width, alt):
        return f'<img{kind} alt="{alt}" width="{width}" src="data:image/png;base64,{png}">'

    if "panels" not in told:
        return image(png, told.get("width", ""), alt)
    parts = _cut(png, told["panels"]["cuts"], told["panels"]["top"][0])
    scale = sum(width for _, width in parts) / told["width"]
    count = len(parts)
    images = [
        image(part, round(width / scale), f"{alt}, panel {n} of {count}")
        for n, (part, width) in enumerate(parts, 1)
    ]
    return f'<figure><figcaption>{alt}</figcaption><div class="panels">{"".join(images)}</div></figure>'


def _cut(png: str, cuts: list[float], top: float) -> list[tuple[str, int]]:
    """(PNG in base 64, width in pixels) of each panel, without the title."""
    from PIL import Image  # comes with matplotlib

    whole = Image.open(io.BytesIO(b64decode(png)))
    edges = [0, *(round(cut * whole.width) for cut in cuts), whole.width]
    parts = []
    for left, right in zip(edges, edges[1:]):
        held = io.BytesIO()
        box = (left, round(top * whole.height), right, whole.height)
        whole.crop(box).save(held, "png", optimize=True)
        parts.append((b64encode(held.getvalue()).decode(), right - left))
    return parts


def _code(cell: dict) -> str:
    """A cell of code, folded where it draws."""
    shown = highlighted("".join(cell["source"]))
    if not cell["metadata"].get("jupyter", {}).get("source_hidden"):
        return shown
    return f'<details class="code"><summary>the code of this picture</summary>{shown}</details>'


def _gate(told: dict, kind: str = "guess") -> str:
    """What opens the fold over the outputs that answer a prediction."""
    held = "".join(f' data-{name}="{html.escape(text, quote=True)}"' for name, text in told.items())
    return f'<details class="{kind}"{held}><summary>What came out: guess first, then open</summary>'


def _answer(cell: dict) -> dict:
    """What was found and why, of a cell with a prediction."""
    told: dict = {}
    for output in cell["outputs"]:
        told |= output.get("metadata", {}).get("minisnn", {})
    return told


def _bare(told: dict) -> str:
    """The fold of a prediction that nothing follows: the answer is all it holds."""
    found, because = (html.escape(told[name]) for name in ("found", "because"))
    return f"{_gate(told, 'guess bare')}<p>It is {found}. Why: {because}.</p>"


def _sided(parts: list[str]) -> str:
    """A section, its panels marked where the text tells them by left and right: a narrow page stacks
    them and says so."""
    made = "\n".join(parts)
    told = re.search(r"\bLeft(?:[:,]| and )|\b[Oo]n the left\b", made)
    return made.replace("<figcaption>", '<figcaption class="sided">') if told else made


def _ways(names: list[str], at: int) -> str:
    """Links of lesson `at` to the lessons beside it, the map and the glossary."""
    links = ['<a href="index.html">map</a>', '<a href="GLOSSARY.html">glossary</a>']
    if at:
        links.insert(0, f'<a rel="prev" href="{names[at - 1]}.html">← lesson {at - 1}</a>')
    if at + 1 < len(names):
        links.append(f'<a rel="next" href="{names[at + 1]}.html">lesson {at + 1} →</a>')
    return f"<nav>{' '.join(links)}</nav>"


def page(notebook: dict, slides: bool = False, ways: str = "") -> str:
    """A notebook as a page of its own. What follows a prediction stays folded to the end of its
    section, or to the next exercise, until a guess is entered.

    ways    links to other pages; at the top, and below where the page is read from top to bottom
    """
    title = "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")
    parts: list[list[str]] = [[]]
    gated, held = False, 0
    told: dict = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        last = cell is notebook["cells"][-1]
        ends = source.startswith("## ") or "**Exercise" in source or last
        if gated and last and not source.startswith("## "):  # what is said of the picture before it
            about, mark, source = source.rpartition("**Now read**")
            parts[-1] += [_markdown(about)] * bool(about.strip())
            source = mark + source
        if gated and ends:
            if len(parts[-1]) == held and told:
                parts[-1][-1] = _bare(told)
            parts[-1].append("</details>")
            gated = False
        if source.startswith("## "):
            parts.append([])
        if cell["cell_type"] == "markdown":
            parts[-1].append(_markdown(source))
            continue
        parts[-1].append(_code(cell))
        if "foreseen(guess" in source and not gated:
            gated = True
            told = _answer(cell)
            parts[-1].append(_gate(told))
            held = len(parts[-1])
        for output in cell["outputs"]:
            if "minisnn" not in output.get("metadata", {}):  # a sentence for a notebook's reader
                made = _output(output)
                kind = "output" + " scrolls" * bool(re.search(r'<img class="[^"]*\bbroad"', made))
                parts[-1].append(f'<div class="{kind}">{made}</div>')
    body = "\n".join(f"<section>{_sided(part)}</section>" for part in parts)
    guesses = GUESS * ('<details class="guess' in body)
    around = ways + body + ways * (not slides)
    return _whole(title, around + guesses + TURN * slides, CSS + SLIDES * slides)


def _whole(title: str, body: str, css: str = CSS) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{html.escape(title)}</title>'
    )
    return (
        "<!doctype html><html "
        f'lang="en"><head>{head}<style>{_font()}{css}</style></head><body>\n{body}\n</body></html>\n'
    )


def _font() -> str:
    """The font of the formulas, in the page itself."""
    held = b64encode((HERE / "fonts" / "math.woff2").read_bytes()).decode()
    source = f"url(data:font/woff2;base64,{held})"
    return f'@font-face{{font-family:"minisnn Math";src:{source} format("woff2")}}\n'


def overview() -> str:
    """The map: what each lesson teaches, needs and takes, and the paths, from README.md."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| | lesson") : text.index("## How a lesson works")]
    drawn = (HERE / "pictures" / "map.svg").read_text(encoding="utf-8")
    drawn = f'<span class="map">{drawn}</span>'
    body = re.sub('<img src="pictures/map.svg"[^>]*>', lambda _: drawn, _markdown(table))
    # a long word in a narrow column takes the room of what the lessons teach
    body = body.replace("differentiation", "differ&shy;entiation")
    return _whole("Lessons of minisnn", "<h1>Lessons of minisnn</h1>" + body)


def solutions(notebooks: list[dict]) -> dict:
    """All solutions in one notebook, under their lessons' titles."""
    cells: list[dict] = []
    for notebook in notebooks:
        title = "".join(notebook["cells"][0]["source"]).splitlines()[0]
        cells.append(
            {"cell_type": "markdown", "metadata": {}, "id": f"a{len(cells)}", "source": title}
        )
        for cell in notebook["cells"]:
            if "solution" in cell["metadata"].get("tags", ()):
                code = re.search(r"```python\n(.*)\n```", "".join(cell["source"]), re.S)[1]
                made = {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "id": f"a{len(cells)}",
                }
                cells.append(
                    made | {"source": f"# exercise {cell['metadata']['exercise']}\n{code}"}
                )
    return {
        "cells": cells,
        "metadata": notebooks[0]["metadata"],
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def export(kind: str, out: Path, force: bool = False) -> list[Path]:
    """Write all pages, the map and the solutions into a folder, or all figures; the paths. Raises ValueError where
    one would replace what somebody else wrote, unless `force`."""
    paths = sorted(HERE.glob("[0-9][0-9]_*.ipynb"))
    notebooks = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if kind == "figures":
        return _written(figures(dict(zip([path.stem for path in paths], notebooks))), out, force)
    names = [path.stem for path in paths]
    made = {
        f"{name}.html": page(one, kind == "slides", _ways(names, n))
        for n, (name, one) in enumerate(zip(names, notebooks))
    }
    made["teach.html"] = page_of(IntegerNet.of(ms.read(shipped(SYMBOLS))))
    made["index.html"], made["solutions.ipynb"] = (
        overview(),
        json.dumps(solutions(notebooks), indent=1) + "\n",
    )
    if (HERE / "GLOSSARY.md").exists():
        back = '<nav><a href="index.html">map</a></nav>'
        text = (HERE / "GLOSSARY.md").read_text(encoding="utf-8")
        made["GLOSSARY.html"] = _whole("Glossary", back + _markdown(text))
    return _written({name: text.encode() for name, text in made.items()}, out, force)


def figures(notebooks: dict[str, dict]) -> dict[str, bytes]:
    """Every picture that the notebooks show, by a file name of its lesson, its place and its title;
    index.html lists them."""
    made: dict[str, bytes] = {}
    for name, notebook in notebooks.items():
        count = 0
        for output in (one for cell in notebook["cells"] for one in cell.get("outputs", ())):
            data = {kind: "".join(text) for kind, text in output.get("data", {}).items()}
            drawn = data.get("image/svg+xml")
            if drawn is None and "image/png" not in data:
                continue
            told = output.get("metadata", {}).get("image/png", {})
            title = data.get("text/plain", "") if drawn else told.get("alt", "")
            words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
            count += 1
            path = f"{name[:2]}-{count}-{words or 'picture'}.{'svg' if drawn else 'png'}"
            made[path] = drawn.encode() if drawn else b64decode(data["image/png"])
    rows = "".join(
        f'<figure><img src="{path}" alt=""><figcaption>{path}</figcaption></figure>'
        for path in made
    )
    made["index.html"] = _whole("Figures", f"<h1>Figures of the course</h1>{rows}").encode()
    return made


def _written(made: dict[str, bytes], out: Path, force: bool) -> list[Path]:
    with marked_folder(out, force) as folder:
        for name, content in made.items():
            (folder / name).write_bytes(content)
    return [out / name for name in made]


def main(arguments: list[str]) -> int:
    """Carry out a command line; 2 and one sentence where something is wrong."""
    force = "--force" in arguments
    arguments = [one for one in arguments if one != "--force"]
    if len(arguments) != 2 or arguments[0] not in KINDS:
        print(f"usage: export.py {'|'.join(KINDS)} FOLDER [--force]", file=sys.stderr)
        return 2
    try:
        for path in export(arguments[0], Path(arguments[1]), force):
            print(path)
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed; it comes with: python -m pip install "
            '"minisnn[lessons]"',
            file=sys.stderr,
        )
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"minisnn: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
