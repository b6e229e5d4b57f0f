"""Read a benchmark of minisnn and answer it, by NumPy alone.

    import read                                    # this file, in the exported folder
    folder = read.Folder("benchmark")
    for episode in folder.episodes("double-nmnist-5way-1shot"):
        episode.support        # uint8 (B, T, H, W, 2), events a time step; channel 0 = OFF, 1 = ON
        episode.labels         # int64 (B,), 0 to ways - 1
        episode.query          # uint8 (Q, T, H, W, 2); their labels are yours to find
    folder.save("answers.npz", {"double-nmnist-5way-1shot": labels})    # whole numbers (episodes, Q)

A sample is one recording, or several side by side. `Recordings.events` gives one as a list of
events, `Recordings.bins` samples as arrays: of a row of units (T, units).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Episode(NamedTuple):
    """A task: learn from the support, then name the queries."""

    support: np.ndarray
    labels: np.ndarray
    query: np.ndarray


class Recordings:
    """Recordings as lists of events, one after the other.

    shape    (T, H, W, 2) of one of them, or (T, units)
    start    (N + 1,): recording i has the events start[i] up to, not including, start[i + 1]
    t        the time step of each event; y, x, p its row, column and polarity, or x its unit
    """

    def __init__(self, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]):
        self.shape = tuple(shape)
        self.start = arrays["start"]
        self.columns = {name: arrays[name] for name in "tyxp" if name in arrays}

    def __len__(self) -> int:
        return len(self.start) - 1

    def events(self, recording: int) -> dict[str, np.ndarray]:
        """The events of one recording in the order of time: t, y, x and p, or t and x."""
        part = slice(self.start[recording], self.start[recording + 1])
        return {name: column[part] for name, column in self.columns.items()}

    def bins(self, samples: np.ndarray) -> np.ndarray:
        """Events a time step and cell of samples (B, S), each of S recordings side by side: uint8
        (B, T, H, S W, 2), or (B, T, S units)."""
        samples = np.asarray(samples)
        sides = samples.shape[1]
        wide = self.shape[-1] if len(self.shape) == 2 else self.shape[2]
        shape = list(self.shape)
        shape[-1 if len(shape) == 2 else 2] *= sides
        out = np.zeros((len(samples), *shape), np.uint8)
        for sample, row in enumerate(samples.tolist()):
            cells = []
            for side, recording in enumerate(row):
                seen = self.events(recording)
                place = [seen[name].astype(np.intp) for name in "tyxp" if name in seen]
                place[-1 if len(place) == 2 else 2] += side * wide
                cells.append(np.ravel_multi_index(tuple(place), shape))
            counts = np.bincount(np.concatenate(cells), minlength=out[sample].size)
            out[sample] = counts.reshape(shape)
        return out


class Training(NamedTuple):
    """Recordings to learn from before the episodes: of other classes than theirs.

    recordings   what `Recordings` holds
    label        (N,) the symbol that each shows
    classes      (C, S) the symbols that a sample of each class shows, from left to right
    names        of the classes
    """

    recordings: Recordings
    label: np.ndarray
    classes: np.ndarray
    names: list[str]

    def draw(self, rng: np.random.Generator, ways: int, samples: int) -> np.ndarray:
        """(ways, samples, S) recordings: so many samples of so many classes, all at random; no
        recording of a symbol twice in a class, as long as there are enough."""
        chosen = rng.choice(len(self.classes), ways, replace=False)
        of = {symbol: np.flatnonzero(self.label == symbol) for symbol in np.unique(self.label)}
        drawn = [
            [rng.choice(of[one], samples, replace=samples > len(of[one])) for one in row]
            for row in self.classes[chosen]
        ]
        return np.array(drawn).transpose(0, 2, 1)


class Folder:
    """An exported benchmark; `series` names what can be answered, with its sizes."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.text = (self.path / "manifest.json").read_text(encoding="utf-8")
        self.manifest = json.loads(self.text)
        if self.manifest.get("format") != 1:
            raise ValueError(f"{self.path}: its manifest is not of format 1, which this file reads")
        self.series: dict[str, dict[str, Any]] = self.manifest["series"]
        self._known: dict[str, Recordings] = {}

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of a file, held to its hash; ValueError where it has changed."""
        with np.load(self.path / name, allow_pickle=False) as archive:
            found = {key: archive[key] for key in archive.files}
        if digest(found) != self.manifest["files"].get(name):
            raise ValueError(f"{self.path / name}: its contents are not those of the manifest")
        return found

    def recordings(self, series: str) -> Recordings:
        """The recordings that the episodes of a series are made of."""
        data = self.series[series]["data"]
        if data not in self._known:
            shape = self.series[series]["shape"]
            self._known[data] = Recordings(shape, self.arrays(f"{data}/recordings.npz"))
        return self._known[data]

    def drawn(self, series: str) -> dict[str, np.ndarray]:
        """Which recordings make the samples: support (E, B, S), labels (E, B), query (E, Q, S)."""
        return self.arrays(f"{self.series[series]['data']}/{series}.npz")

    def episodes(self, series: str) -> Iterator[Episode]:
        """The episodes of a series in their order."""
        recordings = self.recordings(series)
        found = self.drawn(series)
        for support, labels, query in zip(found["support"], found["labels"], found["query"]):
            yield Episode(recordings.bins(support), labels.astype(np.int64), recordings.bins(query))

    def training(self, series: str) -> Training:
        """What may be learned from before the episodes of a series. ValueError where nothing was
        exported."""
        name = f"{self.series[series]['data']}/training.npz"
        if name not in self.manifest["files"]:
            raise ValueError(f"{self.path}: holds no training recordings of {series}")
        found = self.arrays(name)
        recordings = Recordings(self.series[series]["shape"], found)
        return Training(recordings, found["label"], found["classes"], found["names"].tolist())

    def save(
        self, path: str | Path, labels: Mapping[str, Any], name: str = "", how: str = ""
    ) -> None:
        """Write a file of answers for `minisnn benchmark score`.

        labels   {series: whole numbers (episodes, queries), in the order of the queries}
        name     what the table calls them
        how      a sentence: which network, trained on what

        Raises ValueError where labels are not of the shape that the series has, or of none.
        """
        answers: dict[str, Any] = {series: np.asarray(found) for series, found in labels.items()}
        for series, found in answers.items():
            if series not in self.series:
                known = ", ".join(self.series)
                raise ValueError(f"there is no series {series!r}; expected some of {known}")
            sizes = self.series[series]
            shape = (sizes["episodes"], sizes["ways"] * sizes["queries"])
            if found.shape != shape or found.dtype.kind not in "iu":
                raise ValueError(
                    f"{series}: answers are {found.dtype} of shape {found.shape}; expected whole "
                    f"numbers of shape {shape}"
                )
        texts: dict[str, Any] = dict(manifest=self.text, name=name, how=how)
        np.savez_compressed(path, **texts, **answers)


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of arrays: of their names, types, shapes and values, however they are packed."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()
