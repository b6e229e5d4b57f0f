"""Exams of the lessons' exercises, for teachers.

    python lessons/exam.py set 03 exam.ipynb            the lesson with stubs and checks, without hints, solutions and outputs
    python lessons/exam.py set 03 exam.ipynb --sealed   without the checks too, so that nobody can read in them
    python lessons/exam.py mark answers/*.ipynb         a line for each notebook and exercise: right, or what is wrong

Marking takes nothing but the cells of the exercises from what was handed in, each beside this folder's own check, and goes on
with the solution after it: a slip is counted once. It runs what students wrote, so do it where that can do no harm.
"""

import argparse
import sys
from pathlib import Path

import make

SECONDS = 20  # for an answer that does not come to an end


def set_exam(number: str, out: Path, sealed: bool = False) -> Path:
    """Write the exam of a lesson. Raises ValueError where there is no such lesson."""
    import nbformat

    exam = make.notebook(make.parse(_source(number)))
    hidden = {"hint", "solution"} | ({"check"} if sealed else set())
    exam.cells = [cell for cell in exam.cells if not hidden & set(cell.metadata.get("tags", ()))]
    if sealed:
        for cell in exam.cells:
            cell.source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("from checks import"))
    nbformat.write(exam, out)
    return out


def mark(path: Path) -> dict[str, str]:
    """What the checks say to the exercises of a notebook: "right", or what is wrong. Raises ValueError where it has none."""
    import nbformat
    import nbformat.v4 as v4

    answers = {
        cell.metadata["exercise"]: cell.source
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", ())
    }
    if not answers:
        raise ValueError(f"{path}: the notebook has no cells tagged as exercises; was it made by `exam.py set`?")
    cells = make.parse(_source(next(iter(answers)).split(".")[0]))
    parts, marked, places = make.exercises(cells), make.notebook([]), {}
    for cell in cells:
        if cell.kind == "code":
            marked.cells.append(v4.new_code_cell(cell.text))
        elif cell.kind == "exercise":
            one = parts[cell.exercise]
            places[cell.exercise] = len(marked.cells)
            marked.cells += map(v4.new_code_cell, (answers.get(cell.exercise, cell.text), one.checks[0], one.solution))
    make.execute(marked, SECONDS, allow_errors=True, interrupt_on_timeout=True)
    return {number: _verdict(marked.cells[at : at + 2], number) for number, at in places.items()}


def _verdict(cells, number: str) -> str:
    for output in (output for cell in cells for output in cell.outputs):
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}".splitlines()[0]
    said = "".join(output.get("text", "") for output in cells[1].outputs)
    return "right" if f"Exercise {number}: right." in said else "the check said nothing"


def _source(number: str) -> Path:
    for source in make.sources():
        if int(source.stem[:2]) == int(number):
            return source
    raise ValueError(f"there is no lesson {number}; there are {', '.join(source.stem for source in make.sources())}")


def main(arguments: list[str] | None = None) -> None:
    """Carry out a command line."""
    parser = argparse.ArgumentParser("exam.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("set", help="make an exam of a lesson")
    one.add_argument("lesson", help="its number")
    one.add_argument("out", type=Path, help="the notebook to write")
    one.add_argument("--sealed", action="store_true", help="leave out the checks")
    commands.add_parser("mark", help="mark what was handed in").add_argument("notebooks", type=Path, nargs="+")
    args = parser.parse_args(arguments)
    try:
        if args.command == "set":
            print(set_exam(args.lesson, args.out, args.sealed))
        for path in getattr(args, "notebooks", ()):
            for number, verdict in mark(path).items():
                print(f"{path}\t{number}\t{verdict}", flush=True)
    except (ValueError, OSError) as error:
        sys.exit(f"exam.py: {error}")


if __name__ == "__main__":
    main()
