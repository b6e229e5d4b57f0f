"""The student's own library: `mysnn.py`, beside the notebooks, made of the functions that passed
their checks.

Whoever passes a check writes a function into it; later lessons import from it, and lesson 17
needs nothing else. What was left out stands there as the course has it (`solutions.py`, made from
the lessons' sources), so that nobody is stuck. `python -m checks.mine` says how far it has come and
runs the checks of all that is yours again. The variable MYSNN names another file.
"""

import ast
import contextlib
import importlib
import inspect
import io
import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from minisnn.files import read_whole, write_whole

from .parts import GIVEN, PARTS, PRELUDE, given, with_imports
from .solutions import SOLUTIONS

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

_LARGEST = 1 << 24  # bytes
PATIENCE = 20.0  # seconds
MARK = re.compile(rf"^# (\d+\.\d+) · (yours|the course's own|{GIVEN})\b.*\n", re.M)


class Section(NamedTuple):
    """A function in the file: whose it is, its text with the equation above it, and the student's
    own code below it."""

    owner: str
    text: str
    below: str = ""


def place() -> Path:
    """Where the student's file lies."""
    return Path(os.environ.get("MYSNN", "mysnn.py")).absolute()


def parse(text: str) -> tuple[str, dict[str, Section]]:
    """(what stands above the first function, sections by exercise) of such a file."""
    first, *rest = MARK.split(text)
    sections: dict[str, Section] = {}
    for n in range(0, len(rest), 3):
        exercise, owner, part = rest[n : n + 3]
        one = Section(owner, *_parted(exercise, part))
        if exercise in sections:  # twice in the file: nothing of the first is lost
            before = sections[exercise]
            one = one._replace(
                below="\n\n\n".join(filter(None, (before.text, before.below, one.below)))
            )
        sections[exercise] = one
    return first, sections


def _parted(exercise: str, part: str) -> tuple[str, str]:
    """(the function of an exercise with what stands above it, what stands below it) of the text
    under its mark.

    What cannot be read as Python is all the function's: it is kept until the check passes again,
    and then stands below it, as a comment.
    """
    text = part.strip("\n")
    name = PARTS[exercise][0] if exercise in PARTS else ""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return text, ""
    ends = [one.end_lineno or 0 for one in body if getattr(one, "name", "") == name]
    if not ends:
        return text, ""
    lines = text.split("\n")
    end = ends[0]
    # a comment at the end of the function
    while end < len(lines) and lines[end].startswith((" ", "\t")):
        end += 1
    return "\n".join(lines[:end]), "\n".join(lines[end:]).strip("\n")


def _above(exercise: str, text: str) -> str:
    """What of a section stands above its function beside the mark's equation, or is no such
    function at all: the student's."""
    name, equation = PARTS[exercise]
    lines = [line for line in text.split("\n") if line != f"# {equation}"]
    try:
        body = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError):
        return "\n".join(f"# {line}".rstrip() for line in lines)
    here = next((one for one in body if getattr(one, "name", "") == name), None)
    if here is None:
        return "\n".join(lines).strip("\n")
    first = min([here.lineno, *(one.lineno for one in getattr(here, "decorator_list", ()))])
    return "\n".join(lines[: first - 1]).strip("\n")


def _order(exercise: str) -> tuple[int, ...]:
    """Where an exercise stands in the file."""
    return (*map(int, exercise.split(".")),)


def compose(sections: dict[str, Section], prelude: str = PRELUDE) -> str:
    """The file with its functions in the lessons' order."""
    texts = []
    for exercise in sorted(sections, key=_order):
        owner, text, below = sections[exercise]
        texts += [f"# {exercise} · {owner}\n{text}", *filter(None, [below])]
    return "\n\n\n".join([prelude.strip("\n"), *texts]) + "\n"


def section(exercise: str, owner: str, source: str) -> Section:
    """A function as it stands in the file."""
    return Section(owner, f"# {PARTS[exercise][1]}\n{textwrap.dedent(source).strip()}")


def course() -> dict[str, Section]:
    """The course's own functions, by exercise, and what it gives between and behind them."""
    functions = {
        exercise: section(exercise, "the course's own", SOLUTIONS[exercise])
        for exercise in PARTS
        if exercise in SOLUTIONS
    }
    return functions | {place: Section(GIVEN, text) for place, text in given().items()}


class Unusable(ValueError):
    """The file cannot be read or written; a notebook shows the sentence without the traceback."""

    def _render_traceback_(self, *_) -> list[str]:
        return [str(self)]


def _text() -> str:
    try:
        return (
            read_whole(place(), "your functions", _LARGEST)
            .decode("utf-8-sig")
            .replace("\r\n", "\n")
        )
    except UnicodeDecodeError as error:
        raise Unusable(
            f"{place()}: {error.reason} at byte {error.start}; expected a text, saved as UTF-8"
        ) from None
    except ValueError as error:
        raise Unusable(str(error)) from None
    except OSError as error:
        raise Unusable(f"{place()}: cannot be read ({error.strerror})") from None


def _read() -> tuple[str, dict[str, Section]]:
    return parse(_text()) if place().exists() else (PRELUDE, {})


def _write(prelude: str, sections: dict[str, Section]) -> None:
    if place().exists() and not os.access(place(), os.W_OK):
        raise Unusable(f"{place()}: is read-only; expected a file that can be written to")
    try:
        write_whole(place(), compose(sections, prelude).encode())
    except OSError as error:
        raise Unusable(f"{place()}: cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """In here no other notebook changes the file: it would lose what this one writes, or this one
    what it wrote. One that takes longer than PATIENCE is not waited for."""
    try:
        folder = os.open(place().parent, os.O_RDONLY)
    except OSError:  # `_write` says why
        yield
        return
    end = time.monotonic() + PATIENCE
    try:
        while not _locked(folder) and time.monotonic() < end:
            time.sleep(0.05)
        yield
    finally:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_UN)  # for a copy of a process that was forked, too
        os.close(folder)


def _locked(folder: int) -> bool:
    """Whether this process has the lock of an open folder now, or there are no locks."""
    try:
        if fcntl is not None:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without them
        return True
    return True


def prepare(module: str) -> None:
    """Functions of earlier lessons that nobody wrote stand in the file as the course's own; `import
    mysnn` finds it."""
    number = int(module[-2:])
    _fill(number)
    if sys.path[0] != str(place().parent):  # before any other file of this name
        sys.path.insert(0, str(place().parent))


def whole() -> str:
    """Fill the file with all that it needs to run by itself; a sentence that says what of it is the
    course's own."""
    sections = _fill(max(_order(exercise)[0] for exercise in PARTS) + 1)
    lent = [one for one in PARTS if sections[one].owner != "yours"]
    said = f"{place().name}: {len(PARTS) - len(lent)} of {len(PARTS)} functions are yours"
    names = ", ".join(f"{exercise} {PARTS[exercise][0]}" for exercise in lent)
    return said + (f"; the course's own: {names}" if lent else "")


def _header(prelude: str) -> str:
    """With the imports that a later version of the course needs; as it is where it is no Python."""
    try:
        return with_imports(prelude)
    except (SyntaxError, ValueError):
        return prelude


def _fill(number: int) -> dict[str, Section]:
    """All sections of the file, those of the course in it that lessons before `number` left out."""
    given = {exercise: one for exercise, one in course().items() if _order(exercise)[0] < number}
    with _alone():
        prelude, sections = _read()
        if not place().exists() or given.keys() - sections.keys():
            _write(_header(prelude), given | sections)
            sys.modules.pop("mysnn", None)
            importlib.invalidate_caches()
    return given | sections


def keep(exercise: str, function, check) -> str:
    """Write a function that passed into the file, if it passes there too; a sentence that says so,
    or ""."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return ""  # not typed into a cell: a program called the check
    try:
        with _alone():
            return _kept(exercise, source, check)
    except Unusable as error:
        return f"(Not kept in {place().name}. {error})"


def _kept(exercise: str, source: str, check) -> str:
    prelude, sections = _read()
    before = {one: text for one, text in course().items() if _order(one) < _order(exercise)}
    new = section(exercise, "yours", source)
    if exercise in sections:
        old = sections[exercise]
        new = new._replace(
            below="\n\n\n".join(filter(None, (_above(exercise, old.text), old.below)))
        )
    prelude, sections = _header(prelude), before | sections | {exercise: new}
    try:
        _passes(compose(sections, prelude), exercise, check)
    except (Exception, SystemExit) as error:
        cause = error.__cause__ or error
        said = f"{type(error).__name__}: {error}"
        if isinstance(cause, NameError):
            said = f"`{cause.name}` is not known; put its import inside the function"
        return f"(Not kept in {place().name}, where it must run by itself: {said})"
    _write(prelude, sections)
    return f"(Kept in {place().name}.)"


def _passes(text: str, exercise: str, check) -> None:
    space: dict = {"__name__": "mysnn"}
    exec(compile(text, place().name, "exec"), space)
    with contextlib.redirect_stdout(io.StringIO()):
        check(space[PARTS[exercise][0]])


def report() -> int:
    """Print what is in the file and whether each function of the student's still passes; 1 where
    one does not."""
    if not place().exists():
        print(
            f"{place()}: there is no such file yet; pass the check of exercise 1.1, and it is there"
        )
        return 0
    try:
        prelude, sections = _read()
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    failed, yours = 0, 0
    for exercise, (name, equation) in PARTS.items():
        owner, said = sections[exercise].owner if exercise in sections else "to come", ""
        if owner == "yours":
            yours += 1
            try:
                module = importlib.import_module(
                    f".lesson{int(exercise.split('.')[0]):02d}", __package__
                )
                _passes(_text(), exercise, getattr(module, name).plain)
                said = "passes its check"
            except (Exception, SystemExit) as error:
                failed, said = failed + 1, f"FAILS: {error}"
        print(f"{exercise:>5}  {name:26} {owner:18} {said}".rstrip())
    print(
        f"{place()}: {yours} of {len(PARTS)} functions are yours, {len(_text().splitlines())} lines"
    )
    if "17.9" in sections:
        print(f"it runs by itself: python {place().name} train, then python {place().name} page")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(report())
