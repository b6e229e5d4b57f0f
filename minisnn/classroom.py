"""The lessons that ship with the package, and a student's copies of them. No lesson is imported.

A path through them is an entry of lessons/paths.json: a title; parts, (when, lessons) in order, in
which "12.1" is lesson 12 as far as that exercise; the exercises that it has, if not all that are
not optional; and the lessons to go on with then. minutes.json, which lessons/make.py writes, says
how long each takes.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .data.store.shipped import folder
from .files import whole_folder
from .outputs import SHARED, check, check_files

# modules that the notebooks import, and pages that introduce them
NEEDED = (
    "README.md GLOSSARY.md guides/*.* style.py interactive.py play.py pictures/*.[js]* checks/*.py"
).split()
LINK = re.compile(r"\[([^\]]+)\]\((\d\d)_\w+\.ipynb[^)]*\)")  # link to a lesson


class Lesson(NamedTuple):
    """A notebook: its number, its title without the number, and its file."""

    number: int
    title: str
    path: Path


def lessons() -> list[Lesson]:
    """List the shipped lessons, in order.

    Raises FileNotFoundError if there are none.
    """
    found = []
    for path in sorted(folder("lessons").glob("[0-9][0-9]_*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title = first.splitlines()[0].partition(" · ")[2]
        found.append(Lesson(int(path.name[:2]), title, path))
    return found


def needed() -> list[Path]:
    """List the files that notebooks need next to them."""
    return [path for pattern in NEEDED for path in sorted(folder("lessons").glob(pattern))]


def paths() -> dict[str, dict[str, Any]]:
    """Return the paths through the lessons by name, with the minutes of their steps."""
    found, minutes = (
        json.loads((folder("lessons") / file).read_text(encoding="utf-8"))
        for file in ("paths.json", "minutes.json")
    )
    return {name: path | {"minutes": minutes.get(name, {})} for name, path in found.items()}


def steps(path: dict[str, Any]) -> list[str]:
    """List the lessons of a path in order."""
    return [step for _, part in path["parts"] for step in part]


def numbers(path: dict[str, Any]) -> list[int]:
    """List the numbers of the lessons on a path."""
    return [int(step.partition(".")[0]) for step in steps(path)]


def on_path(notebook: dict, path: dict[str, Any]) -> dict:
    """Return a notebook in which exercises that the path leaves out hold the course's solution
    (folded in the notebook itself) instead of a stub, and have no check."""
    lent: dict[str, str] = {}
    cells = []
    for cell in notebook["cells"]:
        name = cell["metadata"].get("exercise")
        tags = cell["metadata"].get("tags", ())
        optional = name not in path["exercises"] if "exercises" in path else "optional" in tags
        if "exercise" in tags and optional:
            lent[name] = f"# Exercise {name} is left out on this path: the course's own solution.\n"
            lent_cell = {"metadata": {"tags": ["lent"], "exercise": name}, "source": [name]}
            cells.append(cell | lent_cell)
        elif name not in lent:
            cells.append(cell)
        elif "solution" in tags:
            code = re.search(r"```python\n(.*)\n```", "".join(cell["source"]), re.S)
            lent[name] += code[1] if code else ""
    for cell in cells:
        if cell["metadata"].get("tags") == ["lent"]:
            cell["source"] = lent[cell["source"][0]].splitlines(keepends=True)
    return notebook | {"cells": cells}


def signposted(notebook: dict, number: int, path: dict[str, Any]) -> dict:
    """Return a lesson's notebook as part of a learning path: with the minutes that the path allows
    for it, and a pointer to the next lesson at the end, or at the first heading after the path's
    last exercise. Links to lessons that are not on the path become plain text."""
    files = {one.number: one.path.name for one in lessons() if one.number in numbers(path)}
    step, *after = steps(path)[numbers(path).index(number) :]
    cells: list[dict[str, Any]] = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text = LINK.sub(lambda at: at[0] if int(at[2]) in files else at[1], text)
            text = re.sub(r"Allow \d+ minutes", f"Allow {path['minutes'][step]} minutes", text)
        cells.append(cell | {"source": text.splitlines(keepends=True)})
    text = "**Your path ends here.**"
    if after:
        lesson, _, part = after[0].partition(".")
        far = f", as far as exercise {after[0]}" * bool(part)
        text = f"**Next on your path:** [lesson {lesson}]({files[int(lesson)]}){far}."
    elif path["then"]:
        text += f" Afterwards: `minisnn lessons --only {','.join(path['then'])}`."
    end = len(cells)
    if "." in step:
        last = max(n for n, one in enumerate(cells) if one["metadata"].get("exercise") == step)
        end = next(n for n in range(last, end) if cells[n]["source"][0].startswith("## "))
    sign = {"cell_type": "markdown", "id": "path", "metadata": {"tags": ["path"]}, "source": [text]}
    cells.insert(end, sign)
    return notebook | {"cells": cells}


def copy(
    only: Sequence[int], out: Path, force: bool = False, path: dict[str, Any] | None = None
) -> list[tuple[str, str]]:
    """Copy these lessons, or all, and the files they need into `out`, all or none; return (name,
    action) for every notebook. With a path, copy its version of them.

    A notebook that is there already is the student's work and stays, unless `force`. Raises
    ValueError if another file that notebooks import would be replaced, unless `force`.
    """
    known = {lesson.number: lesson for lesson in lessons()}
    if unknown := set(only) - set(known):
        raise ValueError(
            f"there is no lesson {min(unknown)}; there are {', '.join(map(str, known))}"
        )
    check(out, SHARED, force=force)
    new: dict[str, bytes] = {}
    done = []
    for file in [*needed(), *(known[number].path for number in only or known)]:
        name = str(file.relative_to(folder("lessons")))
        if file.suffix == ".ipynb":
            kept = (out / name).exists() and not force
            done.append((name, "yours, kept" if kept else "written"))
            if kept:
                continue
        new[name] = file.read_bytes()
        if file.suffix == ".md":  # links out of the lessons' folder lead nowhere in a copy
            up = rb"!?\[([^\]]+)\]\((?:\.\./){%d}[^)]*\)" % (name.count("/") + 1)
            new[name] = re.sub(up, rb"\1", new[name])
        if path is not None and file.suffix == ".ipynb":
            book = signposted(on_path(json.loads(new[name]), path), int(name[:2]), path)
            new[name] = (json.dumps(book, indent=1, ensure_ascii=False) + "\n").encode()
    check_files(out, new, force)
    with whole_folder(out) as target:
        for name, content in new.items():
            (target / name).parent.mkdir(exist_ok=True)
            (target / name).write_bytes(content)
    return done
