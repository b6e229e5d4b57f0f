"""Files in the form of SHD and SSC with made words: each a few bands of units that rise or fall."""

from pathlib import Path

import h5py
import numpy as np

ENGLISH = "zero one two three four five six seven eight nine".split()
GERMAN = "null eins zwei drei vier fünf sechs sieben acht neun".split()
DIGITS = [*ENGLISH, *GERMAN]


def spikes(word: int, speaker: int, rng: np.random.Generator, number: int = 150):
    """(times in seconds, units) of a word: two bands of its own, a little higher or lower and
    slower or faster by speaker."""
    of = np.random.default_rng(word)
    start = of.uniform(180, 520, 2)
    change = of.uniform(-130, 130, 2)
    part = np.sort(rng.random(number))
    band = rng.integers(0, 2, number)
    unit = start[band] + change[band] * part + 6 * (speaker % 5 - 2) + rng.normal(0, 8, number)
    return part * (0.6 + 0.05 * (speaker % 4)), np.clip(np.rint(unit), 0, 699).astype(int)


def recordings(words: int, speakers, each: int, seed: int = 0):
    """(times, units, labels, speakers) of `each` recordings of every word by every speaker."""
    rng = np.random.default_rng(seed)
    said = [(w, s) for _ in range(each) for w in range(words) for s in speakers]
    read = [spikes(w, s, rng) for w, s in said]
    labels, who = np.array(said).T
    return [t for t, _ in read], [u for _, u in read], labels, who


def write(path: Path, times, units, labels, speakers=None, keys=DIGITS, kind="f2") -> Path:
    """A file of recordings, as the published ones are: rows of any length."""
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, kind), ("units", units, "u2")):
            rows = [np.asarray(row).astype(dtype) for row in rows]
            made = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(dtype))
            for n, row in enumerate(rows):
                made[n] = row
        file["labels"] = np.asarray(labels, "u2")
        if keys is not None:
            file["extra/keys"] = np.array([one.encode() for one in keys])
        if speakers is not None:
            file["extra/speaker"] = np.asarray(speakers, "u2")
    return path


def shd(root: Path, each: int = 2) -> Path:
    """SHD's two files, of six speakers and of these and two others."""
    root.mkdir(parents=True, exist_ok=True)
    write(root / "shd_train.h5", *recordings(20, range(6), each))
    write(root / "shd_test.h5", *recordings(20, range(4, 8), each, 1))
    return root


def ssc(root: Path, words: int = 35) -> Path:
    """SSC's three files, of speakers of their own each."""
    root.mkdir(parents=True, exist_ok=True)
    keys = [f"word{n}" for n in range(words)]
    for k, part in enumerate(("train", "valid", "test")):
        said = recordings(words, range(10 * k, 10 * k + 3), 1, k)
        write(root / f"ssc_{part}.h5", *said, keys)
    return root
