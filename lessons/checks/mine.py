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

from .solutions import SOLUTIONS

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]

_LARGEST = 1 << 24  # bytes
PATIENCE = 20.0  # seconds
PRELUDE = '''"""mysnn: a spiking network that learns to learn, built function by function in the lessons of minisnn.

Sequences are (T, ...): time comes first, and all neurons of a layer, and all samples, stand behind it.
"""

from typing import NamedTuple

import numpy as np


class Neuron(NamedTuple):
    """Decays of membrane, synapse and reset, the reset's strength, threshold, slope of the surrogate, gain of the input."""

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: float = 10.0
    gain: float = 10.0


def step(a):
    """The spike: 1 where the membrane, less its threshold, is not below 0."""
    return (np.asarray(a) >= 0) * 1.0


def sigma_prime(a, slope):
    """Its slope, on loan: 1 / (slope |a| + 1)^2."""
    return 1 / (slope * np.abs(a) + 1) ** 2


def softmax(logits):
    """Probabilities (B, K) of logits (B, K)."""
    z = np.exp(logits - logits.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def summed(x, dV):
    """The sum of x^T dV over steps and samples, (n, m), of x (T, B, n) and dV (T, B, m)."""
    return np.tensordot(x, dV, ((0, 1), (0, 1)))
'''
# exercise: (function, the derivation's equation)
PARTS = {
    "1.1": ("trace", "y_0 = 0, y_{t+1} = decay y_t + (1 - decay) x_t: a leaky memory"),
    "1.3": (
        "fire",
        "u_t = w p_t + b - rho r_t, s_t = [u_t >= threshold], r_{t+1} = gamma r_t + (1 - gamma) "
        "s_t",
    ),
    "2.3": ("sigma_second", "d/da 1 / (slope |a| + 1)^2: the curvature of a spike, on loan"),
    "2.4": (
        "jet",
        "J(a) = step(a0) + sigma'(a0) (a - a0) + sigma''(a0) (a - a0)^2 / 2: the twin of a spike",
    ),
    "3.1": (
        "membrane_backward",
        "dI_t = dy_t + sigma'(a_t) (1 - gamma) dr_{t+1}, dr_t = gamma dr_{t+1} - rho dI_t",
    ),
    "3.2": (
        "filter_backward",
        "dV_t = (1 - beta) dQ_{t+1}, dQ_t = beta dQ_{t+1} + (1 - alpha) dP_{t+1}, dP_t = dI_t + "
        "alpha dP_{t+1}",
    ),
    "5.2": ("loss_backward", "dlogits = (softmax(logits) - [class = y]) / B: the cross-entropy's"),
    "6.1": ("descend", "theta_{n+1} = theta_n - step_size g(theta_n)"),
    "7.1": ("membrane_tangent", "the lines of `fire`, dotted: s_dot = sigma'(a) u_dot"),
    "7.2": (
        "membrane_backward_tangent",
        "the lines of `membrane_backward`, dotted: sigma'(a) dr moves in both factors",
    ),
    "7.3": ("taylor", "max |f(h) - f(0) - h f_dot|: slope 2, or the tangent is wrong"),
    "10.2": (
        "back",
        "lambda_N = gradient of the query's loss at theta_N, lambda_n = lambda_{n+1} - a H_n "
        "lambda_{n+1}: the meta-gradient",
    ),
    "17.1": (
        "forward",
        "V = x W, P = trace(trace(V)), u = P + b - rho r, s = [u >= threshold], layer by layer",
    ),
    "17.2": ("backward", "dW = sum x dV, db = sum dI, dx = dV W^T; below, dy = dx sigma'(a)"),
    "17.3": ("backward_tangent", "the lines of `backward`, dotted: H v without a Hessian"),
    "17.4": ("tired_backward", "a neuron of two resets: each spike is blamed through both"),
}
MARK = re.compile(r"^# (\d+\.\d+) · (yours|the course's own)\b.*\n", re.M)


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


def compose(sections: dict[str, Section], prelude: str = PRELUDE) -> str:
    """The file with its functions in the lessons' order."""
    ordered = sorted(sections, key=lambda exercise: (*map(int, exercise.split(".")),))
    texts = []
    for exercise in ordered:
        owner, text, below = sections[exercise]
        texts += [f"# {exercise} · {owner}\n{text}", *filter(None, [below])]
    return "\n\n\n".join([prelude.strip("\n"), *texts]) + "\n"


def section(exercise: str, owner: str, source: str) -> Section:
    """A function as it stands in the file."""
    return Section(owner, f"# {PARTS[exercise][1]}\n{textwrap.dedent(source).strip()}")


def course() -> dict[str, Section]:
    """The course's own functions, by exercise."""
    return {
        exercise: section(exercise, "the course's own", SOLUTIONS[exercise])
        for exercise in PARTS
        if exercise in SOLUTIONS
    }


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
    given = {
        exercise: one for exercise, one in course().items() if int(exercise.split(".")[0]) < number
    }
    with _alone():
        prelude, sections = _read()
        if not place().exists() or given.keys() - sections.keys():
            _write(prelude, given | sections)
            sys.modules.pop("mysnn", None)
            importlib.invalidate_caches()
    if str(place().parent) not in sys.path:
        sys.path.insert(0, str(place().parent))


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
    before = {
        one: text
        for one, text in course().items()
        if list(PARTS).index(one) < list(PARTS).index(exercise)
    }
    new = section(exercise, "yours", source)
    if exercise in sections:
        old = sections[exercise]
        new = new._replace(
            below="\n\n\n".join(filter(None, (_above(exercise, old.text), old.below)))
        )
    sections = before | sections | {exercise: new}
    try:
        _passes(compose(sections, prelude), exercise, check)
    except (Exception, SystemExit) as error:
        return (
            f"(Not kept in {place().name}, where it does not run by itself: "
            f"{type(error).__name__}: {error})"
        )
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
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(report())
