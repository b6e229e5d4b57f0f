"""Recordings whose stamps are damaged, in the formats that labs have: python tests/fuzz/damaged.py
[--number 1000] [--seed 0]

Each lies in a folder with three sound ones, which is opened as a set of tasks. It must be counted
whole, or be refused or warned of with its name; and the sound ones must be silent. Prints, for every
kind of damage and every format, what became of it. Exits with 1 where one was missed, or a sound
one was not silent.
"""

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

import minisnn as ms


SENSOR = (34, 34)
FORMATS = (".bin", ".npy", ".csv", ".h5")
BYTES = (".bin",)  # of which a stamp has 23 bits
OUTCOMES = ("whole", "refused", "warned", "missed")
KINDS = ("stray", "zeros", "wrap", "cut", "reset", "unwritten")
ORDERS = ("time", "none", "polarity", "pixel", "jitter")
NEAR = 0.9  # share of the counts of a sound recording, of which one is counted whole
Columns = dict[str, np.ndarray]


class Case(NamedTuple):
    """A damaged recording: how, in which format, its columns, and those before the damage."""

    kind: str
    suffix: str
    columns: Columns
    sound: Columns


def sound(rng: np.random.Generator, most_seconds: float = 5.0, begin: int | None = None) -> Columns:
    """Columns of a recording, sorted by time: events that come in bursts, of both polarities or of
    one."""
    number = int(np.exp(rng.uniform(np.log(300), np.log(20_000))))
    lasting = np.exp(rng.uniform(np.log(0.06), np.log(most_seconds))) * 1e6
    gaps = rng.exponential(1, number) * (1 + 3 * (np.sin(np.arange(number) / number * 40) > 0))
    t = np.cumsum(gaps)
    t = np.floor((t - t[0]) / (t[-1] - t[0]) * lasting).astype(np.int64)
    if begin is None:
        begin = int(rng.choice([0, 7, 50_000, 900_000]))
    polarity = rng.integers(0, 2, number) if rng.random() < 0.8 else np.ones(number, np.int64)
    x, y = (rng.integers(0, side, number) for side in SENSOR[::-1])
    return dict(t=t + begin, x=x, y=y, p=polarity)


def ordered(columns: Columns, order: str, rng: np.random.Generator) -> Columns:
    """The same events in an order that is honest."""
    t = columns["t"]
    x = columns["x"]
    y = columns["y"]
    place = dict(
        time=np.arange(len(t)),
        none=rng.permutation(len(t)),
        polarity=np.argsort(columns["p"], kind="stable"),
        pixel=np.lexsort((t, x, y)),
        jitter=np.argsort(t + rng.integers(-2000, 2000, len(t)), kind="stable"),
    )[order]
    return {name: column[place] for name, column in columns.items()}


def damaged(rng: np.random.Generator) -> Case:
    """A recording with one kind of damage, drawn at random."""
    suffix = str(rng.choice(FORMATS))
    kind = str(rng.choice(KINDS))
    if kind == "unwritten":
        suffix = ".h5"
    short = suffix in BYTES
    whole = sound(rng, 0.9 if kind == "wrap" else 2.0 if short else 5.0)
    if kind == "wrap":
        period = 1 << int(rng.choice([20] if short else [20, 24, 31, 32]))
        behind = int(rng.integers(1, min(101, len(whole["t"]) // 2)))
        whole["t"] += period - whole["t"][-behind]
        columns = dict(whole, t=whole["t"] % period)
    elif kind == "reset":
        at = int(rng.integers(1, len(whole["t"])))
        t = whole["t"].copy()
        t[at:] -= t[at] - int(rng.choice([0, t[0]]))
        columns = dict(whole, t=t)
    elif kind in ("zeros", "unwritten"):
        number = int(np.exp(rng.uniform(0, np.log(5000))))
        columns = {name: np.append(one, np.zeros(number, int)) for name, one in whole.items()}
    elif kind == "stray":
        t = whole["t"].copy()
        places = rng.choice(len(t), int(rng.integers(1, 4)), replace=False)
        if rng.random() < 0.3:
            places[0] = 0
        ahead = int(rng.integers(1, 8_000_000 if short else 1 << 33))
        t[places] = rng.choice([0, int(rng.integers(0, t[0] + 1)), ahead])
        columns = dict(whole, t=t)
    else:
        columns = whole
    return Case(kind, suffix, columns, whole)


def write(path: Path, columns: Columns, cut: np.random.Generator | None = None, rows: int = 0):
    """A file of these columns; the last `rows` of HDF5 are chunks that were never written; `cut`
    draws where the file ends."""
    t, x, y, p = (columns[name] for name in "txyp")
    if path.suffix in BYTES:
        stamp = t & (1 << 23) - 1
        made = np.stack([x, y, p << 7 | stamp >> 16, stamp >> 8 & 255, stamp & 255], 1)
        path.write_bytes(made.astype(np.uint8).tobytes())
    elif path.suffix == ".npy":
        kinds = [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "i1")]
        made = np.zeros(len(t), kinds)
        for name, column in columns.items():
            made[name] = column
        np.save(path, made)
    elif path.suffix == ".csv":
        lines = [",".join(map(str, row)) for row in zip(x, y, p, t)]
        path.write_text("\n".join(["x,y,p,t_us", *lines, ""]))
    else:
        with h5py.File(path, "w") as file:
            for name, column in columns.items():
                written = len(column) - rows
                one = file.create_dataset(
                    f"events/{name}", (len(column),), "i8", chunks=(64,), maxshape=(None,)
                )
                one[:written] = column[:written]
    if cut is not None:
        content = path.read_bytes()
        end = int(cut.integers(len(content) // 2, len(content)))
        if path.suffix == ".csv":  # within the last number
            content = content.rstrip()
            most = len(content) - content.rindex(b",") - 1
            end = len(content) - int(cut.integers(1, most)) if most > 1 else len(content) - 1
        elif path.suffix in BYTES and end % 5 == 0:
            end -= 1
        path.write_bytes(content[:end])


def opened(folder: Path) -> tuple[np.ndarray | None, list[str]]:
    """(counts of each recording, None where they are refused; what was said)."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            tasks = ms.open_set(
                "recordings", "train", folder, False, sensor=SENSOR, classes="train", cache=False
            )
        except ValueError as error:
            return None, [str(error)]
    return tasks.pool.dense(np.arange(len(tasks.pool))), [str(one.message) for one in said]


def folder_of(place: Path, rng: np.random.Generator) -> None:
    """Two classes of six recordings that are sound, but for one that is still to come."""
    for k in range(11):
        folder = place / f"class{k // 6}"
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"sound{k:02d}.npy", sound(rng))


def became_of(case: Case, rng: np.random.Generator, place: Path) -> str:
    """ "whole", "refused", "warned" or "missed"."""
    path = place / "class1" / f"wrong{case.suffix}"
    rows = len(case.columns["t"]) - len(case.sound["t"]) if case.kind == "unwritten" else 0
    write(path, case.sound)
    right, said = opened(place)
    assert right is not None and not said, f"a sound recording is not silent: {said}"
    write(path, case.columns, rng if case.kind == "cut" else None, rows)
    counts, said = opened(place)
    path.unlink()
    if any(path.name in one for one in said):
        return "refused" if counts is None else "warned"
    assert not said, said
    there, whole = (int(one[-1].sum()) for one in (counts, right))
    return "whole" if NEAR * whole <= there <= whole / NEAR else "missed"


def judged(number: int, seed: int, place: Path) -> tuple[Counter, list, list]:
    """What became of so many damaged recordings by kind and by format; those that were missed; and
    false alarms, of as many sound ones in any honest order."""
    found: Counter[tuple[str, str]] = Counter()
    missed = []
    alarms = []
    folder_of(place, np.random.default_rng(seed))
    for n in range(number):
        rng = np.random.default_rng((seed, n))
        case = damaged(rng)
        what = became_of(case, rng, place)
        found.update([(case.kind, what), (case.suffix, what)])
        if what == "missed":
            missed.append((n, case.kind, case.suffix))
    for n in range(number):
        rng = np.random.default_rng((seed, n, 1))
        order = str(rng.choice(ORDERS))
        write(place / "class1" / "wrong.npy", ordered(sound(rng), order, rng))
        _, said = opened(place)
        if said:
            alarms.append((n, order, said))
    return found, missed, alarms


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=1000, help="of damaged recordings")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, missed, alarms = judged(args.number, args.seed, Path(folder))
    print(f"{'':<12}" + "".join(f"{what:>9}" for what in OUTCOMES))
    for name in (*KINDS, *FORMATS):
        print(f"{name:<12}" + "".join(f"{found[name, what]:>9}" for what in OUTCOMES))
    print(f"missed: {len(missed)} of {args.number}; false alarms: {len(alarms)} of {args.number}")
    print(*missed[:20], *alarms[:20], sep="\n")
    return 1 if missed or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
