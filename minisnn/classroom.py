"""The lessons that travel with the package, and a student's own copies of them. Nothing of them is
imported here."""

import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .data.store.shipped import folder
from .outputs import marked_folder

NEEDED = (
    "README.md",
    "GLOSSARY.md",
    "guides/*.*",
    "style.py",
    "interactive.py",
    "pictures/*.[js]*",
    "checks/*.py",
    "checks/*.txt",
)  # what the notebooks import, and what says how they hang together


@dataclass(frozen=True)
class Lesson:
    """One notebook: its number, its title without the number, and where it lies."""

    number: int
    title: str
    path: Path


def lessons() -> list[Lesson]:
    """All lessons that travel with this installation, in order.

    Raises FileNotFoundError where it has none, ValueError where a notebook cannot be read.
    """
    found = []
    for path in sorted(folder("lessons").glob("[0-9][0-9]_*.ipynb")):
        try:
            first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        except (ValueError, LookupError, TypeError):
            raise ValueError(f"{path}: the file is not a notebook") from None
        found.append(
            Lesson(int(path.name[:2]), first.splitlines()[0].lstrip("# ").partition(" · ")[2], path)
        )
    return found


def needed() -> list[Path]:
    """The files that notebooks need beside them."""
    return [path for pattern in NEEDED for path in sorted(folder("lessons").glob(pattern))]


def copy(chosen: Sequence[Lesson], out: Path, force: bool = False) -> list[tuple[str, str]]:
    """Copy notebooks and what they need into `out`, all or none; (name, what was done) for every
    notebook.

    A notebook that is there already is the student's work and stays, unless `force`. What notebooks
    import is renewed, where it is still as minisnn wrote it. Raises ValueError where a file of
    somebody else's has the name of one of the course.
    """
    source = folder("lessons")
    done, paths = [], needed()
    for lesson in chosen:
        there = (out / lesson.path.name).exists()
        if not there or force:
            paths.append(lesson.path)
        what = ("written afresh" if force else "yours, left as it is") if there else lesson.title
        done.append((lesson.path.name, what))
    with marked_folder(out, force) as made:
        for path in paths:
            place = made / path.relative_to(source)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(path.read_bytes())
    return done


def jupyter(out: Path, port: int | None = None) -> list[str] | None:
    """The command that opens `out` in JupyterLab with this very Python; None where there is no
    JupyterLab."""
    if importlib.util.find_spec("jupyterlab") is None:
        return None
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        *([] if port is None else [f"--port={port}"]),
        str(out),
    ]


def mine(out: Path) -> list[str]:
    """The command that says how far the student's own `mysnn.py` in `out` has come, and runs its
    checks again.

    Raises ValueError where `out` holds no lessons.
    """
    if not (out / "checks" / "mine.py").exists():
        raise ValueError(
            f"{out}: there are no lessons in this folder; name yours with --out, or copy them "
            "with: minisnn lessons"
        )
    return [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, ''); from checks import mine; sys.exit(mine.report())",
    ]


def export(kind: str, out: Path, force: bool = False) -> list[str]:
    """The command that writes the lessons as pages ("html") or slides into `out`, with a map and
    all solutions, or all their figures."""
    return [
        sys.executable,
        str(folder("lessons") / "export.py"),
        kind,
        str(out),
        *["--force"] * force,
    ]


def line(command: Sequence[str]) -> str:
    """A command as one types it."""
    return shlex.join(command)


def start(command: Sequence[str], **options) -> int:
    """Run a command until it ends; its exit code. Where this process is to stop, so is JupyterLab,
    with its kernels."""
    process = subprocess.Popen(command, **options)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
