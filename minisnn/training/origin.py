"""The origin of a run or network: its command and training data. Commands check it before they
resume, test or export.

A run folder keeps it in config.json with the settings ("made"), a checkpoint in its provenance
("origin").
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..arguments import must
from ..data.sets.named import DATASETS, OPTIONS, Opened, is_name, runs_code
from ..data.sets.pool import Counts
from ..data.sets.samples import used_by
from ..data.store.cache import identity
from .settings import GENERATED

TRAIN, CHIP = "minisnn train", "minisnn hardware train"
PYTHON = "given in Python"
SAMPLES = 4  # tasks that represent a set
KNOWN, DIGITS = 64, 12  # hashes of recordings that are kept, and digits of each
STRUCTURED = ("how", "content", "classes", "recordings")


@dataclass(frozen=True)
class Origin:
    """The command and the training data of a run or network.

    command   resumes the run, given --resume DIR
    data      a name that `data.sets.named` opens, or PYTHON; None if unknown
    root      folder of real recordings that a data set was read from
    kind      the class of data given in Python
    how       options for reading recordings in a folder
    own       custom parts of the model, given in Python, as text (`update.Own`)
    content   a hash of each split, which shows other recordings under the same name
    classes   names of the training classes, of this run and of the one that it started from
    recordings   hashes of some training recordings, likewise: the smallest, so that a part or a copy
              of a set is recognised under any name
    """

    command: str = TRAIN
    data: str | None = None
    root: str | None = None
    kind: str | None = None
    how: dict[str, Any] | None = None
    own: str | None = None
    content: dict[str, str] | None = None
    classes: list[str] | None = None
    recordings: list[str] | None = None

    @classmethod
    def of(cls, command: str, data: Mapping[str, Any]) -> "Origin":
        """Return the origin of a run on the training set of `data`, opened by name or given in
        Python."""
        if not isinstance(data, Opened):
            return cls(command, PYTHON, kind=type(data["train"]).__name__)
        how = None if data.how is None else json.loads(data.how)
        return cls(command, data.name, data.root, how=how)

    @classmethod
    def read(cls, values: Any, source: str) -> "Origin":
        """Read an origin from JSON; `source` names it in errors."""
        try:
            # in files of 0.2 `sample` is None, and structures are texts
            kept = {name: value for name, value in values.items() if name != "sample"}
            texts = [name for name in STRUCTURED if isinstance(kept.get(name), str)]
            origin = cls(**kept | {name: json.loads(kept[name]) for name in texts})
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{source}: expected the origin of the run ({error})") from None
        data = origin.data is None or origin.data in (PYTHON, *DATASETS) or is_name(origin.data)
        must(f"{source}: what made it", origin.command in (TRAIN, CHIP) and data, "known", origin)
        return origin

    @property
    def by_code(self) -> bool:
        """True if the user's code makes the data."""
        return self.data is not None and runs_code(self.data)

    def words(self) -> str:
        """Describe the training data."""
        if self.data == PYTHON:
            return f"data {PYTHON}" + f" ({self.kind})" * (self.kind is not None)
        if self.by_code:
            return f"{self.data}" + f" of {self.root}" * (self.root is not None)
        of = f"recordings of {self.root}" if self.root else "simulated recordings"
        return f"{self.data}, {'generated' if self.data in GENERATED else of}"

    def how_to_resume(self, folder: Path) -> str:
        """Describe how to resume the run in `folder`."""
        if self.data == PYTHON or self.own:
            return f"out={str(folder)!r}, resume=True in Python, and the same data and parts"
        return f"--resume {folder}" + " and --dataset" * self.by_code

    def check_same(self, now: "Origin", folder: Path) -> None:
        """Raise ValueError, after data was read, if it differs from the run's."""
        old = self.content or {}
        new = now.content or {}
        apart = [split for split in old if new.get(split, old[split]) != old[split]]
        if apart or self.kind not in (None, now.kind):
            raise ValueError(
                f"{folder}: the run learns from {self.words()}; these recordings differ "
                f"({', '.join(apart) or now.words()}): restore the run's, or start a new run"
            )

    def to_open(
        self, path: str | Path, dataset: str | None, root: str | None
    ) -> tuple[str, str | None]:
        """Return the (data set, root) that a command opens to test or show the network at `path`:
        the user's choice, or else the training data. Raises ValueError if that is impossible."""
        if dataset is not None or self.data is None:
            return dataset or next(iter(DATASETS)), root
        if self.data == PYTHON or self.by_code:
            raise ValueError(
                f"{path}: the network learned from {self.words()}, which is opened only if you "
                "name it: give --dataset, or use the network in Python (minisnn.evaluate)"
            )
        return self.data, self.root if root is None else root

    def labels(self, ways: int) -> tuple[str, ...] | None:
        """Return the names of a classifier's classes, in the order of its outputs; None if
        unknown."""
        return tuple(self.classes) if self.classes and len(self.classes) == ways else None

    def options(self, dataset: str) -> dict[str, Any]:
        """Return the options, except for classes, that a data set is opened with, if the network
        learned from it or from another protocol of it."""
        shipped = {dataset, self.data} <= {*DATASETS}
        same = dataset == self.data or shipped and DATASETS[dataset].place == _vocabulary(self)
        how = self.how if self.how is not None and same else {}
        must("how recordings were read", OPTIONS.issuperset(how), f"of {sorted(OPTIONS)}", how)
        return {name: value for name, value in how.items() if name != "classes"}


def learned(origin: Origin, tasks: Any, start: Origin | None) -> Origin:
    """Return the origin of a run on `tasks`, started from the network of `start`, with the classes
    and recordings learned so far."""
    before = start or Origin()
    names = (before.classes or []) if _vocabulary(before) == _vocabulary(origin) else []
    classes = [*names, *map(str, getattr(tasks, "classes", ()))]
    recordings = [*(before.recordings or []), *sorted(contents_of(tasks))[:KNOWN]]
    return replace(
        origin, classes=[*dict.fromkeys(classes)], recordings=[*dict.fromkeys(recordings)]
    )


def met(learner: Origin, origin: Origin, tasks: Any) -> str | None:
    """Describe the part of `tasks` that the network learned from although it should be unseen:
    classes with the same names, or else recordings with the same content. None if there is none."""
    classes = list(map(str, getattr(tasks, "classes", ())))
    known = (learner.classes or []) if _vocabulary(learner) == _vocabulary(origin) else []
    if common := [name for name in classes if name in set(known)]:
        few = ", ".join(common[:5]) + ", …" * (len(common) > 5)
        return (
            f"{len(common)} of its {len(classes)} classes ({few}) are of those that the network "
            "learned from"
        )
    hashes = learner.recordings
    if hashes and not contents_of(tasks).isdisjoint(hashes):
        return "it has recordings that the network learned from"
    return None


def _vocabulary(origin: Origin) -> str | None:
    """Return the shipped set that these class names belong to; None for a user's names."""
    if origin.data == PYTHON:
        places = (shipped.place for shipped in DATASETS.values())
        return next((place for place in places if place.endswith(f":{origin.kind}")), None)
    return DATASETS[origin.data].place if origin.data in DATASETS else None


def contents_of(tasks: Any) -> set[str]:
    """Return a hash for each recording of a set that has enough events to be distinguished; empty
    for other sets than `Recordings`, or if recordings are made on demand."""
    pool = getattr(tasks, "pool", None)
    found = pool.contents(used_by(tasks).tolist()) if isinstance(pool, Counts) else {}
    return {content[:DIGITS] for content in found}


def contents(data: Mapping[str, Any], ways: int) -> dict[str, str] | None:
    """Return a hash of each split's set of tasks; for user's code without a method `identity`, of
    some tasks."""
    own = isinstance(data, Opened) and runs_code(data.name)

    def of(tasks: Any) -> str:
        if hasattr(tasks, "identity"):
            return tasks.identity()
        two = 2 if getattr(tasks, "classes", ()) else ways
        some = [tasks.episode(0, k, two, 1, 1) for k in range(SAMPLES)]
        return identity([array for task in some for array in (task.x_support, task.x_query)])

    hashes = {
        split: of(tasks) for split, tasks in data.items() if own or hasattr(tasks, "identity")
    }
    return hashes or None
