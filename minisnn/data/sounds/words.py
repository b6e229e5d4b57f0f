"""Few-shot tasks over spoken words: the Heidelberg spiking data sets, SHD and SSC.

Cramer, Stradmann, Schemmel & Zenke 2022, "The Heidelberg spiking data sets for the systematic
evaluation of spiking neural networks", IEEE TNNLS 33:2744. Words spoken into an artificial cochlea
of 700 units: SHD has the digits zero to nine in English and German by 12 speakers, two of them in
its test file alone; SSC the 35 words of Speech Commands by some 2,600. The recordings do not ship:
https://zenkelab.org/datasets/ has them, packed, under CC BY 4.0.

A picture can lie elsewhere and be the same; a sound cannot, its units are frequencies. So tasks are
not aligned.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...meta.tasks import Task
from ... import arguments
from ...terminal import bar
from ..readers.events import EVENT, downscaled
from ..readers.spoken import BATCH, UNITS, SpokenFile
from ..readers.units import bin_units
from ..sets.given import one_or_two
from ..sets.pool import Pool, few_of, tell_few, tell_full
from ..sets.pools import Keep, pool_of, trains
from ..sets.recordings import Recordings
from ..sets.samples import split_classes
from ..store.cache import check_unchanged, file_identity
from ..store.code import code_identity

SPLITS = ("train", "val", "test")
BIN_MS, DURATION_MS = 14.0, 1400.0  # a hundred steps, as in the authors' own example
PER_WORD = 500  # all of SHD; of SSC's 2,000 and more they fill memory in good time
VALIDATE = 2  # speakers of a set without a file for validation that validate
WHERE = "https://zenkelab.org/datasets/"
FEWEST_SPEAKERS = 2


class Heard(NamedTuple):
    """How recordings become counts: the width of a step and the length of a recording, ms, how many
    units they are summed to, and what unit their times have (None: seconds)."""

    bin_ms: float
    duration_ms: float
    units: int
    time: str | None

    def counts(self, events: np.ndarray, number: int) -> np.ndarray:
        """Of one recording, from its time zero on: uint8 (T, units)."""
        if self.units != UNITS and len(events):
            events = downscaled(events, (1, UNITS), (1, self.units), number)
        return bin_units(events, self.units, self.duration_ms, self.bin_ms, "zero")


class SpokenWords(Recordings):
    """Words as spikes of an artificial cochlea; samples are uint8 (T, units). `SHD` and `SSC` are
    such sets.

        counts[t, u] = spikes at  time // bin_ms = t,  unit u        time from the recording's beginning

    split        "train", "val" or "test": chooses the words and the recordings
    root         folder that holds the files, unpacked
    speakers     None: support and query are of any speakers. "other": speakers are held out as
                 well, and the support of a task is of one speaker, its query of others
    classes      "train", "val" or "test" for the words of another split, or "all" of them
    class_seed   draws which words meta-train, validate and test, and which speakers validate where
                 the set has no file for that
    bin_ms, duration_ms   length of a step, and of a recording from its time zero on: 100 steps of
                          14 ms, as in the authors' own example
    size         number of units that the 700 are summed to; None: all
    time         unit of the times where it is not seconds: "ms", "us" or "ns". Nothing in a file
                 says it; what cannot be seconds is refused
    per_word     the first so many recordings of each word, by their number; None: 500
    cache        whether recordings are kept in the cache, and looked for there
    progress     whether a terminal shows a progress bar while they are read

    No word of a split is in another, but for classes="all", and no recording, ever. Raises
    ValueError where the root lacks a file, a file is damaged or not of this form, and where a word
    or a speaker is missing.
    """

    NAME: ClassVar[str]
    FILES: ClassVar[dict[str, str]]
    SHARES: ClassVar[dict[str, float]]

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        speakers: str | None = None,
        classes: str | None = None,
        class_seed: int = 0,
        bin_ms: float = BIN_MS,
        duration_ms: float = DURATION_MS,
        size: int | Sequence[int] | None = None,
        time: str | None = None,
        per_word: int | None = None,
        cache: bool = True,
        progress: bool = True,
    ):
        arguments.one_of("split", split, SPLITS)
        if speakers is not None:
            arguments.one_of("speakers", speakers, ("other",))
        if classes is not None:
            arguments.one_of("classes", classes, (*SPLITS, "all"))
        per_word = arguments.whole("per_word", PER_WORD if per_word is None else per_word, 2)
        seed = arguments.whole("class_seed", class_seed, 0)
        heard = Heard(bin_ms, duration_ms, _units(size), time)
        shape = bin_units(np.zeros(0, EVENT), heard.units, duration_ms, bin_ms).shape  # checks both
        folder = self._folder(root)
        path = self._path(folder, split)
        with SpokenFile(path, UNITS, time) as file:
            _tell_coarse(file, bin_ms)
            named = split_classes(file.words, seed, str(path), **self.SHARES)
            words = file.words if classes == "all" else named[classes or split]
            serves = self._serves(folder, file, split, seed, speakers)
            rows = _first(file.labels, [file.words.index(one) for one in words], serves, per_word)
            pool = self._pool(file, rows, heard, shape, Keep(cache, progress))
            labels = {one: (file.words.index(one),) for one in words}
            who = None if file.speakers is None else np.array(file.speakers)[pool.numbers]
        source = f"{path}"
        if speakers is not None and who is not None:
            source += f", {len(np.unique(who))} speakers"
        groups = {"speaker": who} if speakers is not None else None
        super().__init__(pool, made_of=labels, source=source, kind="word", groups=groups)
        self.alone = speakers is not None
        self.of_split = split if classes in (None, split) else None
        tell_few(pool, source)
        tell_full(pool, source)

    def sample_task(
        self,
        rng: np.random.Generator,
        ways: int = 5,
        shots: int = 1,
        queries: int = 5,
        classes: Sequence[str] | None = None,
    ) -> Task:
        """As `Recordings.sample_task`; where the support is of one speaker, and classes are not
        given, a speaker is drawn first, and then the words among those that this speaker says."""
        if classes is None and self.alone and self.groups is not None and ways > 0:
            said = self._said()
            able = [one for one in sorted(said) if len(said[one]) >= ways]
            if not able:
                most = max(map(len, said.values()), default=0)
                raise ValueError(
                    f"{self.source}: no speaker says more than {most} words that others say, too; "
                    f"expected {ways}, one for each way of a task"
                )
            words = said[able[int(rng.integers(len(able)))]]
            classes = [words[k] for k in rng.choice(len(words), size=ways, replace=False)]
        return super().sample_task(rng, ways, shots, queries, classes)

    def _said(self) -> dict[int, list[str]]:
        """The words that a speaker, by the number of the group, and another one have said."""
        assert self.groups is not None
        said: dict[int, list[str]] = {}
        for word in self.classes:
            who = np.unique(self.groups[self.symbols[self.made_of[word][0]]])
            for one in who.tolist() if len(who) >= FEWEST_SPEAKERS else ():
                said.setdefault(one, []).append(word)
        return said

    def _folder(self, root: str | Path | None) -> Path:
        """The folder of the files. ValueError where there is none."""
        files = " and ".join(self.FILES.values())
        if root is None:
            raise ValueError(
                f"{self.NAME} needs a root, the folder that holds {files} (--root DIR); {WHERE} has "
                "them"
            )
        folder = Path(root).expanduser()
        folder = folder.parent if folder.name in self.FILES.values() else folder
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder; expected one that holds {files}")
        return folder

    def _path(self, folder: Path, split: str) -> Path:
        """The file that holds the recordings of a split. ValueError where it is not there."""
        path = folder / self.FILES.get(split, self.FILES["train"])
        if path.is_file():
            return path
        for ending, way in ((".gz", "gzip -d {}"), (".zip", "zipfile -e {} .")):
            packed = path.with_name(path.name + ending)
            if packed.is_file():
                unpack = f"python -m {way.format(packed.name)}"
                raise ValueError(f"{packed}: is packed; unpack it there with: {unpack}")
        raise ValueError(
            f"{folder}: there is no {path.name}, which {self.NAME} needs for {split}; {WHERE} has it"
        )

    def _serves(
        self, folder: Path, file: SpokenFile, split: str, seed: int, speakers: str | None
    ) -> np.ndarray:
        """Which recordings of a file serve a split, (N,)."""
        own = split in self.FILES
        if speakers is None:
            if "val" in self.FILES or split == "test":
                return np.ones(len(file), bool)
            return trains(_number_within(file.labels)) == (split == "train")
        if file.speakers is None:
            raise ValueError(
                f"{file.path}: there is no extra/speaker, and who speaks is not known; use "
                f"--dataset {self.NAME}, which does not ask"
            )
        known = self._speakers_of(folder, "train", file)
        drawn = set()
        if "val" not in self.FILES:
            order = np.random.default_rng(seed).permutation(len(known))
            drawn = {known[k] for k in order[:VALIDATE]}
        if split == "train":
            serve = set(known) - drawn
        elif not own:
            serve = drawn
        else:
            met = set(known)
            if split == "test" and "val" in self.FILES:
                met |= set(self._speakers_of(folder, "val", file))
            serve = set(file.speakers) - met
        if len(serve) < FEWEST_SPEAKERS:
            raise ValueError(
                f"{file.path}: {len(serve)} of its speakers serve {split} alone; expected "
                f"{FEWEST_SPEAKERS} or more, one for the support and others for the query"
            )
        return np.array([one in serve for one in file.speakers])

    def _speakers_of(self, folder: Path, split: str, file: SpokenFile) -> list[str]:
        """Everybody who speaks in the file of a split. ValueError where it does not say."""
        path = self._path(folder, split)
        if path == file.path:
            found = file.speakers
        else:
            with SpokenFile(path, UNITS, file.time) as other:
                found = other.speakers
        if found is None:
            raise ValueError(f"{path}: there is no extra/speaker; expected who speaks")
        return sorted(set(found))

    def _pool(
        self, file: SpokenFile, rows: np.ndarray, heard: Heard, shape: tuple[int, ...], keep: Keep
    ) -> Pool:
        files = file_identity([file.path])
        few: list[tuple[int, int, int, bool]] = []

        def batches() -> Iterator[tuple]:
            of = f"reading {len(rows)} recordings of {file.path}"
            with bar(None, len(rows), of, keep.progress) as shown:
                for first in range(0, len(rows), BATCH):
                    some = rows[first : first + BATCH]
                    read = list(zip(file.read_some(some.tolist()), some.tolist()))
                    dense = np.stack([heard.counts(events, row) for events, row in read])
                    for events, row in read:
                        few.extend(few_of(row, events["t"], 0, heard.duration_ms))
                    yield dense, file.labels[some], some
                    shown.update(len(some))
            check_unchanged([file.path], files, file.path)

        made_from: dict[str, Any] = dict(heard._asdict(), files=files, rows=rows)
        return pool_of(self.NAME, shape, made_from, batches, keep, code_identity(__name__), few)


class SHD(SpokenWords):
    """Spiking Heidelberg Digits: zero to nine in English and German, by 12 speakers. Arguments are
    those of `SpokenWords`.

    Ten words meta-train, five validate and five test, drawn by `class_seed`. Training and
    validation are of shd_train.h5, where every fifth recording of a word validates alone; the test
    is of shd_test.h5. speakers="other" tests on the two speakers that shd_train.h5 does not
    have, and two of the ten that it has validate alone.

    >>> from minisnn.data.readers.spoken import write_spoken
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(80) % 20
    >>> times = [np.sort(rng.random(50)) for label in labels]
    >>> units = [30 * label + rng.integers(0, 20, 50) for label in labels]
    >>> path = write_spoken("shd_test.h5", times, units, labels)
    >>> tasks = ms.SHD("test", ".", progress=False)
    >>> tasks.input_shape, len(tasks.classes)
    ((700,), 5)
    """

    NAME = "shd"
    FILES: ClassVar = {"train": "shd_train.h5", "test": "shd_test.h5"}
    SHARES: ClassVar = {"train": 0.5, "val": 0.25, "test": 0.25}


class SSC(SpokenWords):
    """Spiking Speech Commands: 35 words, by some 2,600 speakers. Arguments are those of
    `SpokenWords`.

    22 words meta-train, 6 validate and 7 test, drawn by `class_seed`, each split by its own file:
    ssc_train.h5, ssc_valid.h5, ssc_test.h5. speakers="other" leaves out who speaks in a file before
    it, too.

    >>> from minisnn.data.readers.spoken import write_spoken
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(140) % 35
    >>> times = [np.sort(rng.random(50)) for label in labels]
    >>> units = [19 * label + rng.integers(0, 20, 50) for label in labels]
    >>> path = write_spoken("ssc_test.h5", times, units, labels)
    >>> tasks = ms.SSC("test", ".", progress=False)
    >>> tasks.input_shape, len(tasks.classes)
    ((700,), 7)
    """

    NAME = "ssc"
    FILES: ClassVar = {"train": "ssc_train.h5", "val": "ssc_valid.h5", "test": "ssc_test.h5"}
    SHARES: ClassVar = {"train": 0.64, "val": 0.16, "test": 0.2}


def _units(size: int | Sequence[int] | None) -> int:
    """How many units samples have."""
    if size is None:
        return UNITS
    found = arguments.wholes("size", one_or_two(size))
    if len(found) != 1 or not 1 <= found[0] <= UNITS:
        raise ValueError(f"size is {size}; expected a number of units from 1 to {UNITS}")
    return int(found[0])


def _number_within(labels: np.ndarray) -> np.ndarray:
    """Number of each recording within its word, from 1 on, in the order of the file."""
    order = np.argsort(labels, kind="stable")
    ranked = labels[order]
    number = np.empty(len(labels), np.int64)
    number[order] = np.arange(len(labels)) - np.searchsorted(ranked, ranked) + 1
    return number


def _first(labels: np.ndarray, words: list[int], serves: np.ndarray, most: int) -> np.ndarray:
    """The first `most` recordings of each word that serve, in the order of the file."""
    found = [np.flatnonzero((labels == word) & serves)[:most] for word in words]
    return np.sort(np.concatenate(found))


def _tell_coarse(file: SpokenFile, bin_ms: float) -> None:
    """Warn where steps are finer than the times that the file can hold."""
    if file.coarse_ms > bin_ms:
        warnings.warn(
            f"{file.path}: times are float16, {file.coarse_ms:.2g} ms apart after the first second; "
            f"steps of {bin_ms:g} ms are finer than that",
            stacklevel=4,
        )
