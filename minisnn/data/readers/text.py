"""Tables of numbers as text: columns by name in the first line, or in an order that is said,
separated by commas, semicolons, tabs or blanks.

Plain numbers, and True and False, are read by a kernel that goes through the bytes once
(`_numbers`), rows of four in some 50 ns: whole numbers exactly, in 64 bits; fractions m / 10^d
exactly rounded where m < 2^53 and d <= 22 (Clinger 1990). Other numbers (1e5, more digits) send the
whole table through `numpy.loadtxt`, which knows all of them, as float64, in twice the time.
"""

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...files import read_whole
from ...parallel.compilation import njit
from .columns import ACCEPTED, ORDER
from .hdf5 import one_line

_BLANK, _TAB, _RETURN, _END = 32, 9, 13, 10
# of a number in 64 bits; of one whose fraction is rounded once
_DIGITS = 18
_EXACT = 1 << 53
_MOST_DECIMALS = 22
FINE, ODD, RAGGED = range(3)


def read_table(
    path: Path, most: int, takes: Callable[[str], str | None], columns: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """The columns whose name `takes` knows, int64 or float64, of a table of at most `most` bytes.

    columns   their names in order, where the first line has none or others

    ValueError, naming file and line, where a row has more or fewer values than there are names, or
    something is not a finite number, and where the first line holds numbers and nothing says of
    what.
    """
    text = read_whole(path, "a table of events", most)
    first = text[: (text.find(b"\n") + 1) or len(text)]
    head = first.decode("utf-8-sig", "replace").strip().lstrip("#").strip()
    mark = next((one for one in ",;\t" if one in head), None)
    names = [name.strip().strip('"') for name in head.split(mark)]
    if not set("xytp") <= {takes(name) for name in names}:
        bare = all(_is_number(name.encode()) for name in names)
        if columns is None:
            unnamed = f"the first line holds {len(names)} numbers and no names; say {ORDER}"
            named = (
                f"found the columns {', '.join(names)[:200]}; expected x, y, t and p in the first "
                f"line ({ACCEPTED})"
            )
            raise ValueError(f"{path}: {unnamed if bare and head else named}")
        if len(columns) != len(names):
            raise ValueError(
                f"{path}: columns {','.join(columns)} are {len(columns)}, but the first line has "
                f"{len(names)} values"
            )
        names = list(columns)
        first = first[: (3 if text.startswith(b"\xef\xbb\xbf") else 0)] if bare else first
    use = [n for n, name in enumerate(names) if takes(name) and names.index(name) == n]
    above = 1 + first.endswith(b"\n")  # number of the line below the names
    data = np.frombuffer(text, np.uint8, offset=len(first))
    rows = (len(data) + 1) // (
        2 * len(names)
    ) + 1  # at most; a value and a mark take two bytes, and what is not used no memory
    whole = np.empty((len(use), rows), np.int64)
    decimals = np.zeros((len(use), rows), np.int8)
    take = np.full(len(names), -1)
    take[use] = range(len(use))
    status, rows, place = _numbers(data, ord(mark) if mark else 0, take, whole, decimals)
    if status == FINE:
        made = (_column(whole[n, :rows], decimals[n, :rows]) for n in range(len(use)))
        found = {names[k]: column for k, column in zip(use, made) if column is not None}
        if len(found) == len(use):
            return found
    rest = text[len(first) :]
    if status == RAGGED or status == ODD and not _is_number(_word(rest, place, mark)):
        raise ValueError(f"{path}: {_complaint(rest, place, mark, names, above)}")
    return dict(zip((names[k] for k in use), _slowly(path, rest, mark, names, use, above)))


def _column(whole: np.ndarray, decimals: np.ndarray) -> np.ndarray | None:
    """m / 10^d; None where that would be rounded twice."""
    if not decimals.any():
        return whole
    if np.abs(whole).max() > _EXACT or decimals.max() > _MOST_DECIMALS:
        return None
    return whole / 10.0**decimals


def _slowly(
    path: Path, rest: bytes, mark: str | None, names: list[str], use: list[int], above: int
) -> np.ndarray:
    """Columns (len(use), rows) of any finite numbers."""
    rest = rest.lower().replace(b"true", b"1").replace(b"false", b"0")
    try:
        table = np.loadtxt(io.BytesIO(rest), delimiter=mark, comments=None, ndmin=2)
    except ValueError as error:
        table = None
        reason = one_line(error)
    if table is not None and table.shape[1] == len(names) and np.isfinite(table[:, use]).all():
        return table.T[use]
    at = 0
    for line in rest.split(b"\n"):
        words = line.split(mark.encode() if mark else None)
        if line.strip() and (len(words) != len(names) or not all(map(_is_number, words))):
            raise ValueError(f"{path}: {_complaint(rest, at, mark, names, above)}")
        at += len(line) + 1
    raise ValueError(
        f"{path}: {reason if table is None else 'not all values are finite'}; expected numbers "
        "below the names"
    )


def _word(rest: bytes, place: int, mark: str | None) -> bytes:
    line = rest[place : place + 200].split(b"\n")[0]
    return (line.split(mark.encode())[0] if mark else (line.split() or [b""])[0]).strip()


def _complaint(rest: bytes, place: int, mark: str | None, names: list[str], above: int) -> str:
    """What is wrong with the line in which `place` lies."""
    start = rest.rfind(b"\n", 0, place) + 1
    words = rest[start:].split(b"\n", 1)[0].split(mark.encode() if mark else None)
    line = f"line {rest[:start].count(10) + above}"
    if len(words) != len(names):
        return f"{line} has {len(words)} values; expected {len(names)} ({', '.join(names)[:200]})"
    bad = next((word for word in words if not _is_number(word)), b"").strip()
    return f"{line} holds {bad.decode(errors='replace')[:40]!r}; expected numbers below the names"


def _is_number(word: bytes) -> bool:
    try:
        return word.strip().lower() in (b"true", b"false") or math.isfinite(float(word))
    except ValueError:
        return False


@njit(cache=True, nogil=True)
def _numbers(text, mark, take, whole, decimals):
    """(status, rows, place): every value of a column n with take[n] >= 0 as whole / 10^decimals in
    row take[n]; where the status is not FINE, `place` is that of the odd word, or in the ragged
    line. mark 0: values are separated by blanks."""
    n = len(text)
    at = 0
    row = 0
    while at < n:
        start, column, due = at, 0, False  # due: a mark was met, so a value must follow
        while True:
            while at < n and (
                text[at] == _BLANK or text[at] == _RETURN or (text[at] == _TAB and mark != _TAB)
            ):
                at += 1
            if at == n or text[at] == _END:
                break
            word, negative, value, digits, point = at, False, 0, 0, -1
            if text[at] == 45 or text[at] == 43:  # - +
                negative = text[at] == 45
                at += 1
            while at < n and (48 <= text[at] <= 57 or (text[at] == 46 and point < 0)):
                if text[at] == 46:  # .
                    point = digits
                else:
                    value = value * 10 + (int(text[at]) - 48)
                    digits += 1
                at += 1
                if digits > _DIGITS:
                    return ODD, row, word
            if (  # true
                digits == 0
                and at + 4 <= n
                and at == word
                and (text[at] | 32) == 116
                and (text[at + 1] | 32) == 114
                and (text[at + 2] | 32) == 117
                and (text[at + 3] | 32) == 101
            ):
                value = 1
                digits = 1
                at += 4
            elif (  # false
                digits == 0
                and at + 5 <= n
                and at == word
                and (text[at] | 32) == 102
                and (text[at + 1] | 32) == 97
                and (text[at + 2] | 32) == 108
                and (text[at + 3] | 32) == 115
                and (text[at + 4] | 32) == 101
            ):
                digits = 1
                at += 5
            blank = at < n and (text[at] == _BLANK or text[at] == _RETURN or text[at] == _TAB)
            while at < n and (
                text[at] == _BLANK or text[at] == _RETURN or (text[at] == _TAB and mark != _TAB)
            ):
                at += 1
            ended = at == n or text[at] == _END
            if digits == 0 or not (
                ended or (mark != 0 and text[at] == mark) or (mark == 0 and blank)
            ):
                return ODD, row, word
            if column >= len(take):
                return RAGGED, row, start
            if take[column] >= 0:
                whole[take[column], row] = -value if negative else value
                if point >= 0:
                    decimals[take[column], row] = digits - point
            column += 1
            due = False
            if not ended and mark != 0:
                at += 1
                due = True
        if column or due:
            if due or column != len(take):
                return RAGGED, row, start
            row += 1
        at += 1
    return FINE, row, 0
