"""The lessons as pages that need nothing: `python export.py html|slides FOLDER [--force]`, or
`minisnn lessons --export html`.

Each notebook becomes one page with its outputs, its formulas as MathML and its pictures inside: no
page fetches anything. `slides` shows one section at a time, to be turned with the arrow keys.
Beside them: index.html, the map with times, and solutions.ipynb, all solutions in one notebook.
"""

import html
import json
import re
import sys
from pathlib import Path

from minisnn.outputs import marked_folder
from minisnn.site.mathml import mathml

HERE = Path(__file__).resolve().parent
KINDS = ("html", "slides")
CSS = """:root{color-scheme:light dark}
body{font:16px/1.5 sans-serif;max-width:840px;margin:auto;padding:1em;color:#111;background:#fff}
pre{background:#f5f5f5;padding:.6em;overflow-x:auto;font-size:13px}img,svg{max-width:100%;height:auto}
.output{overflow-x:auto}.output pre{background:none;border-left:3px solid #bbb;white-space:pre-wrap}
table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.25em .5em}
math{font:1.08em "Latin Modern Math","STIX Two Math","Cambria Math","DejaVu Math TeX Gyre",math}details{margin:.5em 0}
mtd[columnalign=right]{text-align:right}mtd[columnalign=left]{text-align:left}
math[display=block]{overflow-x:auto;overflow-y:hidden}@media print{body{max-width:none}}
@media screen and (prefers-color-scheme:dark){body{color:#e4e4e4;background:#181818}a{color:#8ab4f8}a:visited{color:#c58af9}
pre{background:#262626}.output pre,td,th{border-color:#666}.output img,.output svg{background:#fff;border-radius:4px}}"""
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
    """Markdown with its formulas turned into MathML; what stands in code stays."""

    def one(found):
        if found["code"]:
            return found[0]
        return mathml(found["block"] or found["line"], block=bool(found["block"]))

    pattern = r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|(?<!\\)\$(?P<line>[^$]+?)\$"
    return re.sub(pattern, one, text, flags=re.S)


def _markdown(text: str) -> str:
    import mistune

    to_html = mistune.create_markdown(escape=False, plugins=["table"])
    folded = re.match(r"<details><summary>(.*?)</summary>\n\n(.*)\n\n</details>$", text, re.S)
    if folded:
        return f"<details><summary>{html.escape(folded[1])}</summary>{to_html(formulas(folded[2]))}</details>"
    made = re.sub(
        r"<h3>(.*?)</h3>",
        lambda h: f'<h3 id="{h[1].replace(" ", "-")}">{h[1]}</h3>',
        to_html(formulas(text)),
    )
    return made.replace(".ipynb", ".html").replace("GLOSSARY.md", "GLOSSARY.html")


def _output(output: dict) -> str:
    data = output.get("data", {})
    text = {kind: "".join(value) for kind, value in data.items()}
    if "text/html" in text:
        return text["text/html"]
    if "image/png" in text:
        alt = html.escape(
            output.get("metadata", {}).get("image/png", {}).get("alt", ""), quote=True
        )
        width = output.get("metadata", {}).get("image/png", {}).get("width", "")
        return (
            f'<img alt="{alt}" width="{width}" '
            f'src="data:image/png;base64,{text["image/png"].strip()}">'
        )
    return (
        f"<pre>{html.escape(text.get('text/plain', '') or ''.join(output.get('text', '')))}</pre>"
    )


def page(notebook: dict, slides: bool = False) -> str:
    """A notebook as a page of its own."""
    title = "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")
    parts: list[list[str]] = [[]]
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if source.startswith("## "):
            parts.append([])
        if cell["cell_type"] == "markdown":
            parts[-1].append(_markdown(source))
        else:
            parts[-1].append(f"<pre><code>{html.escape(source)}</code></pre>")
            parts[-1] += [
                f'<div class="output">{_output(output)}</div>' for output in cell["outputs"]
            ]
    body = "\n".join("<section>" + "\n".join(part) + "</section>" for part in parts)
    return _whole(title, body + TURN * slides, CSS + SLIDES * slides)


def _whole(title: str, body: str, css: str = CSS) -> str:
    head = (
        '<meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{html.escape(title)}</title>'
    )
    return (
        "<!doctype html><html "
        f'lang="en"><head>{head}<style>{css}</style></head><body>\n{body}\n</body></html>\n'
    )


def overview() -> str:
    """The map: what each lesson teaches, needs and takes, and the paths, from README.md."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| | lesson") : text.index("## How a lesson works")]
    drawn = (HERE / "pictures" / "map.svg").read_text(encoding="utf-8")
    body = re.sub('<img src="pictures/map.svg"[^>]*>', lambda _: drawn, _markdown(table))
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
    """Write all pages, the map and the solutions into a folder; the paths. Raises ValueError where
    one would replace what somebody else wrote, unless `force`."""
    paths = sorted(HERE.glob("[0-9][0-9]_*.ipynb"))
    notebooks = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    made = {f"{path.stem}.html": page(one, kind == "slides") for path, one in zip(paths, notebooks)}
    made["index.html"], made["solutions.ipynb"] = (
        overview(),
        json.dumps(solutions(notebooks), indent=1) + "\n",
    )
    if (HERE / "GLOSSARY.md").exists():
        made["GLOSSARY.html"] = _whole(
            "Glossary", _markdown((HERE / "GLOSSARY.md").read_text(encoding="utf-8"))
        )
    with marked_folder(out, force) as folder:
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
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
