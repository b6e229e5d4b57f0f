"""Copy the lessons into a folder of your own and say how to open them: Jupyter notebooks that
derive this library from one leaky neuron upwards, with exercises, hints, folded solutions and
checks. What you have already worked on stays as it is."""

import argparse
from pathlib import Path

SUMMARY = "the lessons: notebooks with exercises, into a folder of your own"
EXAMPLES = """\
examples:
  minisnn lessons                               all lessons, into ./minisnn-lessons
  minisnn lessons --out ~/snn                   into another folder
  minisnn lessons --list                        what there is
  minisnn lessons --only 3 --force              lesson 3 afresh; your own copy of it is replaced
  minisnn lessons --open                        and start JupyterLab there

JupyterLab comes with: pip install "minisnn[lessons]". Each lesson names what it builds on;
begin with 01. README.md in the folder says what each teaches and how long it takes."""


def arguments(parser: argparse.ArgumentParser) -> None:
    from .options import count, whole_numbers

    parser.add_argument(
        "--out",
        type=Path,
        default=Path("minisnn-lessons"),
        metavar="DIR",
        help="folder to put them into (default: minisnn-lessons)",
    )
    parser.add_argument("--only", type=whole_numbers, metavar="N,M", help="numbers of the lessons to copy (default: all)")
    parser.add_argument("--list", action="store_true", help="list the lessons, copy nothing")
    parser.add_argument("--force", action="store_true", help="replace notebooks of yours by fresh ones")
    parser.add_argument("--open", action="store_true", help="start JupyterLab in the folder, until Ctrl-C")
    parser.add_argument("--port", type=count(1), metavar="N", help="of JupyterLab (default: its own choice)")


def run(args: argparse.Namespace) -> int | None:
    from .. import classroom

    lessons = classroom.lessons()
    if args.list:
        for lesson in lessons:
            print(f"{lesson.number:3}  {lesson.title}")
        return None
    if args.out.exists() and not args.out.is_dir():
        raise ValueError(f"{args.out}: there is a file of this name; expected a folder to write to")
    known = [lesson.number for lesson in lessons]
    for number in args.only or ():
        if number not in known:
            raise ValueError(f"there is no lesson {number}; there are {', '.join(map(str, known))}")
    chosen = [lesson for lesson in lessons if args.only is None or lesson.number in args.only]
    for name, what in classroom.copy(chosen, args.out, args.force):
        print(f"{args.out / name}: {what}")
    command = classroom.jupyter(args.out, args.port)
    if command is None:
        advice = 'JupyterLab is not installed; it comes with: python -m pip install "minisnn[lessons]"'
        if args.open:
            raise ValueError(advice)
        print(advice)
    elif args.open:
        return classroom.start(command)
    else:
        print(f"open them with: {classroom.line(command)}")
    return None
