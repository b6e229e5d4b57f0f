"""Tables of numbers as text: columns by name in the first line, or in an order that is given,
separated by commas, semicolons, tabs or blanks.

`numpy.loadtxt` reads them: whole numbers exactly, in 64 bits, others as Python reads them; True and
False are 1 and 0.
"""

import io
import re
import warnings
from pathlib import Path

import numpy as np

from ...files import read_whole
from .columns import ACCEPTED, ORDER, columns_of, order_of

LARGEST = 1 << 33  # bytes
NUMBERS = re.compile(r"(?i:[-+.,;\s\de]|true|false)*")  # of a first line without names


def read_table(path: Path, columns: str | None = None) -> dict[str, np.ndarray]:
    """The columns of a table by their names, int64 or float64.

    columns   their names in order, where the first line has none or others

    ValueError where a row has more or fewer values than there are names, or something is not a
    number, and where the first line holds numbers and nothing says of what.
    """
    text = read_whole(path, "a table of events", LARGEST).removeprefix(b"\xef\xbb\xbf")
    first, _, rest = text.partition(b"\n")
    head = first.decode("utf-8", "replace").strip().lstrip("#").strip()
    mark = next((one for one in ",;\t" if one in head), None)
    names = [name.strip().strip('"') for name in head.split(mark)]
    if columns_of(names) is None:
        if columns is None:
            raise ValueError(
                f"the first line holds {head[:200]!r}; expected the names of its columns "
                f"({ACCEPTED}), or {ORDER}"
            )
        if NUMBERS.fullmatch(head):
            rest = text
        names = order_of(columns, names)
    if not rest.strip():
        return {name: np.zeros(0, np.int64) for name in names}
    rest = rest.lower().replace(b"true", b"1").replace(b"false", b"0")
    words = rest.strip().partition(b"\n")[0].split(mark.encode() if mark else None)
    if len(words) != len(names):
        raise ValueError(f"the first row has {len(words)} values; expected {len(names)}")
    whole = [word.strip().lstrip(b"+-").isdigit() for word in words]
    try:
        table = _loaded(rest, mark, [np.int64 if one else np.float64 for one in whole])
    except (ValueError, DeprecationWarning):  # a fraction in a column of whole numbers
        table = _loaded(rest, mark, [np.float64] * len(names))
    found = [(name, table[f"f{place}"]) for place, name in enumerate(names)]
    return dict(reversed(found))  # the first of a name


def _loaded(rest: bytes, mark: str | None, kinds: list[type]) -> np.ndarray:
    dtype = [(f"f{place}", kind) for place, kind in enumerate(kinds)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.loadtxt(io.BytesIO(rest), dtype, None, mark, ndmin=1)
