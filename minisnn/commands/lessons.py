"""`minisnn lessons`: copy the course into a folder of the student's."""

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

from .. import classroom
from .options import idle

MINE = "import sys; sys.path.insert(0, ''); from checks import mine; sys.exit(mine.report())"


def lessons(
    *,
    out: Annotated[Path, "DIR", "folder to put them into"] = Path("minisnn-lessons"),
    force: Annotated[
        bool, "replace your notebooks and changed course files by fresh copies"
    ] = False,
    only: Annotated[tuple[int, ...], "numbers of the lessons to copy (default: all)"] = (),
    path: Annotated[
        Literal["evening", "fast", "lecture", "6-weeks", "12-weeks"] | None,
        "copy the lessons of a path, in which exercises that it leaves out are solved, and "
        "print the plan",
    ] = None,
    list: Annotated[bool, "list the lessons, copy nothing"] = False,
    open: Annotated[bool, "start JupyterLab in the folder, until Ctrl-C"] = False,
    mine: Annotated[
        bool, "list what is in your mysnn.py, checking each function again; copy nothing"
    ] = False,
) -> int | None:
    """Copy the lessons into a folder of your own and print how to open them. They are
    Jupyter notebooks that derive this library from one leaky neuron upwards, with
    exercises, hints, folded solutions and checks. Notebooks that you have worked on
    are kept.

    examples:
      minisnn lessons                   all lessons, into ./minisnn-lessons
      minisnn lessons --out ~/snn       into another folder
      minisnn lessons --list            list the lessons
      minisnn lessons --path fast       learn a start yourself, in an afternoon
      minisnn lessons --only 3 --force  lesson 3 again, in place of your own copy
      minisnn lessons --open            and start JupyterLab there
      minisnn lessons --mine            check your own library, mysnn.py

    JupyterLab comes with: pip install -e ".[lessons]", in a clone. Each lesson
    names what it builds on; begin with 00. README.md in the folder says what each
    teaches and how long it takes.
    """
    if list or mine:
        idle("where nothing is copied", only=only, path=path, open=open)
    if list:
        print(*(f"{lesson.number:3}  {lesson.title}" for lesson in classroom.lessons()), sep="\n")
        return None
    if mine:
        if not (out / "checks" / "mine.py").exists():
            raise ValueError(f"{out}: no lessons are in this folder; copy them, or give --out")
        return subprocess.run([sys.executable, "-c", MINE], cwd=out).returncode
    way = classroom.paths()[path] if path else None
    if way is not None:
        idle("with --path, which says what to copy", only=only)
        only = tuple(classroom.numbers(way))
    for name, what in classroom.copy(only, out, force, way):
        print(f"{out / name}: {what}")
    if way is not None:
        hours = f"{way['title']} ({sum(way['minutes'].values()) / 60:.1f} hours)"
        parts = [f"  {when:26}{', '.join(part)}" for when, part in way["parts"]]
        print(hours, *parts, f"afterwards: {', '.join(way['then']) or '-'}", sep="\n")
    command = [sys.executable, "-m", "jupyterlab", str(out)]
    installed = importlib.util.find_spec("jupyterlab") is not None
    if open and installed:
        return subprocess.run(command).returncode
    advice = 'JupyterLab is not installed; install it in a clone: pip install -e ".[lessons]"'
    if open:
        raise ValueError(advice)
    print(f"open them with: {shlex.join(command)}" if installed else advice)
    return None
