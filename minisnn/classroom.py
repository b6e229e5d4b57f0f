"""The lessons that travel with the package, and a student's own copies of them. Nothing of them is
imported here."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .data.store.shipped import folder
from .outputs import LESSONS, marked_folder

NEEDED = (
    "README.md",
    "GLOSSARY.md",
    "guides/*.*",
    "style.py",
    "interactive.py",
    "play.py",
    "pictures/*.[js]*",
    "checks/*.py",
    "checks/*.txt",
)  # what the notebooks import, and what says how they hang together


PATHS = ("fast", "6-weeks", "12-weeks")  # of lessons/paths.json
LINK = re.compile(r"\[([^\]]+)\]\((\d\d)_\w+\.ipynb[^)]*\)")  # to a lesson


@dataclass(frozen=True)
class Way:
    """A path through the lessons.

    title       what it is
    parts       (when, lessons) in order; "10.1" is lesson 10 as far as that exercise
    exercises   those that it has; None: all that are not optional
    then        lessons to go on with
    """

    title: str
    parts: list[tuple[str, list[str]]]
    then: list[str]
    exercises: list[str] | None = None

    def has(self, lesson: "Lesson") -> bool:
        """Whether a lesson is on the path."""
        return str(lesson.number) in [one.partition(".")[0] for one in self.steps]

    @property
    def steps(self) -> list[str]:
        """Lessons in the order in which the path goes; one of them may come twice."""
        return [one for _, part in self.parts for one in part]

    def lends(self, exercise: str, optional: bool) -> bool:
        """Whether the course's own solution stands in an exercise's place."""
        return optional if self.exercises is None else exercise not in self.exercises


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


def way(name: str) -> Way:
    """A path of `PATHS`.

    Raises FileNotFoundError where this installation has no lessons.
    """
    text = (folder("lessons") / "paths.json").read_text(encoding="utf-8")
    return Way(**json.loads(text)[name])


def on_path(notebook: dict, path: Way) -> dict:
    """A notebook in which exercises that a path leaves out have the course's solution in place of
    their stub, and no check.

    Their solutions stand in the notebook itself, folded.
    """
    lent = {}
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", ())
        exercise = cell["metadata"].get("exercise", "")
        if "exercise" in tags and path.lends(exercise, "optional" in tags):
            lent[exercise] = ""
    for cell in notebook["cells"]:
        exercise = cell["metadata"].get("exercise")
        if exercise in lent and "solution" in cell["metadata"]["tags"]:
            code = re.search(r"```python\n(.*)\n```", "".join(cell["source"]), re.S)
            lent[exercise] = code[1] if code else ""
    cells = []
    for cell in notebook["cells"]:
        exercise = cell["metadata"].get("exercise")
        if not lent.get(exercise):
            cells.append(cell)
        elif "exercise" in cell["metadata"]["tags"]:
            said = f"# Exercise {exercise} is left out on this path: the course's own solution.\n"
            source = (said + lent[exercise]).splitlines(keepends=True)
            cells.append(cell | {"source": source, "metadata": {"tags": ["lent"]}})
    return notebook | {"cells": cells}


def signposted(notebook: dict, number: int, path: Way) -> dict:
    """The notebook of a lesson that says what comes next on a path.

    It says so at the end, and where the path leaves a lesson half done. What the path does not have
    is named there without a link.
    """
    files = {one.number: one.path.name for one in lessons() if path.has(one)}
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            kept = LINK.sub(lambda at: at[0] if int(at[2]) in files else at[1], text)
            cell = cell | {"source": kept.splitlines(keepends=True)}
        cells.append(cell)
    for at, step in enumerate(path.steps):
        lesson, _, part = step.partition(".")
        if int(lesson) != number:
            continue
        where = _onwards(path, at, files)
        if not part:
            cells.append(_sign(step, where))
            continue
        last = max(n for n, cell in enumerate(cells) if cell["metadata"].get("exercise") == step)
        cells.insert(last + 1, _sign(step, f"{where} Later you go on from this place."))
    return notebook | {"cells": cells}


def _onwards(path: Way, at: int, files: dict[int, str]) -> str:
    """What a path has after its step `at`, in words."""
    if at + 1 == len(path.steps):
        then = f" Afterwards: `minisnn lessons --only {','.join(path.then)}`." if path.then else ""
        return f"**Your path ends here.**{then}"
    lesson, _, part = path.steps[at + 1].partition(".")
    far = f", as far as exercise {lesson}.{part}" if part else ""
    return f"**Next on your path:** [lesson {lesson}]({files[int(lesson)]}){far}."


def _sign(step: str, text: str) -> dict:
    name = f"path-{step.replace('.', '-')}"
    return {"cell_type": "markdown", "id": name, "metadata": {"tags": ["path"]}, "source": [text]}


def copy(
    chosen: Sequence[Lesson], out: Path, force: bool = False, path: Way | None = None
) -> list[tuple[str, str]]:
    """Copy notebooks and what they need into `out`, all or none; (name, what was done) for every
    notebook. Of a path it is what the path has of them.

    A notebook that is there already is the student's work and stays, unless `force`. Raises
    ValueError where another file that notebooks import would be replaced, unless `force`.
    """
    source = folder("lessons")
    done, paths = [], needed()
    books = []
    for lesson in chosen:
        there = (out / lesson.path.name).exists()
        if not there or force:
            books.append(lesson.path)
        what = ("written afresh" if force else "yours, left as it is") if there else lesson.title
        done.append((lesson.path.name, what))
    with marked_folder(out, force, LESSONS) as made:
        for one in [*paths, *books]:
            place = made / one.relative_to(source)
            place.parent.mkdir(exist_ok=True)
            content = one.read_bytes()
            if path is not None and one in books:
                book = on_path(json.loads(content), path)
                book = signposted(book, int(one.name[:2]), path)
                content = (json.dumps(book, indent=1, ensure_ascii=False) + "\n").encode()
            place.write_bytes(content)
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
