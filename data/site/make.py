"""The site of the project as static pages with a menu and a search: guides, lessons, results, and
the reference of every public module, class and function. It opens from the file system and asks for
no network.

    python data/site/make.py            into ./site; begin with its index.html
    python data/site/make.py ~/pages

Takes a minute or two. Needs Sphinx and what goes with it: pip install "minisnn[docs]".
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import flags
import reference

from minisnn.cli import parser as all_commands

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LINK = re.compile(r"\]\((?!\w+:)[^)\s#]*(?P<anchor>#?[^)\s]*)\)")
MENU = {  # patterns of pages
    "Guides": ["lessons/guides/*"],
    "Lessons": ["lessons/README.md", "lessons/[0-9]*", "lessons/GLOSSARY.md"],
    "Results": ["data/results/*.md", "data/README.md"],
    "Library": [f"{reference.FOLDER}/index", "hardware/*.md", "CHANGELOG.md"],
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path, default=Path("site"), metavar="DIR")
    out = parser.parse_args().out
    if out.exists() and any(out.iterdir()) and not (out / "searchindex.js").exists():
        parser.error(f"{out} holds other files; expected an empty folder, or an earlier site")
    with tempfile.TemporaryDirectory() as made:
        sources = Path(made, "sources")
        gather(sources)
        how = ["-q", "-b", "html", "-c", HERE, "-d", Path(made, "trees")]
        code = subprocess.call([sys.executable, "-m", "sphinx", *how, sources, out])
    if code == 0:
        print(f"{out / 'index.html'}: {len(list(out.rglob('*.html')))} pages")
    return code


def gather(out: Path) -> None:
    """Copy what git tracks, README.md of a folder as its index.md, and write the menu and the pages
    of the reference."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
    texts = {}
    for name in listed.stdout.decode().splitlines():
        content = (ROOT / name).read_bytes()
        if name.endswith((".md", ".ipynb")):
            content = LINK.sub(_led, content.decode()).encode()
        texts[name.replace("README.md", "index.md")] = content
    texts["index.md"] += menu().encode()
    for name, text in [(flags.PAGE, flags.page(all_commands())), *reference.pages().items()]:
        texts[name] = text.encode()
    for name, content in texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)


def _led(link: re.Match) -> str:
    """Rewrite a link to the pages' names, its anchor as Sphinx writes it."""
    return link[0].replace("README", "index").replace(link["anchor"], link["anchor"].lower())


def menu() -> str:
    """The menu of the site, for the end of its first page."""
    made = ""
    for caption, patterns in MENU.items():
        entries = "\n".join(
            re.sub(r"\.md$", "", one.replace("README", "index")) for one in patterns
        )
        made += f"\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{entries}\n```\n"
    return made


if __name__ == "__main__":
    sys.exit(main())
