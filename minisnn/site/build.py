"""From the documents of the project to a site of static pages, by Sphinx in a process of its
own."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ..parallel.children import python, surroundings
from .documents import gather

# of the extra docs
NEEDED = {
    "sphinx": "sphinx",
    "furo": "furo",
    "myst_parser": "myst-parser",
    "latex2mathml": "latex2mathml",
}


@contextmanager
def built() -> Iterator[tuple[Path, list[str]]]:
    """A folder that holds the pages while the block runs, and what Sphinx warned of.

    Raises ValueError where a library is missing, FileNotFoundError where a document is,
    RuntimeError where Sphinx fails.
    """
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ValueError(
            f'the site needs {", ".join(missing)}; install it with: pip install "minisnn[docs]"'
        )
    with tempfile.TemporaryDirectory(prefix="minisnn-site-") as made:
        sources = Path(made, "sources")
        pages = Path(made, "pages")
        gather(sources)
        how = ["-q", "-b", "html", "-c", Path(__file__).parent, "-d", Path(made, "trees")]
        command = python("-m", "sphinx", *how, sources, pages)
        done = subprocess.run(command, env=surroundings(), capture_output=True, encoding="utf-8")
        said = done.stderr.replace(f"{sources}{os.sep}", "").splitlines()
        if done.returncode != 0:
            raise RuntimeError(f"Sphinx could not make the site: {' '.join(said[-3:])}")
        (pages / ".buildinfo").unlink(missing_ok=True)
        yield pages, said
