"""The site of the project as static pages with a menu and a search: guides, lessons, results, and
the reference of every public module, class and function. It opens from the file system and asks for
no network.

    python data/site/make.py            into ./site; begin with its index.html
    python data/site/make.py ~/pages

Takes a minute or two. Needs Sphinx and what goes with it: pip install "minisnn[docs]".
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from documents import gather

HERE = Path(__file__).resolve().parent


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


if __name__ == "__main__":
    sys.exit(main())
