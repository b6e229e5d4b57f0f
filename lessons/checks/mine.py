"""The student's own library: `mysnn.py`, beside the notebooks, made of the functions that passed
their checks.

Whoever passes a check writes a function into it; later lessons import from it, and lesson 17
needs nothing else. What was left out stands there as the course has it (`solutions.py`, made from
the lessons' sources), so that nobody is stuck. Above each function a mark says whose it is; all
else in the file is the student's, and stays. `python -m checks.mine` says how far it has come and
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
from pathlib import Path

from minisnn.files import read_whole, write_whole

from .parts import GIVEN, PARTS, PRELUDE, given
from .solutions import SOLUTIONS

_LARGEST = 1 << 24  # bytes
MARK = re.compile(rf"^# (\d+\.\d+) · (yours|the course's own|{GIVEN})$", re.M)


class Unusable(ValueError):
    """The file cannot be read or written; a notebook shows the sentence without the traceback."""

    def _render_traceback_(self, *_) -> list[str]:
        return [str(self)]


def place() -> Path:
    """Where the student's file lies."""
    return Path(os.environ.get("MYSNN", "mysnn.py")).absolute()


def owners(text: str) -> dict[str, str]:
    """Whose the functions of a file are, by exercise."""
    return {found[1]: found[2] for found in MARK.finditer(text)}


def section(exercise: str, owner: str, source: str) -> str:
    """A function as it stands in the file."""
    return f"# {exercise} · {owner}\n# {PARTS[exercise][1]}\n{textwrap.dedent(source).strip()}\n"


def course() -> dict[str, str]:
    """The course's own functions, by exercise, and what it gives between and behind them."""
    own = {one: section(one, "the course's own", SOLUTIONS[one]) for one in PARTS}
    return own | {one: f"# {one} · {GIVEN}\n{text}\n" for one, text in given().items()}


def _order(exercise: str) -> tuple[int, ...]:
    """Where an exercise stands in the file."""
    return (*map(int, exercise.split(".")),)


def inserted(text: str, exercise: str, new: str) -> str:
    """The file with a section more, in the lessons' order."""
    later = (m for m in MARK.finditer(text) if _order(m[1]) > _order(exercise))
    at = next((found.start() for found in later), None)
    if at is None:
        return f"{text.rstrip()}\n\n\n{new}"
    return f"{text[:at]}{new}\n\n{text[at:]}"


def replaced(text: str, exercise: str, source: str) -> str:
    """The file with the student's function in place of the one that it holds. Raises Unusable where
    the file is no Python."""
    mark = next(found for found in MARK.finditer(text) if found[1] == exercise)
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise Unusable(f"{place()}: line {error.lineno} is no Python ({error.msg})") from None
    first = text[: mark.start()].count("\n") + 1
    named = [one for one in body if getattr(one, "name", "") == PARTS[exercise][0]]
    old = next((one for one in named if one.lineno > first), None)
    if old is None:
        raise Unusable(f"{place()}: below its mark {mark[0]!r} there is no {PARTS[exercise][0]}")
    lines = text.split("\n")
    begin = min([old.lineno, *(one.lineno for one in old.decorator_list)])
    lines[begin - 1 : old.end_lineno] = textwrap.dedent(source).strip().split("\n")
    lines[first - 1] = f"# {exercise} · yours"
    return "\n".join(lines)


def _read() -> str:
    """The file, or its header where there is none yet."""
    if not place().exists():
        return PRELUDE
    try:
        text = read_whole(place(), "your functions", _LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(
            f"{place()}: {error.reason} at byte {error.start}; expected a text, saved as UTF-8"
        ) from None
    except (ValueError, OSError) as error:
        raise Unusable(f"{place()}: cannot be read ({error})") from None
    return text.replace("\r\n", "\n")


def _write(text: str) -> None:
    try:
        write_whole(place(), text.encode())
    except OSError as error:
        raise Unusable(f"{place()}: cannot be written ({error.strerror})") from None


def _filled(text: str, before: tuple[int, ...]) -> str:
    """The file with the course's own functions where the student left some out."""
    known = owners(text)
    for exercise, new in course().items():
        if exercise not in known and _order(exercise) < before:
            text = inserted(text, exercise, new)
    return text


def prepare(module: str) -> None:
    """Functions of earlier lessons that nobody wrote stand in the file as the course's own; `import
    mysnn` finds it."""
    _fill((int(module[-2:]),))
    if sys.path[0] != str(place().parent):  # before any other file of this name
        sys.path.insert(0, str(place().parent))


def _fill(before: tuple[int, ...]) -> str:
    old = _read()
    text = _filled(old, before)
    if text != old or not place().exists():
        _write(text)
        sys.modules.pop("mysnn", None)
        importlib.invalidate_caches()
    return text


def whole() -> str:
    """Fill the file with all that it needs to run by itself; a sentence that says what of it is the
    course's own."""
    known = owners(_fill((99,)))
    lent = [f"{one} {PARTS[one][0]}" for one in PARTS if known[one] != "yours"]
    said = f"{place().name}: {len(PARTS) - len(lent)} of {len(PARTS)} functions are yours"
    return said + (f"; the course's own: {', '.join(lent)}" if lent else "")


def keep(exercise: str, function, check) -> str:
    """Write a function that passed into the file, if it passes there too; a sentence that says so,
    or ""."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return ""  # not typed into a cell: a program called the check
    try:
        text = _filled(_read(), _order(exercise))
        if exercise in owners(text):
            text = replaced(text, exercise, source)
        else:
            text = inserted(text, exercise, section(exercise, "yours", source))
        _passes(text, exercise, check)
        _write(text)
    except Unusable as error:
        return f"(Not kept in {place().name}. {error})"
    except (Exception, SystemExit) as error:
        cause = error.__cause__ or error
        said = f"{type(error).__name__}: {error}"
        if isinstance(cause, NameError):
            said = f"`{cause.name}` is not known; put its import inside the function"
        return f"(Not kept in {place().name}, where it must run by itself: {said})"
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
        print(f"{place()}: there is no such file yet; it comes when exercise 1.1 passes its check")
        return 0
    try:
        text = _read()
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    known, failed = owners(text), 0
    for exercise, (name, _) in PARTS.items():
        owner, said = known.get(exercise, "to come"), ""
        if owner == "yours":
            lesson = importlib.import_module(f".lesson{_order(exercise)[0]:02d}", __package__)
            try:
                _passes(text, exercise, getattr(lesson, name).plain)
                said = "passes its check"
            except (Exception, SystemExit) as error:
                failed += 1
                said = f"FAILS: {error}"
        print(f"{exercise:>5}  {name:26} {owner:18} {said}".rstrip())
    yours = list(known.values()).count("yours")
    print(f"{place()}: {yours} of {len(PARTS)} functions are yours, {text.count(chr(10))} lines")
    if "17.9" in known:
        print(f"it runs by itself: python {place().name} train, then python {place().name} page")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(report())
