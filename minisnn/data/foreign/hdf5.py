"""HDF5 and MATLAB files of others, read so that no damage, link, filter or absurd size does harm:
told in a sentence, before allocating.

The checks alone do not save a process from the libraries, which damage can crash, keep busy or make
greedy. So all of this runs in a process of its own (`program`), which `process` starts and asks.
"""

import io
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py

# all others are plugins: foreign code
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
CLASSES = ("double", "single", "logical", *INTEGERS)  # MATLAB's
MEMORY = 400 << 20  # bytes that a reading process may ask for beyond those it starts with
MOST_TEXT = 1 << 24  # characters of a text attribute
MOST_NAMES = 1_000_000  # texts of one data set
DEPTH, ITEMS = 8, 10_000  # groups within groups, and all that is in a tree
NO_LINKS = "expected the data themselves, links are not followed"
MOST_TOLD = 400  # characters of what a library says: some quote the file


def open_hdf5(path: Path, what: str, place: Path | None = None) -> "h5py.File":
    """The HDF5 file at `place`, open to be read. ValueError, naming `path` and what was expected,
    where it cannot be opened."""
    import h5py

    try:
        return h5py.File(place or path, "r")
    except Exception as error:
        raise ValueError(
            f"{path}: not readable as HDF5, or truncated ({one_line(error)}); expected {what}"
        ) from None


def find_item(file: "h5py.Group", name: str, path: Path) -> "h5py.Dataset | h5py.Group | None":
    """The data set or group of that name, None where there is none; ValueError where a link stands
    in its way."""
    import h5py

    item = file
    parts = name.split("/")
    for depth, part in enumerate(parts, 1):
        if not isinstance(item, h5py.Group):
            return None
        link = told(partial(item.get, part, None, getlink=True), path, name)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(
                f"{path}: {'/'.join(parts[:depth])} is a link to another place or file; {NO_LINKS}"
            )
        item = told(partial(item.__getitem__, part), path, name)
    return item


def read_numbers(file: "h5py.Group", name: str, path: Path, most: int) -> np.ndarray:
    """The numbers of a data set, of at most `most` values. ValueError, naming file and data set,
    where there are none.

    MATLAB's empty arrays, which hold their own shape, come back empty.
    """
    import h5py

    item = find_item(file, name, path)
    if item is None:
        raise ValueError(f"{path}: there is no {name}; the file is of another kind or incomplete")
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{path}: {name} is a group; expected a data set of numbers")
    return _checked(item, name, path, most, "biuf")


def _facts(item: "h5py.Dataset", name: str, path: Path) -> tuple:
    """(shape, dtype, chunks, MATLAB's empty) of a data set that lies in this file, packed by filters
    that are known."""

    def facts() -> tuple:
        outside = item.is_virtual or bool(item.external)
        pipeline = item.id.get_create_plist()
        filters = [pipeline.get_filter(k)[0] for k in range(pipeline.get_nfilters())]
        empty = bool(item.attrs.get("MATLAB_empty", 0))
        return outside, filters, item.shape, item.dtype, item.chunks or (), empty

    outside, filters, *rest = told(facts, path, name)
    if outside:
        raise ValueError(f"{path}: {name} lies in other files; {NO_LINKS}")
    for one in filters:
        if one not in FILTERS:
            raise ValueError(
                f"{path}: {name} is packed by filter {one}; expected one of "
                f"{', '.join(FILTERS.values())}"
            )
    return tuple(rest)


def _checked(item: "h5py.Dataset", name: str, path: Path, most: int, kinds: str) -> np.ndarray:
    shape, dtype, chunks, empty = _facts(item, name, path)
    if shape is None or dtype.kind not in kinds:
        raise ValueError(
            f"{path}: {name} is of type {dtype} and shape {shape}; expected an array of numbers"
        )
    largest = max(_product(shape), _product(chunks))
    if largest > most:
        raise ValueError(f"{path}: {name} asks for {largest} values; expected at most {most}")
    return np.zeros(0, dtype) if empty else told(lambda: np.asarray(item[()]), path, name)


def read_records(
    file: "h5py.Group", name: str, path: Path, most: int
) -> tuple[list[str], dict[str, np.ndarray]]:
    """(names, columns "0", "1", …) of a table of named columns of numbers; ([], {"0": all}) of one
    without names. At most `most` values; errors as in `read_numbers`."""
    item = find_item(file, name, path)
    fields = None if item is None or not hasattr(item, "dtype") else item.dtype.names
    if item is None or fields is None:
        return [], {"0": read_numbers(file, name, path, most)}
    whole = _checked(item, name, path, 8 * most // item.dtype.itemsize, "V")
    if whole.ndim != 1 or any(whole.dtype[field].kind not in "biuf" for field in fields):
        raise ValueError(
            f"{path}: {name} has type {whole.dtype} and shape {whole.shape}; expected a row of "
            "numbers an event"
        )
    return list(fields), {
        str(k): np.ascontiguousarray(whole[field]) for k, field in enumerate(fields)
    }


def read_rows(
    file: "h5py.Group", name: str, path: Path, rows: list[int] | None, most: int
) -> tuple[list[int], dict[str, np.ndarray]]:
    """(all rows there are, {"lengths": of the rows asked for, "values": one row after the other}) of
    a data set whose rows are arrays of numbers, each of its own length, or (N, n); rows None: none.
    At most `most` values; errors as in `read_numbers`."""
    import h5py

    item = find_item(file, name, path)
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{path}: there is no {name}; expected a data set with a row a recording")
    shape, dtype, chunks, _ = _facts(item, name, path)
    of = told(partial(h5py.check_vlen_dtype, dtype), path, name)
    kind = dtype if of is None else np.dtype(of)
    if shape is None or kind.kind not in "iuf" or len(shape) != 1 + (of is None):
        raise ValueError(
            f"{path}: {name} is of type {kind} and shape {shape}; expected a row of numbers a "
            "recording"
        )
    if max(_product(shape[1:]) * len(rows or ()), _product(chunks)) > most:
        raise ValueError(f"{path}: {name} asks for rows of {shape[1:]}; expected at most {most}")
    found = [np.zeros(0, kind)]
    for row in rows or ():
        one = told(partial(item.__getitem__, row), path, f"{name}[{row}]")
        found.append(np.asarray(one, kind).reshape(-1))
        most -= len(found[-1])
        if most < 0:
            raise ValueError(f"{path}: {name}[{row}] is too long; expected fewer numbers in a row")
    lengths = np.array([len(one) for one in found[1:]], np.int64)
    return list(map(int, shape)), {"lengths": lengths, "values": np.concatenate(found)}


def read_names(file: "h5py.Group", name: str, path: Path) -> list[str] | None:
    """The texts of a data set, in UTF-8 or else Latin-1; None where there is none."""
    import h5py

    item = find_item(file, name, path)
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "OS":
        return None
    found = np.ravel(_texts(item, path, name, MOST_NAMES, MOST_NAMES, "latin-1")[0])
    return [_decoded(str(one).encode("latin-1", "replace")) for one in found]


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_image(
    image: bytes, texts: list[str], path: Path
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """(text attributes of these names, all data sets of numbers by name) of an HDF5 file in memory.

    All data sets together may take MEMORY / 2 bytes and 20 times those of the image. Errors as in
    `read_numbers`.
    """
    import h5py

    with told(lambda: h5py.File(io.BytesIO(image), "r"), path, "the HDF5 part") as file:
        found = {name: _text(file, name, path) for name in texts}
        return found, read_tree(file, path, (MEMORY // 2 + 20 * len(image)) // 8)[1]


def read_matlab(place: str, names: list[str], path: Path, most: int) -> dict[str, np.ndarray]:
    """The variables of these names of a MATLAB file of version 5 to 7, arrays of at most `most`
    numbers each.

    ValueError, naming `path` and the variable, where one is missing or is anything else; scipy may
    also end the process.
    """
    from scipy.io import loadmat, whosmat

    listed = told(lambda: whosmat(place, appendmat=False), path, "the list of variables")
    known = {name: facts for name, *facts in listed}
    for name in names:
        if name not in known:
            raise ValueError(
                f"{path}: there is no {name}, it holds "
                f"{', '.join(known)[:MOST_TOLD] or 'nothing'}; the file is truncated or of "
                "another kind"
            )
        shape, kind = known[name]
        if kind not in CLASSES:
            raise ValueError(
                f"{path}: {name} is of MATLAB's class {kind}; expected an array of numbers"
            )
        if _product(shape) > most:
            raise ValueError(
                f"{path}: {name} asks for {_product(shape)} values; expected at most {most}"
            )
    found = told(lambda: loadmat(place, appendmat=False, variable_names=names), path, "the file")
    for name in names:
        if name not in found or found[name].dtype.kind not in "biuf":
            kind = found[name].dtype if name in found else "unknown"
            raise ValueError(f"{path}: {name} has type {kind}; expected real numbers")
    return {name: found[name] for name in names}


def read_tree(
    file: "h5py.Group", path: Path, most: int
) -> tuple[dict[str, str | list], dict[str, np.ndarray]]:
    """(all texts, all numbers) of a file by name, "group/name"; a data set of many texts is a list,
    of lists if it is a table.

    All together may have `most` values and DEPTH groups within groups. Errors as in `read_numbers`.
    """
    import h5py

    texts: dict[str, str | list] = {}
    arrays: dict[str, np.ndarray] = {}
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    left, items = most, ITEMS
    while waiting:
        place, group = waiting.pop()
        for part in told(partial(list, group), path, place or "the file"):
            name = f"{place}/{part}".lstrip("/")
            items = items - 1
            item = find_item(group, part, path)
            if items < 0 or name.count("/") > DEPTH:
                raise ValueError(
                    f"{path}: {name} lies too deep or among too many; expected at most {ITEMS} "
                    f"names, {DEPTH} groups deep"
                )
            if isinstance(item, h5py.Group):
                waiting.append((name, item))
            elif isinstance(item, h5py.Dataset):
                if item.dtype.kind in "OS":
                    texts[name], size = _texts(item, path, name, left)
                else:
                    arrays[name] = read_numbers(file, name, path, left)
                    size = arrays[name].size
                left -= size
    return texts, arrays


def _texts(
    item: "h5py.Dataset",
    path: Path,
    name: str,
    most: int,
    items: int = ITEMS,
    encoding: str | None = None,
) -> tuple[str | list, int]:
    """(a text or a list of them, how many)."""

    def read() -> np.ndarray:
        outside = item.is_virtual or item.external
        if outside or item.shape is None or _product(item.shape) > min(most, items):
            raise ValueError(
                f"found texts of shape {item.shape}, expected at most {items} in this file"
            )
        return np.asarray(item.asstr(encoding)[()], object)

    found = told(read, path, name)
    if sum(map(len, found.ravel())) > MOST_TEXT:
        raise ValueError(f"{path}: {name} holds texts of more than {MOST_TEXT} characters")
    return found.tolist(), found.size


def _text(file: "h5py.File", name: str, path: Path) -> str:
    def text():
        kind = file.attrs.get_id(name)
        if kind.shape != () or kind.dtype.kind not in "OS" or kind.get_storage_size() > MOST_TEXT:
            raise ValueError(f"found {kind.dtype} of shape {kind.shape}, expected a text")
        return file.attrs[name]

    found = told(text, path, f"the attribute {name}")
    if not isinstance(found, str) or len(found) > MOST_TEXT:
        raise ValueError(
            f"{path}: the attribute {name} is not text, or has more than {MOST_TEXT} characters"
        )
    return found


def _product(sizes: tuple[int, ...]) -> int:
    return math.prod(map(int, sizes))  # of Python's integers, which do not overflow


def read_camera(place: str, path: Path, most: int) -> tuple[list[int], dict[str, np.ndarray]]:
    """([columns, rows] of the sensor, packets of events x0, y0, t0, on0, x1, …) of a file of a
    camera, by faery."""
    import faery

    packets: dict[str, np.ndarray] = {}
    try:
        stream = faery.events_stream_from_file(place)
        total = 0
        size = list(stream.dimensions())
        for number, packet in enumerate(stream):
            total += len(packet)
            if total > most:
                raise ValueError(f"{path}: holds more than {most} events; cut it into parts")
            for name in ("x", "y", "t", "on"):
                packets[f"{name}{number}"] = np.ascontiguousarray(packet[name])
    except ValueError:
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise ValueError(
            f"{path}: cannot be read as a recording of a camera ({one_line(str(error))})"
        ) from None
    return size, packets


def told(call: Callable, path: Path, name: str) -> Any:
    """What `call` returns; whatever HDF5 raises is told in one sentence."""
    try:
        return call()
    # h5py raises OSError, KeyError, RuntimeError, TypeError, MemoryError, ...
    except Exception as error:
        raise ValueError(
            f"{path}: {name} cannot be read, the file is damaged ({one_line(error)})"
        ) from None


def one_line(error: Exception | str) -> str:
    """What an error says, in one line, the beginning of a long one; its kind where it says
    nothing."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]} …"
