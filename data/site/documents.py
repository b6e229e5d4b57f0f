"""The documents of the project, gathered into a folder for Sphinx: each in its place, its links and
the menu fit for a site.

README.md of a folder becomes its index.md, a notebook becomes a page. A link to another file, such
as a measurement, brings that file along.
"""

import json
import posixpath
import re
from pathlib import Path

import notebooks
import reference

PATTERNS = (
    "README.md",
    "CHANGELOG.md",
    "data/README.md",
    "data/results/*.md",
    "hardware/*.md",
    "lessons/README.md",
    "lessons/GLOSSARY.md",
    "lessons/guides/*.md",
    "lessons/[0-9][0-9]_*.ipynb",
)
ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def documents() -> dict[str, str]:
    """Every document by its path in the project, and the path of its page's source."""
    paths = [path for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    return {name: _source(name) for name in names}


def _source(name: str) -> str:
    if posixpath.basename(name) == "README.md":
        return posixpath.join(posixpath.dirname(name), "index.md")
    return str(Path(name).with_suffix(".md").as_posix())


def gather(out: Path) -> dict[str, str]:
    """Write the source of every page, and the files that pages show or link to, into `out`; the
    documents. Raises FileNotFoundError where a link leads to no file."""
    known = documents()
    beside: set[str] = set()
    for name, source in known.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if name.endswith(".ipynb"):
            text, pictures = notebooks.page(json.loads(text), Path(name).stem)
            for picture, content in pictures.items():
                _write(out / posixpath.dirname(name) / picture, content)
            text = _invited(linked(text, name, known, beside), name)
            beside.add(name)
        else:
            text = one_title(
                linked(re.sub(r"<!--.*?-->", "", text, flags=re.S), name, known, beside)
            )
        if name == "README.md":
            text += menu(known)
        _write(out / source, text.encode())
    for name in beside:
        _write(out / name, (ROOT / name).read_bytes())
    for source, text in reference.pages().items():
        _write(out / source, text.encode())
    return known


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def linked(text: str, name: str, known: dict[str, str], beside: set[str]) -> str:
    """A document's text with its links leading to the pages' sources; other files that it links to
    are put into `beside`."""

    def led(found: re.Match[str]) -> str:
        path, hash, anchor = found[1].partition("#")
        if re.match(r"[a-z]+:", found[1]) or not path:
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        if target not in known:
            if not (ROOT / target).is_file():
                raise FileNotFoundError(f"{name}: the link to {found[1]} leads to no file")
            beside.add(target)
        there = posixpath.relpath(known.get(target, target), posixpath.dirname(known[name]) or ".")
        return f"]({there}{hash}{anchor.lower()})"

    pieces = CODE.split(text)
    pieces[::2] = [LINK.sub(led, piece) for piece in pieces[::2]]
    return "".join(pieces)


def one_title(text: str) -> str:
    """A document whose first heading is its only title, and whose other headings leave out no
    level."""
    above: list[int] = []

    def levelled(found: re.Match[str]) -> str:
        level = len(found[1])
        while len(above) > 1 and above[-1] >= level:
            above.pop()
        above.append(level)
        return f"{'#' * len(above)} "

    pieces = CODE.split(text)
    pieces[::2] = [re.sub(r"^(#+) ", levelled, piece, flags=re.M) for piece in pieces[::2]]
    return "".join(pieces)


def _invited(text: str, name: str) -> str:
    """A lesson that says how one works through it, below its title."""
    title, _, rest = text.partition("\n")
    file = posixpath.basename(name)
    return (
        f"{title}\n\n*This page shows a notebook: `minisnn lessons --only {int(file[:2])} "
        f"--open` gives you a copy to work in ([the file]({file})).*\n{rest}"
    )


def menu(known: dict[str, str]) -> str:
    """The menu of the site, for the end of its first page."""
    course = (ROOT / "lessons/README.md").read_text(encoding="utf-8")
    listed = [
        f"lessons/guides/{name}"
        for name in dict.fromkeys(re.findall(r"\(guides/(\w[\w-]*\.md)\)", course))
    ]
    guides = [
        *listed,
        *(name for name in known if name.startswith("lessons/guides/") and name not in listed),
    ]
    parts = {
        "Guides": [known[name] for name in guides],
        "Lessons": [
            f"Course and guides <{known['lessons/README.md']}>",
            *(source for name, source in known.items() if name.endswith(".ipynb")),
            f"Glossary <{known['lessons/GLOSSARY.md']}>",
        ],
        "Results": [
            *(source for name, source in known.items() if name.startswith("data/results/")),
            known["data/README.md"],
        ],
        "Library": [
            f"{reference.FOLDER}/index",
            f"Hardware <{known['hardware/README.md']}>",
            f"Hardware: formats <{known['hardware/formats.md']}>",
            known["CHANGELOG.md"],
        ],
    }
    made = []
    for caption, pages in parts.items():
        entries = "\n".join(page.replace(".md", "") for page in pages)
        made.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n")
    return "".join(made)
