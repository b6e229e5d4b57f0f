"""Sets of tasks by name, as commands are given them: those that ship, a folder of recordings, and those of other people.

    recordings            the recordings that lie under --root, see `readers.anything.entries`
    NAME                  an entry point of the group minisnn.datasets of an installed package
    package.module:NAME   a function or class of a module that can be imported
    file.py:NAME          a function or class of a file

A function is called with split, "train", "val" or "test", and with root where one is given, and returns a set: something with
`input_shape`, `classes`, `sample_task` and `episode`, such as `Recordings`; or once with neither for a dictionary of all three.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType
from typing import Any

from ...terminal import bar
from ..readers.anything import Entry, entries, read_entry, sensor_of
from ..readers import plausible
from ..readers import events as reading
from ..store.cache import code_identity, file_identity
from .pool import Pool, counts_of, tell_empty
from .pools import Keep, pool_of
from .recordings import SPLITS, Recordings, split_classes

OWN = "recordings"
FORMS = tuple(  # modules whose code recordings in the cache are known by, too
    f"{__package__.removesuffix('sets')}readers.{one}" for one in "arrays columns event_stream nmnist plausible text".split()
)
GROUP = "minisnn.datasets"
OPTIONS = frozenset(  # of `own` and of Omniglot, as JSON has them
    "sensor size bin_ms duration_ms hop_ms time flip_y columns class_seed classes centred".split()
)
_CODE = re.compile(r"(?:[\w.]+|[^\0\n:]+\.py):\w+")


def is_name(name: str) -> bool:
    """Whether this may be the name of a data set of one's own."""
    return name == OWN or bool(_CODE.fullmatch(name) or re.fullmatch(r"[A-Za-z][\w.-]*", name))


def runs_code(name: str) -> bool:
    """Whether opening it runs code of a file or module, which no checkpoint may ask for: only who gives the command."""
    return ":" in name


def find(name: str) -> Callable[..., Any]:
    """What makes the set of a name; ValueError where there is none."""
    if name == OWN:
        return own
    if not runs_code(name):
        found = [one for one in entry_points(group=GROUP) if one.name == name]
        if not found:
            raise ValueError(
                f"there is no data set {name!r}; expected double-nmnist, double-asl, omniglot, {OWN} with --root, an entry "
                f"point of the group {GROUP}, or a function as package.module:name or file.py:name"
            )
        return found[0].load()
    place, _, function = name.rpartition(":")
    if place.endswith(".py"):
        path = Path(place).expanduser()
        if not path.is_file():
            raise ValueError(f"{name}: there is no file {path}")
        title = f"minisnn_dataset_{path.stem}"
        spec = importlib.util.spec_from_file_location(title, path, loader=_AsItIs(title, str(path)))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[title] = module
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise ValueError(f"{name}: {error}; expected an installed module, or a file ending in .py") from None
    made = getattr(module, function, None)
    if not callable(made):
        raise ValueError(f"{name}: there is no function {function} in {place}")
    return made


class _AsItIs(SourceFileLoader):
    """Code as the file has it now: kept bytecode is told apart by its size and the second of its change alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def open_named(name: str, split: str, root: str | Path | None, **options: Any) -> Any:
    """The set of tasks of a name that does not ship. ValueError where what it gives is none."""
    make = find(name)
    if make is own:
        return own(split, root, **options)
    options.pop("progress", None)
    try:
        found = make(split=split, **({} if root is None else {"root": root}), **options)
    except TypeError as error:
        if "split" not in str(error) and "argument" not in str(error):
            raise
        raise ValueError(f"{name}: cannot be called with split{' and root' * (root is not None)} ({error})") from None
    if isinstance(found, Mapping):
        found = found.get(split)
    lacking = [one for one in ("input_shape", "sample_task", "episode") if not hasattr(found, one)]
    if lacking:
        raise ValueError(
            f"{name}: gave {type(found).__name__} without {lacking[0]}; expected a set of tasks, such as ms.Recordings"
        )
    return found


def own(
    split: str = "train",
    root: str | Path | None = None,
    *,
    sensor: tuple[int, int] | None = None,
    size: tuple[int, int] | None = None,
    bin_ms: float = 1.0,
    duration_ms: float = 100.0,
    hop_ms: float | None = None,
    time: str | None = None,
    flip_y: bool = False,
    columns: str | None = None,
    class_seed: int = 0,
    classes: str | None = None,
    cache: bool = True,
    progress: bool = True,
) -> Recordings:
    """The recordings under `root` as a set of tasks (`Recordings`), a class for every label.

    split       of the classes: those of the folders train, val and test, or of the column split, where labels differ there;
                else drawn by `class_seed`, 64, 16 and 20 % of them
    sensor      rows and columns; None: what the format says, as N-MNIST's does, else it must be given
    classes     "train": the classes that meta-train, whatever the split
    flip_y      whether y grows upwards in the files
    The others are those of `Recordings` and `read_entry`. Takes, and subjects where the index names them, are on one side of a
    task. Raises ValueError, naming what is at fault.
    """
    if root is None:
        raise ValueError(f"{OWN} need a root; expected --root with a folder a class, or index.csv")
    found = entries(root)
    if sensor is None:
        sensor = sensor_of(found[0].path)
        if sensor is None:
            raise ValueError(f"{root}: its files do not say how large the sensor is; give --sensor ROWS,COLUMNS")
    how: dict[str, Any] = dict(
        sensor=tuple(sensor), size=None if size is None else tuple(size), bin_ms=bin_ms, duration_ms=duration_ms, hop_ms=hop_ms
    )
    flip = sensor[0] if flip_y else None
    names = sorted({one.label for one in found})
    made_from: dict[str, Any] = dict(
        how,
        entries=[[*map(str, one)] for one in found],
        files=file_identity({one.path for one in found}),
        time=time,
        flip=flip,
        columns=columns,
        code=code_identity(reading.__name__, Pool.__module__, Entry.__module__, Recordings.__module__, *FORMS),
    )

    def batches() -> Iterator[tuple]:
        with bar(None, len(found), f"reading {len(found)} recordings of {root}", progress) as shown:
            read = ((read_entry(one, time, flip, sensor, columns), names.index(one.label)) for one in found)
            judge = None if time is None else plausible.Judge(time)  # where nothing says a unit, the reader has judged
            for batch in counts_of(read, (one.name for one in found), **how, judge=judge)[1]:
                shown.update(int(batch[2][0]) - shown.n)
                yield batch

    pool = pool_of("recordings", counts_of((), (), **how)[0], made_from, batches, Keep(cache, progress))
    tell_empty(pool, str(root))
    of = [found[k] for k in pool.numbers]  # the entry that each was cut from
    groups: dict[str, Any] = dict(take=[one.name for one in of])
    if any(one.subject for one in found):
        groups["subject"] = [one.subject or f"file {one.name}" for one in of]
    whole = Recordings(pool, made_of={name: (k,) for k, name in enumerate(names)}, groups=groups, source=str(root))
    sets = {part: whole.only(chosen) for part, chosen in classes_of(found, class_seed, str(root)).items()}
    if classes not in (None, *SPLITS) or split not in SPLITS:
        raise ValueError(f"split is {split!r} and classes {classes!r}, expected 'train', 'val' or 'test'")
    return sets[classes or split]


def classes_of(found: Sequence[Entry], class_seed: int, source: str) -> dict[str, list[str]]:
    """The classes of each split: those of the folders train, val and test, or of the column split, where labels differ there,
    else drawn. ValueError where there are too few."""
    names = sorted({one.label for one in found})
    parts = {part: [name for name in names if name in {one.label for one in found if one.split == part}] for part in SPLITS}
    disjoint = sum(map(len, parts.values())) == len(set().union(*parts.values()))
    return parts if all(parts.values()) and disjoint else split_classes(names, class_seed, source)
