"""Sets of tasks by name, as commands are given them: those that ship, a folder of recordings, and
those of other people.

    recordings            the recordings that lie under --root, see `readers.anything.entries`
    NAME                  an entry point of the group minisnn.datasets of an installed package
    package.module:NAME   a function or class of a module that can be imported
    file.py:NAME          a function or class of a file

A function is called with split, "train", "val" or "test", and with root where one is given, and
returns a set: something with `input_shape`, `classes`, `sample_task` and `episode`, such as
`Recordings`; or once with neither for a dictionary of all three. For a rule that tells all classes
apart, a function that has an argument `classes` is called with classes="train", too, and gives the
training classes in recordings of the split; one without gives sets of the same classes.
"""

import importlib
import inspect
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...terminal import bar
from ..readers import plausible
from ..readers.anything import Entry, entries, read_entry, sensor_of_all
from ..readers.spoken import forget
from ..readers.units import is_row
from ..store.cache import check_unchanged, content_of, file_identity
from ..store.code import code_identity
from ..store.own_code import module_of, told_by_line
from .given import (
    check_dealt,
    check_size,
    check_taken,
    classes_of,
    dealt_by,
    groups_of,
    one_or_two,
    tell_unused,
)
from .pool import Form, counts_of, tell_few, tell_full, tell_reach
from .pools import Keep, pool_of
from .recordings import SPLITS, Recordings, as_splits
from .samples import LEAST, copies, joined, places_of

OWN = "recordings"
GROUP = "minisnn.datasets"
# of sets that ship, and, beside them, of `own`, as JSON has them
KEPT = "size bin_ms centred duration_ms time pace over control alphabets fitted".split()
OPTIONS = frozenset([*KEPT, *"sensor hop_ms flip_y columns class_seed classes".split()])


class Shipped(NamedTuple):
    """A set of tasks that ships: what makes it, as package.module:NAME, and options of that."""

    place: str
    options: dict[str, str] = {}


# by name, as those of others: the cache of one set does not depend on the code of another
_OMNIGLOT = "minisnn.data.sets.omniglot:Omniglot"
_ASL = "minisnn.data.sets.double_asl:DoubleASL"
DATASETS = {
    "double-nmnist": Shipped("minisnn.data.sets.double_nmnist:DoubleNMnist"),
    "double-asl": Shipped(_ASL),
    "omniglot": Shipped(_OMNIGLOT),
    "omniglot-random": Shipped(_OMNIGLOT, {"protocol": "random"}),
    "omniglot-background": Shipped(_OMNIGLOT, {"protocol": "background"}),
    "written": Shipped("minisnn.data.written.characters:Written"),
    "double-asl-same-take": Shipped(_ASL, {"protocol": "same-take"}),
    "double-asl-new-subject": Shipped(_ASL, {"protocol": "new-subject"}),
    "shd": Shipped("minisnn.data.sounds.words:SHD"),
    "shd-other-speaker": Shipped("minisnn.data.sounds.words:SHD", {"speakers": "other"}),
    "ssc": Shipped("minisnn.data.sounds.words:SSC"),
    "ssc-other-speaker": Shipped("minisnn.data.sounds.words:SSC", {"speakers": "other"}),
}

_CODE = re.compile(r"(?:[\w.]+|[^\0\n:]+\.py):\w+")


def is_name(name: str) -> bool:
    """Whether this may be the name of a data set of your own."""
    return name == OWN or bool(_CODE.fullmatch(name) or re.fullmatch(r"[A-Za-z][\w.-]*", name))


def runs_code(name: str) -> bool:
    """Whether opening it runs code of a file or module, which no checkpoint may ask for: only who
    gives the command."""
    return ":" in name


def find(name: str) -> Callable[..., Any]:
    """What makes the set of a name; ValueError where there is none."""
    if name == OWN:
        return own
    if name in DATASETS:
        place, _, function = DATASETS[name].place.rpartition(":")
        return getattr(importlib.import_module(place), function)
    if not runs_code(name):
        found = [one for one in entry_points(group=GROUP) if one.name == name]
        if not found:
            raise ValueError(
                f"there is no data set {name!r}; expected {', '.join(DATASETS)}, {OWN} with --root, "
                f"an entry point of the group {GROUP}, or a function as package.module:name or "
                "file.py:name"
            )
        with told_by_line(name):
            return found[0].load()
    place, _, function = name.rpartition(":")
    if place.endswith(".py"):
        path = Path(place).expanduser()
        if not path.is_file():
            path = _met.get(place, path)  # its code may have changed the working folder since
        if not path.is_file():
            raise ValueError(f"{name}: there is no file {path}")
        _met[place] = path.absolute()
        with told_by_line(name):
            module = module_of(path)
    else:
        with told_by_line(name):
            try:
                module = importlib.import_module(place)
            except ModuleNotFoundError as error:
                if not f"{place}.".startswith(f"{error.name}."):
                    raise
                expected = "expected an installed module, or a file ending in .py"
                raise ValueError(f"{name}: {error}; {expected}") from None
    made = getattr(module, function, None)
    if not callable(made):
        raise ValueError(f"{name}: there is no function {function} in {place}")
    return made


_met: dict[str, Path] = {}  # files of code, by what they were called, and where they lay


def open_set(
    name: str, split: str, root: str | Path | None = None, progress: bool = True, **options: Any
) -> Any:
    """The set of tasks of a name: something with `input_shape`, `sample_task` and `episode`;
    ValueError where there is none.

    options   of `DoubleNMnist`, `DoubleASL`, `Omniglot` or `own`, such as classes="train" to meet
              known classes in recordings of `split`
    """
    make = find(name)
    if name in DATASETS:
        return make(split, root, progress=progress, **options, **DATASETS[name].options)
    if make is own:
        return own(split, root, progress=progress, **options)
    if "classes" in options and not _takes_classes(make):
        # what it gives may have the same classes in all splits: `training.evaluation.check_apart`
        del options["classes"]
    given = {"split": split, **({} if root is None else {"root": root}), **options}
    if (signature := _signature(make)) is not None:
        try:
            signature.bind(**given)
        except TypeError as error:
            names = " and ".join(given)
            raise ValueError(f"{name}: cannot be called with {names} ({error})") from None
    with told_by_line(name):
        found = make(**given)
    if isinstance(found, Mapping):
        found = found.get(split)
    lacking = [one for one in ("input_shape", "sample_task", "episode") if not hasattr(found, one)]
    if lacking:
        raise ValueError(
            f"{name}: gave {type(found).__name__} without {lacking[0]}; expected a set of tasks, "
            "such as ms.Recordings"
        )
    return found


class Opened(dict[str, Any]):
    """{split: set of tasks} opened by name; those that a script gives are in another mapping.

    name, root   as `open_set` takes them
    how          the options that the training set is read with, where they are the user's, as JSON
    """

    def __init__(
        self,
        sets: Mapping[str, Any],
        name: str,
        root: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sets)
        self.name = name
        self.root = None if root is None else str(root)
        kept = OPTIONS if name == OWN else KEPT
        how = {one: value for one, value in (options or {}).items() if one in kept}
        self.how = json.dumps(how) if how else None


def _signature(make: Callable) -> inspect.Signature | None:
    try:
        return inspect.signature(make)
    except (TypeError, ValueError):  # of a class of C, say
        return None


def _takes_classes(make: Callable) -> bool:
    """Whether a function of your own has an argument for the classes, as `own` has."""
    signature = _signature(make)
    parameters = () if signature is None else signature.parameters.values()
    return any(one.name == "classes" or one.kind is one.VAR_KEYWORD for one in parameters)


def own(
    split: str = "train",
    root: str | Path | None = None,
    *,
    sensor: tuple[int, ...] | None = None,
    size: tuple[int, ...] | None = None,
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
    """The recordings under `root` as a set of tasks (`Recordings`), with a class for every label.

    split       of the classes: those of the folders train, val and test, or of the column split, if
                each has labels of its own; otherwise `class_seed` draws 64, 16 and 20 % of them
    sensor      rows and columns, or (n,) of n units; None: those that the format states, as
                N-MNIST's does; otherwise they must be given
    classes     "train": the classes that meta-train, in the recordings of `split`. A rule that
                tells all classes apart is tested on other recordings of them. These are those of
                the folders or the column, if all labels are the same there. Otherwise `class_seed`
                draws them: whole continuous recordings, and whole subjects if the index names
                enough. Of three classes and fewer it is all of them
    flip_y      whether y grows upwards in the files

    The other arguments are those of `Recordings` and `read_entry`. A continuous recording, and a
    subject that the index names, is on one side of a task only. Raises ValueError, naming what is
    at fault.
    """
    if root is None:
        raise ValueError(
            f"{OWN} need a root; expected --root with one folder for each class, or index.csv"
        )
    found = entries(root)
    deals = dealt_by(found, str(root))
    check_taken(found, str(root), time=time, columns=columns)
    if sensor is None:
        sensor = sensor_of_all(found)
        if sensor is None:
            raise ValueError(
                f"{root}: its files do not say how large the sensor is; give --sensor "
                "ROWS,COLUMNS, or --sensor UNITS where recordings are of (time, unit)"
            )
    if flip_y and is_row(sensor):
        raise ValueError(f"{root}: flip_y turns pictures over; units have no rows, leave it out")
    how: dict[str, Any] = dict(
        sensor=tuple(sensor),
        size=None if size is None else tuple(one_or_two(size)),
        bin_ms=bin_ms,
        duration_ms=duration_ms,
        hop_ms=hop_ms,
    )
    check_size(Form(**how))
    flip = sensor[0] if flip_y else None
    names = sorted({one.label for one in found})
    made_from: dict[str, Any] = dict(
        how,
        entries=[[*map(str, one)] for one in found],
        files=file_identity({one.path for one in found}),
        time=time,
        flip=flip,
        columns=columns,
    )

    few: list[tuple[int, int, int, bool]] = []

    def batches() -> Iterator[tuple]:
        few.clear()
        with bar(None, len(found), f"reading {len(found)} recordings of {root}", progress) as shown:
            read = (
                (read_entry(one, time, flip, sensor, columns), names.index(one.label))
                for one in found
            )
            # where nothing says a unit, the reader has judged
            judge = None if time is None else plausible.Judge(time)
            called = (one.name for one in found)
            try:
                for batch in counts_of(read, called, Form(**how), judge, few, checked=True)[1]:
                    shown.update(int(batch[2][0]) - shown.n)
                    yield batch
            finally:
                forget()
        check_unchanged({one.path for one in found}, made_from["files"], root)

    shape = counts_of((), (), Form(**how))[0]
    keep = Keep(cache, progress)
    pool = pool_of("recordings", shape, made_from, batches, keep, code_identity(__name__), few)
    tell_few(pool, str(root), [one.name for one in found])
    tell_full(pool, str(root))
    tell_reach(pool, str(root), sensor)
    of = [found[k] for k in pool.numbers]  # the entry that each was cut from
    take_of = _takes(found)
    takes: list[Any] = [take_of[one.name] for one in of]
    # the same events in files that differ, such as one that was converted
    if (copy_of := copies(pool)) is not None:
        takes = joined([np.array(takes), copy_of]).tolist()
    symbols = {name: (k,) for k, name in enumerate(names)}
    whole = Recordings(pool, made_of=symbols, groups=groups_of(of, takes), source=str(root))
    if classes not in (None, *SPLITS) or split not in SPLITS:
        raise ValueError(
            f"split is {split!r} and classes {classes!r}, expected 'train', 'val' or 'test'"
        )
    if classes is not None and deals == "recordings":
        return _as_named(whole, of, takes, class_seed)[split]
    # one would train, if any: all of them are told apart
    if classes is not None and len(names) <= len(SPLITS):
        return _drawn(whole, takes, class_seed)[split]
    tell_unused(found, str(root))
    parts = classes_of(found, class_seed, str(root))
    sets = as_splits({part: whole.only(chosen) for part, chosen in parts.items()})
    if classes is not None:
        return _drawn(sets[classes], takes, class_seed)[split]
    check_dealt(*sets.values())
    return sets[split]


def _takes(found: list[Entry]) -> dict[str, str]:
    """The take of every recording by its name: the first of those with the very same bytes, under
    whatever names."""
    first: dict[tuple, str] = {}
    return {one.name: first.setdefault((content_of(one.path), one.key), one.name) for one in found}


def _as_named(
    whole: Recordings, of: list[Entry], takes: list[str], seed: int
) -> dict[str, Recordings]:
    """All classes in the recordings that the folders or the column of splits name; where they name
    none to validate, `seed` draws those, of the training recordings. ValueError where they cannot
    serve."""
    splits = {one.split for one in of}
    named = [part for part in SPLITS if part in splits]
    if not {"train", "test"} <= splits or None in splits:
        nameless = sum(one.split is None for one in of)
        raise ValueError(
            f"{whole.source}: {nameless} recordings name no split, the others "
            f"{' and '.join(named)}; expected train and test, and maybe val, of all recordings, "
            "or of none"
        )
    where = {part: np.flatnonzero([one.split == part for one in of]) for part in named}
    split_of: dict[str, str | None] = {}
    for one, take in zip(of, takes):
        if split_of.setdefault(take, one.split) != one.split:
            raise ValueError(
                f"{one.name}: parts of this recording, or copies of it, are in {split_of[take]} "
                f"and in {one.split}; expected each recording in one split"
            )
    if "val" not in where:
        where |= places_of(whole.among(where["train"]), {"train": 0.8, "val": 0.2}, seed, takes)
    sets = as_splits({part: whole.among(where[part]) for part in SPLITS})
    for part, tasks in sets.items():
        for name, (symbol,) in whole.made_of.items():
            if len(tasks.symbols[symbol]) < LEAST:
                raise ValueError(
                    f"{whole.source}: {name} has {len(tasks.symbols[symbol])} recordings in "
                    f"{part}; expected at least {LEAST}"
                )
    return sets


def _drawn(tasks: Recordings, takes: list[str], seed: int) -> dict[str, Recordings]:
    """The recordings of these classes divided by continuous recordings and subjects, or by the
    former alone, with a message."""
    try:
        return tasks.split_recordings(seed)
    except ValueError:
        # no subjects are named
        if tasks.groups is None or len(set(takes)) == len(np.unique(tasks.groups)):
            raise
    sets = tasks.split_recordings(seed, together=takes)
    warnings.warn(
        f"{tasks.source}: there are too few subjects to divide them; recordings of one subject "
        "train, validate and test, in different continuous recordings",
        stacklevel=3,
    )
    return sets
