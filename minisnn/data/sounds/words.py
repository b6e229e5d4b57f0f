"""Few-shot tasks over spoken words: the Heidelberg spiking data sets, SHD and SSC.

Cramer, Stradmann, Schemmel & Zenke 2022, "The Heidelberg spiking data sets for the systematic
evaluation of spiking neural networks", IEEE TNNLS 33:2744. Words spoken into an artificial cochlea
of 700 units: SHD has the digits zero to nine in English and German by 12 speakers, two of them only
in its test file; SSC has the 35 words of Speech Commands by some 2,600 speakers. The recordings are
not bundled; https://zenkelab.org/datasets/ offers them, compressed, under CC BY 4.0.

A shifted picture shows the same thing; a shifted sound does not, since its units are frequencies.
So tasks are not aligned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...arguments import must, need, one_of, wholes
from ..readers.events import EVENT, bin_events, downscaled
from ..readers.hdf5 import naming
from ..readers.many import UNITS, WHAT, read_word, words_of
from ..sets.counting import undercounted, one_or_two, warn_of_losses
from ..sets.pool import Keep, number_within, pool_of, trains
from ..sets.recordings import Recordings
from ..sets.samples import SPLITS, split_classes

BIN_MS, DURATION_MS = 14.0, 1400.0  # a hundred steps, as in the authors' own example
PER_WORD = 500  # recordings, the first by number; SSC's 2,000 would need too much memory
WHERE = "https://zenkelab.org/datasets/"


class SpokenWords(Recordings):
    """Spoken words as spikes of an artificial cochlea; samples are uint8 (T, units). Use `SHD` or
    `SSC`.

        counts[t, u] = spikes at  time // bin_ms = t,  unit u        time from the recording's beginning

    split        "train", "val" or "test": chooses the words and the recordings
    root         folder that holds the files, unpacked
    classes      "train", "val" or "test" for the words of another split, or "all" of them
    class_seed   draws which words meta-train, validate and test
    bin_ms, duration_ms   length of a step, and of a recording from its time zero on: 100 steps of
                          14 ms, as in the authors' own example
    size         number of units that the 700 are summed to; None: all
    time         unit of the times if it is not seconds: "ms", "us" or "ns". Files do not state it;
                 times that are implausible in seconds raise an error
    cache        whether to use the cache for recordings
    progress     whether to show a progress bar in a terminal while they are read

    Splits share no recording and, unless classes="all", no word. Raises ValueError if the root
    lacks a file, if a file is damaged or not of this form, or if a word is missing.
    """

    NAME: ClassVar[str]
    FILES: ClassVar[dict[str, str]]
    SHARES: ClassVar[dict[str, float]]

    def __init__(
        self,
        split: str = "train",
        root: str | Path | None = None,
        *,
        classes: str | None = None,
        class_seed: int = 0,
        bin_ms: float = BIN_MS,
        duration_ms: float = DURATION_MS,
        size: int | Sequence[int] | None = None,
        time: str | None = None,
        cache: bool = True,
        progress: bool = True,
    ):
        import h5py

        one_of("split", split, SPLITS)
        one_of("classes", classes or split, (*SPLITS, "all"))
        units = (UNITS,) if size is None else wholes("size", one_or_two(size))
        good = len(units) == 1 and 1 <= units[0] <= UNITS
        must("size", good, f"a number of units from 1 to {UNITS}", size)

        def counts(events: np.ndarray, number: int) -> np.ndarray:
            """Return the spike counts of one recording, from its time zero on: uint8 (T, units)."""
            if units[0] != UNITS and len(events):
                events = downscaled(events, (1, UNITS), (1, units[0]), number)
            found = bin_events(events, duration_ms, bin_ms, shape=(1, units[0]), start="zero")
            return found[:, 0, :, 1]

        shape = counts(np.zeros(0, EVENT), 0).shape  # checks both
        path = self._path(root, split)
        with naming(path, WHAT), h5py.File(path) as file:
            found = words_of(file)
            labels = np.array(found.labels)
            named = split_classes(found.words, class_seed, str(path), **self.SHARES)
            words = found.words if classes == "all" else named[classes or split]
            made_of = {word: (found.words.index(word),) for word in words}
            usable = trains(number_within(labels)) == (split == "train")
            usable |= "val" in self.FILES or split == "test"
            own = [np.flatnonzero((labels == word) & usable) for (word,) in made_of.values()]
            rows = np.sort(np.concatenate([some[:PER_WORD] for some in own]))

            def batches() -> Iterator[tuple]:
                for row in rows.tolist():
                    with naming(f"{path}: recording {row}", WHAT):
                        events = read_word(file, row, UNITS, time)
                    few = undercounted(row, events["t"], 0, duration_ms)
                    yield counts(events, row)[None], [labels[row]], [row], *few

            what = f"reading {len(rows)} recordings of {path}"
            made_from: Any = dict(bin_ms=bin_ms, duration_ms=duration_ms, units=units[0], time=time)
            how = Keep(cache, progress), what, len(rows), [path]
            pool = pool_of(self.NAME, shape, batches(), *how, **made_from, rows=rows)
        super().__init__(pool, made_of=made_of, source=str(path), kind="word")
        self.of_split = split if classes in (None, split) else None
        warn_of_losses(pool, str(path))

    def _path(self, root: str | Path | None, split: str) -> Path:
        """Return the file with a split's recordings. Raises ValueError if it is missing."""
        folder = Path("" if root is None else root).expanduser()
        folder = folder.parent if folder.name in self.FILES.values() else folder
        path = folder / self.FILES.get(split, self.FILES["train"])
        wants = f"(--root) that holds {path.name}, unpacked, for {split}; {WHERE} has it"
        need(f"the root of {self.NAME}", root, root and path.is_file(), f"the folder {wants}")
        return path


class SHD(SpokenWords):
    """Spiking Heidelberg Digits: zero to nine in English and German, by 12 speakers. Arguments are
    those of `SpokenWords`.

    `class_seed` draws ten words for meta-training, five for validation and five for testing.
    Training and validation use shd_train.h5, in which every fifth recording of a word is only for
    validation; testing uses shd_test.h5.
    """

    NAME = "shd"
    FILES: ClassVar = {"train": "shd_train.h5", "test": "shd_test.h5"}
    SHARES: ClassVar = {"train": 0.5, "val": 0.25, "test": 0.25}


class SSC(SpokenWords):
    """Spiking Speech Commands: 35 words, by some 2,600 speakers. Arguments are those of
    `SpokenWords`.

    `class_seed` draws 22 words for meta-training, 6 for validation and 7 for testing. Each split
    has its own file: ssc_train.h5, ssc_valid.h5, ssc_test.h5.
    """

    NAME = "ssc"
    FILES: ClassVar = {"train": "ssc_train.h5", "val": "ssc_valid.h5", "test": "ssc_test.h5"}
    SHARES: ClassVar = {"train": 0.64, "val": 0.16, "test": 0.2}
