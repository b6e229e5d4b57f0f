"""The reference of the library: a page for every public module, and docstrings as Sphinx reads
them.

The docstrings of this library are plain text: equations are indented, columns stand three spaces
apart, examples begin with
>>>, and `names` stand between backticks. Sphinx reads reStructuredText, in which that would mean something else.
"""

import inspect
import itertools
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import minisnn

INSIDE = {  # not for scripts to import
    "__main__",
    "cli",
    "command",
    "commands",
    "experiments",
    "former",
    "kernels",
    "vectors",
    "options",
    "plain",
}
FOLDER = "reference"
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
ITEM = re.compile(r"(-|\d+\.) +")


def modules() -> list[str]:
    """The public modules, rooms before what is in them: all but those that carry out commands and
    count in kernels or loops."""
    found = ["minisnn"]
    for module in pkgutil.walk_packages([str(Path(minisnn.__file__).parent)], "minisnn."):
        parts = module.name.split(".")[1:]
        hidden = (
            any(part.startswith("_") or part in INSIDE for part in parts) or parts[-1] == "kernel"
        )
        if not hidden:
            found.append(module.name)
    return sorted(found)


def pages() -> dict[str, str]:
    """A page for every public module, and the list of them, by file names."""
    known = modules()
    made = {f"{FOLDER}/{name}.rst": _module(name, _within(name, known)) for name in known[1:]}
    return {f"{FOLDER}/index.rst": _front(_within("minisnn", known)), **made}


def _within(room: str, known: list[str]) -> list[str]:
    return [name for name in known if name.rpartition(".")[0] == room]


def _front(rooms: list[str]) -> str:
    parts = [_title("API reference"), ".. automodule:: minisnn\n   :no-members:"]
    homes = []
    for name in minisnn.__all__:  # type: ignore[attr-defined]  # made where it is first asked for
        found = getattr(minisnn, name)
        if inspect.ismodule(found):
            homes.append(found.__name__)
        elif name != "__version__":
            homes.append(f"{found.__module__}.{found.__qualname__}")
    parts += [_title("From minisnn", "-"), _listed(sorted(homes))]
    parts += [_title("All public modules", "-"), _listed(rooms), _menu(rooms)]
    return "\n\n".join(parts) + "\n"


def _module(name: str, within: list[str]) -> str:
    parts = [_title(name), f".. automodule:: {name}\n   :members:"]
    if within:
        parts += [_listed(within), _menu(within)]
    return "\n\n".join(parts) + "\n"


def _listed(names: list[str]) -> str:
    """A table of names, each a link with the first sentence of its docstring."""
    lines = "\n".join(f"   ~{name}" for name in names)
    return f".. py:currentmodule:: None\n\n.. autosummary::\n   :nosignatures:\n\n{lines}"


def _title(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}"


def _menu(names: list[str]) -> str:
    entries = "\n".join(f"   {name.rpartition('.')[2]} <{name}>" for name in names)
    return f".. toctree::\n   :hidden:\n\n{entries}"


def restructured(docstring: str) -> str:
    """A docstring of this library in reStructuredText: equations (indented), columns (three spaces
    apart) and examples keep their form, all else is text in which only `names` and lists mean
    anything."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        lines = paragraph.split("\n")
        example = next(
            (n for n, line in enumerate(lines) if line.lstrip().startswith(">>> ")), len(lines)
        )
        said, shown = lines[:example], lines[example:]
        columns = any(re.search(r"\S {3,}\S", line) for line in said)
        for fixed, group in itertools.groupby(
            said, lambda line: columns or line.startswith("    ")
        ):
            if fixed:
                parts += ["::", "", *(f"    {line}" for line in group), ""]
            else:
                parts += _text(list(group))
        if shown:
            parts += [textwrap.dedent("\n".join(shown)), ""]
    return "\n".join(parts)


def _text(lines: list[str]) -> Iterator[str]:
    """Paragraphs and lists, each paragraph and item in one line, so that nothing but its beginning
    could mean anything."""
    joined: list[str] = []
    for line in lines:
        inside = joined and ITEM.match(joined[-1]) and not line.startswith(" ")
        if not joined or ITEM.match(line) or inside:
            joined.append(line.strip())
        else:
            joined[-1] += f" {line.strip()}"
    for line in joined:
        item = ITEM.match(line)
        start = item[0] if item else ""
        yield f"{start}\\ {_escaped(line.removeprefix(start))}"
        yield ""


def _escaped(text: str) -> str:
    """Text without markup but that of code between backticks; a name there is a link where Sphinx
    knows it."""
    pieces = re.split(r"`([^`]+)`", text)
    pieces[::2] = [re.sub(r"([\\*_|`])", r"\\\1", piece) for piece in pieces[::2]]
    pieces[1::2] = [_code(piece.strip()) for piece in pieces[1::2]]
    # no end of a sentence
    numbered = re.sub(r"\b(Eq|Fig|Sec)\. (?=\d)", "\\1.\\\\ \u00a0", "".join(pieces))
    return re.sub(r"::$", r":\\:", numbered)


def _code(text: str) -> str:
    marked = f":py:obj:`{text}`" if NAME.fullmatch(text) else f"``{text}``"
    return f"\\ {marked}\\ "
