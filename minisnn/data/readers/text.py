"""Tables of numbers as text: columns by name in the first line, or in an order that is said,
separated by commas, semicolons, tabs or blanks.

`numpy.loadtxt` reads them, rows of four in some 150 ns, or 300 where a column has fractions: whole
numbers exactly, in 64 bits, others as Python reads them; True and False are 1 and 0.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ...files import read_whole
from .columns import ACCEPTED, ORDER, PIXELS, UNITS_ALONE


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
    known = {takes(name) for name in names}
    if not (known >= set(PIXELS) or known >= set(UNITS_ALONE)):
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
    rest = text[len(first) :]
    return dict(zip((names[n] for n in use), _columns(path, rest, mark, names, use, above)))


def _columns(
    path: Path, rest: bytes, mark: str | None, names: list[str], use: list[int], above: int
) -> list[np.ndarray]:
    """The columns `use` of rows of finite numbers."""
    if not rest.strip():
        return [np.zeros(0, np.int64) for _ in use]
    for said, kinds in _ways(rest, mark, len(names)):
        table = _loaded(said, mark, kinds)
        if table is not None and len(kinds) == len(names):
            found = [table[f"f{n}"] for n in use]
            if all(np.isfinite(column).all() for column in found):
                return found
    for number, line in enumerate(rest.split(b"\n"), above):
        words = line.split(mark.encode() if mark else None)
        if line.strip() and (len(words) != len(names) or not all(map(_is_number, words))):
            raise ValueError(f"{path}: line {number} {_complaint(words, names)}")
    raise ValueError(f"{path}: not all values can be read; expected numbers below the names")


def _ways(rest: bytes, mark: str | None, columns: int) -> Iterator[tuple[bytes, list[type]]]:
    """Texts of a table and the kinds of its columns, to be tried one after the other: as it is,
    with True and False in digits, and with fractions from some row on."""
    yield rest, _kinds(rest, mark)
    rest = rest.lower().replace(b"true", b"1").replace(b"false", b"0")
    yield rest, _kinds(rest, mark)
    yield rest, [np.float64] * columns


def _kinds(rest: bytes, mark: str | None) -> list[type]:
    """Of the numbers in each column, by the first row."""
    line = re.search(rb"[^\n]*\S[^\n]*", rest)
    words = line[0].split(mark.encode() if mark else None) if line else []
    return [np.int64 if word.strip().lstrip(b"+-").isdigit() else np.float64 for word in words]


def _loaded(rest: bytes, mark: str | None, kinds: list[type]) -> np.ndarray | None:
    """Rows of columns f0, f1, … of these kinds; None where some are of another."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a fraction in a column of whole numbers, by old NumPys
        try:
            dtype = [(f"f{n}", kind) for n, kind in enumerate(kinds)]
            return np.loadtxt(io.BytesIO(rest), dtype, None, mark, ndmin=1)
        except (ValueError, DeprecationWarning):
            return None


def _complaint(words: list[bytes], names: list[str]) -> str:
    """What is wrong with a line of these words."""
    if len(words) != len(names):
        return f"has {len(words)} values; expected {len(names)} ({', '.join(names)[:200]})"
    bad = next(word for word in words if not _is_number(word)).strip()
    return f"holds {bad.decode(errors='replace')[:40]!r}; expected numbers below the names"


def _is_number(word: bytes) -> bool:
    try:
        return word.strip().lower() in (b"true", b"false") or math.isfinite(float(word))
    except ValueError:
        return False
