"""Sets of tasks, opened by name, as in commands: bundled sets, a folder of recordings, and sets
that other people define.

    recordings            the recordings under --root, see `readers.anything.entries`
    NAME                  an entry point of the group minisnn.datasets of an installed package
    package.module:NAME   a function or class of a module that can be imported
    file.py:NAME          a function or class of a file

A function is called with split, "train", "val" or "test", and with root if it is given, and returns
a set: an object with `input_shape`, `classes`, `sample_task` and `episode`, such as `Recordings`. A
function without these arguments is called once, and returns a dictionary of all three sets. For a
rule that classifies all classes, a function with an argument `classes` is also called with
classes="train", and returns the training classes in recordings of the split; without it, all its
sets must have the same classes.
"""

import importlib
import inspect
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ...arguments import need
from .own import own as own

OWN = "recordings"
GROUP = "minisnn.datasets"
# options of shipped sets, and the additional ones of `own`, as in JSON
KEPT = "size bin_ms centred duration_ms time over control alphabets fitted".split()
OPTIONS = frozenset([*KEPT, *"sensor hop_ms flip_y columns class_seed classes".split()])


class Shipped(NamedTuple):
    """A bundled set of tasks: the class or function that makes it, as package.module:NAME, and the
    options passed to it."""

    place: str
    options: dict[str, str] = {}
    reads: bool = True  # whether it takes root and progress


# by name, like sets of others, so that the cache of one set does not depend on the code of another
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
    "waves": Shipped("minisnn.data.sets.generated:Waves", reads=False),
    "movement": Shipped("minisnn.data.sets.generated:Movement", reads=False),
    "bars": Shipped("minisnn.data.sets.generated:Bars", reads=False),
    "ssc": Shipped("minisnn.data.sounds.words:SSC"),
}

_MINISNN = Path(__file__).parents[2]
_CODE = re.compile(r"(?:[\w.]+|[^\0\n:]+\.py):\w+")


def is_name(name: str) -> bool:
    """Return whether this can be the name of a user's data set."""
    return name == OWN or bool(_CODE.fullmatch(name) or re.fullmatch(r"[A-Za-z][\w.-]*", name))


def runs_code(name: str) -> bool:
    """Return whether opening the set runs code from a file or module. Only the user may request
    that; a checkpoint may not."""
    return ":" in name


def find(name: str) -> Callable[..., Any]:
    """Return the function or class that makes the set with this name. Raises ValueError if there is
    none."""
    if name == OWN:
        return own
    if name in DATASETS:
        place, _, function = DATASETS[name].place.rpartition(":")
        return getattr(importlib.import_module(place), function)
    with naming_line(name):
        if runs_code(name):
            return _function(name, *name.rsplit(":", 1))
        for one in entry_points(group=GROUP):
            if one.name == name:
                return one.load()
    raise ValueError(
        f"there is no data set {name!r}; expected {', '.join(DATASETS)}, {OWN} with --root, "
        f"an entry point of the group {GROUP}, or a function as package.module:name or file.py:name"
    )


@contextmanager
def naming_line(name: str) -> Iterator[None]:
    """Convert errors in the user's code called `name` into a ValueError that states the file and
    line. ValueError and OSError pass unchanged, since their messages are sentences already."""
    try:
        yield
    except (ValueError, OSError, MemoryError):
        raise
    except Exception as error:
        # the last line of the first file that is neither minisnn's nor the import system's
        lines: dict[str, int | None] = {
            file: line
            for file, line, *_ in traceback.extract_tb(error.__traceback__)
            if "importlib" not in file and _MINISNN not in Path(file).parents
        }
        if isinstance(error, SyntaxError):
            lines = {str(error.filename): error.lineno}
        where = next((f" in {file}, line {line}" for file, line in lines.items()), "")
        raise ValueError(
            f"{name}: its own code fails{where}: {type(error).__name__}: {error}"
        ) from error


def _function(name: str, place: str, function: str) -> Callable[..., Any]:
    """Return a function from a file, which is run as it is now, or from an importable module."""
    if place.endswith(".py"):
        path = Path(place).expanduser().absolute()
        if str(path.parent) not in sys.path:  # so that it can import its siblings
            sys.path.insert(0, str(path.parent))
        module = ModuleType(f"minisnn_dataset_{path.stem}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    else:
        module = importlib.import_module(place)
    maker: Any = getattr(module, function, None)
    need(f"{name}: {function} in {place}", maker, callable(maker), "a function")
    return maker


def open_set(
    name: str, split: str, root: str | Path | None = None, progress: bool = True, **options: Any
) -> Any:
    """Open the set of tasks with this name, an object with `input_shape`, `sample_task` and
    `episode`. Raises ValueError if there is none.

    options   options of `DoubleNMnist`, `DoubleASL`, `Omniglot` or `own`; for example,
              classes="train" tests known classes in recordings of `split`

        >>> len(ms.open_set("waves", "test").episode(0, index=0, shots=10).x_support)
        10
    """
    make = find(name)
    if name in (*DATASETS, OWN):
        place = DATASETS.get(name, Shipped(""))
        reading = dict(root=root, progress=progress) if place.reads else {}
        return make(split, **reading, **options, **place.options)
    given = {"split": split, **({} if root is None else {"root": root}), **options}
    with naming_line(name):
        takes = inspect.signature(make).parameters.values()
        # its sets may have the same classes in all splits: `evaluation.check_sets`
        if not any(one.name == "classes" or one.kind is one.VAR_KEYWORD for one in takes):
            given.pop("classes", None)
        found = make(**given)
    if isinstance(found, Mapping):
        found = found.get(split)
    members = ("input_shape", "sample_task", "episode")
    lacking = [member for member in members if not hasattr(found, member)]
    gave = f"{type(found).__name__} without {', '.join(lacking)}"
    need(f"{name}: its return value", gave, not lacking, "a set of tasks, such as ms.Recordings")
    return found


class Opened(dict[str, Any]):
    """{split: set of tasks}, opened by name; sets from a script are in an ordinary mapping.

    name, root   arguments of `open_set`
    how          the user's options for reading the training set, as JSON
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
        how = {option: value for option, value in (options or {}).items() if option in kept}
        self.how = json.dumps(how) if how else None
