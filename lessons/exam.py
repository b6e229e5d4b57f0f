"""Exams of the lessons' exercises, for teachers.

    python lessons/exam.py set 03 exam.ipynb            the lesson with stubs and checks, without
                                                        hints, solutions and outputs
    python lessons/exam.py set 03 exam.ipynb --sealed   without the checks too, so that nobody can
                                                        read in them
    python lessons/exam.py set 03 course --nbgrader     an assignment of the nbgrader course in this
                                                        folder, to mark with nbgrader
    python lessons/exam.py mark answers/*.ipynb         a line for each notebook and exercise:
                                                        right, or what is wrong

Marking takes nothing but the cells of the exercises from what was handed in, each beside this
folder's own check, and goes on with the solution after it: a slip is counted once. Answers run in a
process of their own, one for each notebook, in a folder without checks and solutions; a call may
take 20 s (`judge.py`). Every notebook has its rows, whatever is in it.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import graded
import judge
import make
from minisnn import outputs
from minisnn.files import write_whole

SECONDS = 20  # for an answer that does not come to an end
COURSE = 300  # for a cell of the course's own
EXAM = outputs.Kind("an exam")


def set_exam(number: str, out: Path, sealed: bool = False, force: bool = False) -> Path:
    """Write the exam of a lesson. Raises ValueError where there is no such lesson, and where `out`
    exists, unless `force`."""
    import nbformat

    cells = make.parse(_source(number))
    if not make.exercises(cells):
        raise ValueError(f"lesson {int(number)} has no exercise; expected one that has")
    exam = make.notebook(cells)
    hidden = {"hint", "solution"} | ({"check"} if sealed else set())
    exam.cells = [cell for cell in exam.cells if not hidden & set(cell.metadata.get("tags", ()))]
    if sealed:
        for cell in exam.cells:
            cell.source = "\n".join(
                line
                for line in cell.source.splitlines()
                if not line.startswith("from checks import")
            )
    outputs.check(out, EXAM, force=force)
    exam.metadata["minisnn"] = "exam"
    write_whole(out, (nbformat.writes(exam) + "\n").encode())
    return out


def mark(path: Path, seconds: float = SECONDS) -> dict[str, str]:
    """What the checks say to the exercises of a notebook: "right", or what is wrong. Raises
    ValueError where it has none, and on Windows, which cannot hold a process to limits."""
    if not hasattr(os, "killpg"):
        raise ValueError(
            "this system cannot hold the process of answers to limits of time and memory; "
            "expected Linux or macOS: on Windows mark in WSL"
        )
    answers = answers_of(path)
    number = next(iter(answers)).split(".")[0]
    cells = make.parse(_source(number))
    parts, found = make.exercises(cells), {}
    cells = cells[: 1 + max(one.at for one in parts.values())]
    behind: list[str] = []  # cells that were run, and are run again where the process is given up
    student = None
    try:
        for cell in cells:
            if cell.kind == "code":
                behind.append(cell.text)
                student = _run(student, cell.text)
            elif cell.kind == "exercise":
                one = parts[cell.exercise]
                student = student or _begun(int(number), behind, seconds)
                try:
                    code = answers.get(cell.exercise, cell.text)
                    found[cell.exercise] = judge.verdict(
                        student, cell.exercise, code, one.checks[0]
                    )
                except judge.Lost as error:
                    found[cell.exercise] = str(error)
                    student = _given_up(student)
                behind.append(one.solution)
                student = _run(student, one.solution)
    finally:
        _given_up(student)
    return found


def rows(path: Path) -> dict[str, str]:
    """`mark`, and where a notebook cannot be marked a row that says why: those that follow are
    marked all the same."""
    try:
        return mark(path)
    except Exception as error:
        text = (
            str(error)
            if isinstance(error, (ValueError, OSError))
            else f"{type(error).__name__}: {error}"
        )
        return {"-": " ".join(text.split())[:300] or "cannot be marked"}


def answers_of(path: Path) -> dict[str, str]:
    """The cells of the exercises of a notebook, whatever else is in it, by their numbers.

    Raises ValueError where the file is no notebook, or has no such cells of one lesson.
    """
    try:
        cells = json.loads(path.read_bytes())["cells"]
        answers = dict(filter(None, map(_answer, cells)))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: the file is no notebook ({type(error).__name__})") from None
    if not answers:
        raise ValueError(
            f"{path}: the notebook has no cells tagged as exercises; was it made by `exam.py set`?"
        )
    return answers


def _answer(cell: object) -> tuple[str, str] | None:
    """(number, code) of a cell of an exercise; tags that are no list of words are no tags."""
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if not isinstance(tags, list) or "exercise" not in tags or cell.get("cell_type") != "code":
        return None
    number, source = metadata.get("exercise"), cell.get("source")
    source = "".join(map(str, source)) if isinstance(source, list) else source
    known = isinstance(number, str) and re.fullmatch(r"\d{1,2}\.\d{1,2}t?", number, re.ASCII)
    return (number, source) if known and isinstance(source, str) else None


def _begun(number: int, behind: list[str], seconds: float) -> judge.Student | None:
    """A process in which the cells so far have been run."""
    student = judge.Student(number, seconds)
    for code in behind:
        if (student := _run(student, code)) is None:
            return judge.Student(number, seconds)
    return student


def _run(student: judge.Student | None, code: str) -> judge.Student | None:
    """Run a cell of the course's, if there is a process; None where it is lost."""
    if student is None:
        return None
    try:
        student.run(code, COURSE)
    except judge.Lost:
        return _given_up(student)
    except Exception:  # a picture of what an answer has spoilt
        return student
    return student


def _given_up(student: judge.Student | None) -> None:
    if student is not None:
        student.close()


def _source(number: str) -> Path:
    for source in make.sources():
        if int(source.stem[:2]) == int(number):
            return source
    raise ValueError(
        f"there is no lesson {number}; there are "
        f"{', '.join(source.stem for source in make.sources())}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Carry out a command line."""
    parser = argparse.ArgumentParser(
        "exam.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("set", help="make an exam of a lesson")
    one.add_argument("lesson", help="its number")
    one.add_argument("out", type=Path, help="the notebook to write")
    one.add_argument("--force", action="store_true", help="replace what is there")
    one.add_argument("--sealed", action="store_true", help="leave out the checks")
    one.add_argument(
        "--nbgrader", action="store_true", help="out is the folder of an nbgrader course"
    )
    commands.add_parser("mark", help="mark what was handed in").add_argument(
        "notebooks", type=Path, nargs="+"
    )
    args = parser.parse_args(arguments)
    try:
        if args.command == "set" and args.nbgrader:
            if args.sealed:
                raise ValueError("--sealed does nothing with --nbgrader, whose tests are cells")
            print(graded.write(_source(args.lesson), args.out, args.force))
        elif args.command == "set":
            print(set_exam(args.lesson, args.out, args.sealed, args.force))
        for path in getattr(args, "notebooks", ()):
            for number, verdict in rows(path).items():
                print(f"{path}\t{number}\t{verdict}", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(f"exam.py: {error}")


if __name__ == "__main__":
    main()
