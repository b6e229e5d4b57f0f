"""Copy the lessons into a folder of your own and print how to open them. They are Jupyter notebooks
that derive this library from one leaky neuron upwards, with exercises, hints, folded solutions and
checks. Notebooks that you have worked on are kept."""

import argparse
from pathlib import Path

from .. import classroom, outputs
from .options import add_count, add_list, add_output, refuse

EXAMPLES = """\
examples:
  minisnn lessons                     all lessons, into ./minisnn-lessons
  minisnn lessons --out ~/snn         into another folder
  minisnn lessons --list              what there is
  minisnn lessons --path fast         MAML in about four hours; also 6-weeks and 12-weeks
  minisnn lessons --only 3 --force    lesson 3 afresh, in place of your own copy
  minisnn lessons --open              and start JupyterLab there
  minisnn lessons --mine              your own library, mysnn.py: how far it has come; its checks are run again
  minisnn lessons --export slides     for teachers: pages (html) or slides that need no network, a map, all solutions
  minisnn lessons --export figures    every picture of the course as a file, for slides of your own

JupyterLab comes with: pip install "minisnn[lessons]". Each lesson names what it builds on; begin with 00. README.md in the
folder says what each teaches and how long it takes."""


def arguments(parser: argparse.ArgumentParser) -> None:
    text = "folder to put them into (default: minisnn-lessons)"
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace your notebooks, and whatever else lies in the place of a course file, by fresh "
        "copies",
    )
    add_output(parser, "--out", kind=_kind, metavar="DIR", help=text)
    add_list(parser, "only", None, "numbers of the lessons to copy (default: all)", "N,M")
    text = (
        "copy the lessons of a path, in which exercises that it leaves out stand with their "
        "solution, and print the plan"
    )
    parser.add_argument("--path", choices=classroom.PATHS, help=text)
    parser.add_argument("--list", action="store_true", help="list the lessons, copy nothing")
    parser.add_argument(
        "--open", action="store_true", help="start JupyterLab in the folder, until Ctrl-C"
    )
    parser.add_argument(
        "--mine",
        action="store_true",
        help="list what is in your mysnn.py, checking each function again; copy nothing",
    )
    text = (
        "write all lessons as pages or slides, with a map of them and one notebook of solutions, or "
        "all their figures as files (default folder: minisnn-pages)"
    )
    parser.add_argument("--export", choices=("html", "slides", "figures"), help=text)
    add_count(parser, "port", None, "port of JupyterLab (default: its own choice)")


def _kind(args: argparse.Namespace) -> outputs.Kind | None:
    if args.export:
        return outputs.FOLDER
    return None if args.list or args.mine else outputs.LESSONS


def _plan(path: classroom.Way) -> list[str]:
    """The path in words, a line a part."""
    wide = max(len(when) for when, _ in path.parts)
    lines = [path.title]
    for when, part in path.parts:
        steps = [
            f"{one.partition('.')[0]} as far as exercise {one}" if "." in one else one
            for one in part
        ]
        lines.append(f"  {when:{wide}}  {', '.join(steps)}")
    if path.then:
        lines.append(f"afterwards: minisnn lessons --only {','.join(path.then)}")
    return lines


def run(args: argparse.Namespace) -> int | None:
    lessons = classroom.lessons()
    if args.list:
        refuse(
            args,
            "with --list, which copies nothing",
            "out",
            "only",
            "path",
            "force",
            "open",
            "port",
            "mine",
            "export",
        )
        for lesson in lessons:
            print(f"{lesson.number:3}  {lesson.title}")
        return None
    if args.export:
        refuse(args, "with --export, which writes pages", "only", "path", "open", "port", "mine")
        out = args.out or Path("minisnn-pages")
        outputs.check(out, outputs.FOLDER, force=args.force)
        return classroom.start(classroom.export(args.export, out, args.force))
    args.out = args.out or Path("minisnn-lessons")
    if args.mine:
        refuse(args, "with --mine, which copies nothing", "only", "path", "force", "open", "port")
        return classroom.start(classroom.mine(args.out), cwd=args.out)
    known = [lesson.number for lesson in lessons]
    for number in args.only or ():
        if number not in known:
            raise ValueError(f"there is no lesson {number}; there are {', '.join(map(str, known))}")
    path = classroom.way(args.path) if args.path else None
    if path is not None:
        refuse(args, "with --path, which says what to copy", "only")
        lessons = [lesson for lesson in lessons if path.has(lesson)]
    chosen = [lesson for lesson in lessons if args.only is None or lesson.number in args.only]
    for name, what in classroom.copy(chosen, args.out, args.force, path):
        print(f"{args.out / name}: {what}")
    if path is not None:
        print("\n".join(_plan(path)))
    command = classroom.jupyter(args.out, args.port)
    if command is None:
        advice = (
            'JupyterLab is not installed; it comes with: python -m pip install "minisnn[lessons]"'
        )
        if args.open:
            raise ValueError(advice)
        print(advice)
    elif args.open:
        return classroom.start(command)
    else:
        print(f"open them with: {classroom.line(command)}")
    return None
