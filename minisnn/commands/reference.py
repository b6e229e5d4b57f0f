"""The reference of the library as web pages: every public module, class and function with its equations, shapes and errors,
made of the docstrings."""

import argparse
import inspect
import pkgutil
import re
from pathlib import Path

from .. import outputs
from .options import add_output

SUMMARY = "the API reference as web pages"
EXAMPLES = """\
examples:
  minisnn reference                into ./reference; begin with its index.html
  minisnn reference --out pages

Needs the library pdoc: pip install "minisnn[docs]"."""
STYLE = """main.pdoc { width: calc(74rem + var(--sidebar-width)); } .pdoc .docstring pre { font-size: 0.85rem; }"""
INSIDE = ("__main__", "cli", "commands", "experiments", "kernels")  # not for scripts to import


def arguments(parser: argparse.ArgumentParser) -> None:
    text = "folder to write to (default: reference)"
    add_output(parser, "--out", kind=outputs.FOLDER, default=Path("reference"), metavar="DIR", help=text)


def run(args: argparse.Namespace) -> None:
    try:
        import pdoc
        from jinja2 import ChoiceLoader, DictLoader
    except ImportError as error:
        raise ValueError('the reference needs the library pdoc; install it with: pip install "minisnn[docs]"') from error
    pdoc.render.configure(docformat="markdown", footer_text="minisnn")
    pdoc.render.env.filters["to_markdown"] = markdown
    own = DictLoader({"custom.css": STYLE})
    pdoc.render.env.loader, before = ChoiceLoader([own, pdoc.render.env.loader]), pdoc.render.env.loader
    try:
        with outputs.marked_folder(args.out, args.force) as folder:
            pdoc.pdoc(*modules(), output_directory=folder)
    finally:
        pdoc.render.env.loader = before
    print(f"{args.out / 'index.html'}: {sum(1 for _ in args.out.rglob('*.html'))} pages")


def modules() -> list[str]:
    """What pdoc is told to take: the package and its modules that are for scripts, those within them too."""
    package = Path(__file__).parents[1]
    names = sorted(module.name for module in pkgutil.iter_modules([str(package)]) if module.name not in INSIDE)
    return ["minisnn", *(f"minisnn.{name}" for name in names), "!minisnn.data.camera.kernel"]


def markdown(docstring: str) -> str:
    """A docstring of this library in Markdown: equations (indented) and columns (three spaces apart) keep their form, all else
    is text in which only `names` and lists mean anything."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        lines = paragraph.split("\n")
        columns = any(re.search(r"\S {3,}\S", line) for line in lines)
        before = None
        for line in lines:
            fixed = columns or line.startswith("    ")
            if fixed != before and before is not None:
                parts.append("")
            parts.append(f"    {line}" if columns else line if fixed else _text(line))
            before = fixed
        parts.append("")
    return "\n".join(parts)


def _text(line: str) -> str:
    """A line whose * and _ are no emphasis, nor its < a tag; code between backticks stays."""
    pieces = re.split(r"(`[^`]+`)", line)
    pieces[::2] = [re.sub(r"([*_\[\]])", r"\\\1", piece).replace("<", "&lt;") for piece in pieces[::2]]
    return "".join(pieces)
