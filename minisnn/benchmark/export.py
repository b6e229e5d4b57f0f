"""Write a benchmark as a folder that NumPy reads.

manifest.json             sizes and identity of every series, hashes of all files
read.py                   reads the folder
DATA/recordings.npz       start, t, y, x, p
DATA/SERIES.npz           support, labels, query: places in recordings.npz
DATA/training.npz         the same columns, label, classes, names
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..data.sets.pool import Counts
from ..data.sets.samples import shared, used_by
from ..terminal import bar
from . import read
from .dealing import freeze, joined, training_of
from .series import IDENTITIES, VERSION, Series

FORMAT = 1
MADE_BY = "minisnn benchmark export"


def export(
    folder: Path,
    series: Iterable[Series],
    opened: Callable[[Series, str | None], Any],
    train: bool = True,
    progress: bool = True,
    told: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Write the series into an empty folder; the manifest.

    opened   gives the set of a series, or that of another split of it
    told     is called with a sentence on every file before the largest are made
    """
    files: dict[str, str] = {}
    described: dict[str, Any] = {}

    def write(name: str, arrays: Mapping[str, np.ndarray]) -> int:
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **dict[str, Any](arrays))
        place.write_bytes(buffer.getvalue())
        files[name] = read.digest(arrays)
        return buffer.tell()

    for data, group in groupby(series, lambda one: one.data):
        held: dict[bytes, tuple[np.ndarray, ...]] = {}
        members = list(group)
        frozen = {}
        for one in members:
            tasks = opened(one, None)
            with bar(None, one.episodes, one.name, progress) as shown:
                frozen[one.name] = freeze(one, tasks, held, lambda: shown.update())
        keys = sorted(held)
        place = {key: number for number, key in enumerate(keys)}
        written = write(f"{data}/recordings.npz", joined([held[key] for key in keys]))
        for one in members:
            found = frozen[one.name]
            written += write(
                f"{data}/{one.name}.npz",
                {
                    "support": _places(found.support, place),
                    "labels": found.labels.astype(np.int16),
                    "query": _places(found.query, place),
                },
            )
            described[one.name] = {
                **one.told(),
                "shape": _shape(opened(one, None), one, found.support),
                "dealt": found.dealt,
                "identity": one.identity(found.dealt),
            }
        learn = 0
        if train:
            arrays = training_of(opened(members[0], "train"))
            if arrays is None:
                told(
                    f"{data}: its set is not made of recordings, so none to learn from are written"
                )
            else:
                written += write(f"{data}/training.npz", arrays)
                learn = len(arrays["label"])
        told(
            f"{data}: {len(keys):,} recordings of episodes and {learn:,} to learn from, "
            f"{written / 1e6:,.1f} MB"
        )
    official = all(IDENTITIES.get(name) == one["identity"] for name, one in described.items())
    manifest = {
        "made_by": MADE_BY,
        "format": FORMAT,
        "name": f"minisnn benchmark {VERSION}" if official else "a benchmark made by minisnn",
        "series": described,
        "files": files,
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    (folder / "read.py").write_bytes(Path(read.__file__).read_bytes())
    return manifest


def _places(samples: list[np.ndarray], place: Mapping[bytes, int]) -> np.ndarray:
    """Recordings by their places in the file, (E, B, S)."""
    return np.array([[[place[key] for key in row] for row in one] for one in samples], np.int32)


def _shape(tasks: Any, series: Series, support: list[np.ndarray]) -> list[int]:
    """(T, H, W, C) of a recording, or (T, units)."""
    x = tasks.episode(series.seed, 0, *series.size).x_support
    sides = support[0].shape[1]
    shape = list(x.shape[1:])
    shape[-1 if len(shape) == 2 else 2] //= sides
    return shape


def check_apart(series: Series, tasks: Any, train: Any) -> None:
    """ValueError where recordings of the episodes would go out to learn from, with their labels."""
    if not _recordings(train):
        return
    if (common := shared(train, tasks)) is not None:
        raise ValueError(
            f"{series.name}: what is handed out to learn from and the {series.split} set of the "
            f"episodes {common}, so that labels of queries would go out; expected "
            f"{'another --split' if series.split == 'train' else 'other recordings'}, or --no-train"
        )


def expected_bytes(series: Series, tasks: Any, train: Any = None) -> tuple[int, int]:
    """(recordings, bytes) that the files of a series will have, about, by one episode of it; train:
    the set to learn from."""
    held: dict[bytes, tuple[np.ndarray, ...]] = {}
    freeze(_one_episode(series), tasks, held)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict[str, Any](joined(list(held.values()))))
    drawn = series.episodes * series.ways * (series.shots + series.queries)
    count = drawn * len(held) / (series.ways * (series.shots + series.queries))
    known = _recordings(tasks)
    if known:  # so many of them are drawn at least once
        count = known * (1 - np.exp(-count / known))
    count += _recordings(train)
    return round(count), round(count * buffer.tell() / len(held))


def _one_episode(series: Series) -> Series:
    return Series(**{**vars(series), "episodes": 1})


def _recordings(tasks: Any) -> int:
    """How many recordings the classes of a set are made of; 0 of a set that has none."""
    return len(used_by(tasks)) if isinstance(getattr(tasks, "pool", None), Counts) else 0
