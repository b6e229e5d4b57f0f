"""episodes.json: tasks of every kind of set as hashes, so that none changes unseen.

    python tests/golden/make_episodes.py                  write episodes.json beside this file

A task is a line of five hashes: of x_support, y_support, x_query, y_query and the class names.
The recordings of files are made here, by a seed, in forms that a lab has.
"""

import hashlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.io import savemat

import minisnn as ms

sys.path.append(str(Path(__file__).resolve().parents[1]))
import spoken  # noqa: E402
import strokes  # noqa: E402

PATH = Path(__file__).with_name("episodes.json")
PARTS = ("x_support", "y_support", "x_query", "y_query")
LETTERS = "abcdefghiklmnopqrstuvwxy"  # of ASL-DVS
SENSOR = (12, 16)


class Set(NamedTuple):
    """A set of tasks: its name, what makes it, how many tasks are kept of it, and whether the fast
    test compares them."""

    name: str
    make: Callable[[], Any]
    tasks: int = 4
    fast: bool = False


def episodes(found: Set) -> Iterator[tuple[str, list[str]]]:
    """(name, hashes) of every task that is kept of a set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = found.make()
    for number in range(found.tasks):
        how = dict(
            seed=number // 2,
            index=7 * number,
            ways=min(len(tasks.classes), 2 + number % 4),
            shots=1 + number % 2,
            queries=1 + (number + 1) % 2,
        )
        task = tasks.episode(**how)
        told = " ".join(f"{name} {value}" for name, value in how.items())
        yield f"{found.name}, {told}", hashes(task)


def hashes(task: ms.Task) -> list[str]:
    """Of its arrays, with their shapes and types, and of its classes."""
    made = []
    for part in PARTS:
        array = np.ascontiguousarray(getattr(task, part))
        made.append(f"{array.dtype.str} {array.shape} ".encode() + array.tobytes())
    made.append(json.dumps(task.classes).encode())
    return [hashlib.sha256(one).hexdigest()[:12] for one in made]


def sets(folder: Path) -> Iterator[Set]:
    """All sets; files are made in `folder` when one is asked for."""
    yield from _simulated()
    yield from _in_memory()
    yield from _own(folder)
    yield from _known_forms(folder)
    yield from _spoken(folder)
    yield from _written(folder)


def _simulated() -> Iterator[Set]:
    quiet = dict(cache=False, progress=False)

    def of(kind: type, *given: Any, **options: Any) -> Callable[[], Any]:
        return lambda: kind(*given, **options, **quiet)

    digits, hands, characters = ms.DoubleNMnist, ms.DoubleASL, ms.Omniglot
    yield Set("double-nmnist train", of(digits, "train"))
    yield Set("double-nmnist val", of(digits, "val"))
    yield Set("double-nmnist test", of(digits, "test"), fast=True)
    yield Set("double-nmnist test, not aligned", of(digits, "test", align="none"), 2)
    known = dict(classes="train", recordings="test")
    yield Set("double-nmnist known classes", of(digits, "test", **known), 2)
    yield Set("double-nmnist test, two draws", of(digits, "test", draws=2, seed=3), 2)
    camera = ms.EventCamera(amplitude=1.5)
    yield Set("double-nmnist test, another camera", of(digits, "test", camera=camera), 2)
    few = dict(per_letter=10)
    for split in ("train", "val", "test"):
        yield Set(f"double-asl {split}", of(hands, split, **few), 3)
    yield Set("double-asl another split", of(hands, "test", class_seed=1, seed=2, **few), 2)
    for protocol in ("same-take", "new-subject"):
        made = of(hands, "test", protocol=protocol, **few)
        yield Set(f"double-asl-{protocol} test", made, 3)
    for split in ("train", "val", "test"):
        small = dict(size=(8, 8)) if split == "val" else {}
        yield Set(f"omniglot {split}", of(characters, split, **small), 2)
        yield Set(f"omniglot-random {split}", of(characters, split, protocol="random"), 2)
    background = of(characters, "train", protocol="background", size=(8, 8))
    yield Set("omniglot-background train", background, 2)
    saccades = dict(bin_ms=3, centred=True, size=(8, 8), turns=False)
    yield Set("omniglot three saccades, centred", of(characters, "val", **saccades), 2)
    yield Set("omniglot drawn twice", of(characters, "test", draws=2, size=(8, 8)), 2)
    yield Set("omniglot known classes", of(characters, "test", classes="train", size=(8, 8)), 2)


def events(label: int, number: int, size: int = 300) -> dict[str, np.ndarray]:
    """Columns x, y, t (us) and p of a recording: noise about a line that is the label's."""
    rng = np.random.default_rng((label, number))
    t = np.sort(rng.integers(0, 120_000, size)) + 1000 * number
    along = (t - t[0]) / 120_000
    rows, columns = SENSOR
    y = (rows * np.abs((label % 5 - 2) * along % 1) + rng.normal(0, 1.5, size)) % rows
    x = (columns * ((label % 7 - 3) * along % 1) + rng.normal(0, 1.5, size)) % columns
    p = rng.random(size) < 0.3 + 0.05 * (label % 8)
    return dict(x=x.astype(np.uint16), y=y.astype(np.uint16), t=t.astype(np.int64), p=p)


def structured(columns: dict[str, np.ndarray]) -> np.ndarray:
    """The same as an array with named columns."""
    made = np.zeros(len(columns["t"]), "u2,u2,i8,?")
    made.dtype.names = tuple("xytp")
    for name in "xytp":
        made[name] = columns[name]
    return made


def _in_memory() -> Iterator[Set]:
    labels = [label for label in range(8) for _ in range(6)]
    numbers = list(range(6)) * 8
    recordings = [structured(events(*one)) for one in zip(labels, numbers)]
    names = [f"class {label}" for label in labels]
    sensor = dict(sensor=SENSOR)

    def made(given: Any, *more: Any, **options: Any) -> Callable[[], Any]:
        return lambda: ms.Recordings(given() if callable(given) else given, *more, **options)

    yield Set("pairs", made(list(zip(recordings, names)), **sensor), fast=True)
    small = dict(size=(5, 6), bin_ms=2.5, duration_ms=50)
    yield Set("smaller cells", made(recordings, labels, **small, **sensor), fast=True)
    frames = np.random.default_rng(0).poisson(0.1, (48, 20, 2, 6, 8))
    yield Set("frames", made(frames, labels), 2, True)
    cut = dict(duration_ms=30, hop_ms=20)
    yield Set("cut into parts", made(recordings, labels, **cut, **sensor), fast=True)
    half = [number % 2 for number in numbers]
    subjects = dict(groups={"subject": [number // 2 for number in numbers]})
    yield Set("groups", made(recordings, labels, **subjects, **sensor), fast=True)
    yield Set("within", made(recordings, labels, within=half, **sensor), fast=True)
    pairs = {f"{a}{b}": (a, b) for a in range(8) for b in range(8) if a != b}
    side_by_side = made(recordings, labels, made_of=pairs, **sensor)
    yield Set("two side by side", side_by_side, fast=True)
    copies = [recordings[k // 2 * 2] if k % 6 > 3 else one for k, one in enumerate(recordings)]
    yield Set("copies", made(copies, labels, **sensor), 2, True)
    yield Set("only", lambda: side_by_side().only(["01", "23", "45"]), 2, True)
    for split in ("train", "val", "test"):
        parts = dict(train=0.5, val=0.25, test=0.25)
        for way in ("split", "split_recordings"):
            yield Set(
                f"{way} {split}",
                lambda split=split, way=way: getattr(side_by_side(), way)(seed=1, **parts)[split],
                2,
            )


def _npy(path: Path, columns: dict[str, np.ndarray]) -> None:
    np.save(path, structured(columns))


def _mat(path: Path, columns: dict[str, np.ndarray]) -> None:
    savemat(path, dict(ts=columns["t"], x=columns["x"], y=columns["y"], pol=columns["p"] * 1))


def _bin(path: Path, columns: dict[str, np.ndarray]) -> None:
    """N-MNIST's five bytes an event."""
    x, y, t, p = (columns[name].astype(np.uint32) for name in "xytp")
    made = np.stack([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255], axis=1)
    path.write_bytes(made.astype(np.uint8).tobytes())


def _folder(
    folder: Path,
    write: Callable[[Path, dict], None],
    ending: str,
    classes: int = 12,
    each: int = 8,
) -> Path:
    """A folder of recordings, one folder a class; written once."""
    for label in range(classes):
        place = folder / f"class {label:02d}"
        place.mkdir(parents=True, exist_ok=True)
        for number in range(each):
            write(place / f"{number}{ending}", events(label, number))
    return folder


def _in_splits(folder: Path) -> Path:
    for split, first, last in (("train", 0, 5), ("valid", 5, 8), ("test", 8, 11)):
        for label in range(first, last):
            place = folder / split / f"class {label:02d}"
            place.mkdir(parents=True, exist_ok=True)
            for number in range(4):
                _npy(place / f"{number}.npy", events(label, number))
    return folder


def _index(folder: Path) -> Path:
    """An index of parts of recordings, with who was recorded."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,label,start_ms,stop_ms,subject"]
    for number in range(8):
        columns = events(number, 0, 2000)
        columns["t"] = columns["t"] * 10
        _npy(folder / f"{number}.npy", columns)
        rows += [
            f"{number}.npy,class {label},{100 * label},{100 * label + 95},person {number // 2}"
            for label in range(10)
        ]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def _own(folder: Path) -> Iterator[Set]:
    quiet = dict(cache=False, progress=False)
    sensor = dict(sensor=SENSOR)

    def opened(
        write: Callable[[Path, dict], None], ending: str, split: str, **options: Any
    ) -> Callable[[], Any]:
        def make() -> Any:
            root = _folder(folder / f"{write.__name__}{ending}", write, ending)
            return ms.open_set("recordings", split, root, **options, **quiet)

        return make

    for split in ("train", "val", "test"):
        yield Set(f"own .npy {split}", opened(_npy, ".npy", split, **sensor), 2, True)
    cut = dict(hop_ms=25, duration_ms=50, **sensor)
    yield Set("own continuous", opened(_npy, ".npy", "train", **cut), 2)
    known = opened(_npy, ".npy", "test", classes="train", **sensor)
    yield Set("own known classes", known, 2)

    def indexed(make: Callable[[Path], Path], name: str, split: str, **how: Any) -> Any:
        return lambda: ms.open_set("recordings", split, make(folder / name), **how, **quiet)

    for split in ("train", "val", "test"):
        yield Set(f"own splits {split}", indexed(_in_splits, "splits", split, **sensor), 2)
        parts = indexed(_index, "index", split, bin_ms=5, duration_ms=95, **sensor)
        yield Set(f"own index {split}", parts, 2, split == "test")


def _known_forms(folder: Path) -> Iterator[Set]:
    quiet = dict(cache=False, progress=False)

    def nmnist(split: str, **options: Any) -> Any:
        root = folder / "nmnist"
        for part, first in (("Train", 1), ("Test", 100)):
            for digit in range(10):
                place = root / part / str(digit)
                place.mkdir(parents=True, exist_ok=True)
                for number in range(10):
                    path = place / f"{first + 10 * digit + number:05d}.bin"
                    _bin(path, events(digit, first + number))
        return ms.DoubleNMnist(split, root, **options, **quiet)

    yield Set("n-mnist train", lambda: nmnist("train"), 2, True)
    yield Set("n-mnist test", lambda: nmnist("test"), 2, True)
    yield Set("n-mnist test, not aligned", lambda: nmnist("test", align="none"), 2)

    def asl(split: str, **options: Any) -> Any:
        root = folder / "asl"
        for label, letter in enumerate(LETTERS):
            place = root / letter
            place.mkdir(parents=True, exist_ok=True)
            for number in range(1, 11):
                _mat(place / f"{letter}_{number:04d}.mat", events(label, number))
        return ms.DoubleASL(split, root, **options, **quiet)

    yield Set("asl-dvs train", lambda: asl("train"), 2)
    yield Set("asl-dvs test", lambda: asl("test", flip_y=False), 2)

    def photographs(split: str) -> Any:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (240, 7, 7), np.uint8).repeat(4, 1).repeat(4, 2)
        path = folder / "hands.npz"
        np.savez(path, images=images, labels=np.array(list(LETTERS)).repeat(10))
        return ms.DoubleASL(split, path, **quiet)

    yield Set("pictures of hands", lambda: photographs("train"), 2)


def _spoken(folder: Path) -> Iterator[Set]:
    quiet = dict(cache=False, progress=False)

    def shd(split: str, **options: Any) -> Any:
        return ms.SHD(split, spoken.shd(folder / "shd"), **options, **quiet)

    def ssc(split: str, **options: Any) -> Any:
        return ms.SSC(split, spoken.ssc(folder / "ssc"), **options, **quiet)

    for split in ("train", "val", "test"):
        yield Set(f"shd {split}", lambda split=split: shd(split), 2)
    small = dict(size=70, bin_ms=10, duration_ms=500)
    yield Set("shd small", lambda: shd("train", **small), 3, True)
    yield Set("ssc train", lambda: ssc("train"), 2)
    yield Set("ssc test", lambda: ssc("test"), 2)


def _written(folder: Path) -> Iterator[Set]:
    """Pen strokes."""

    def opened(split: str, **options: Any) -> Any:
        return ms.Written(split, strokes.file(folder / "a.npz"), **options, progress=False)

    for split in ("train", "val", "test"):
        yield Set(f"written {split}", lambda split=split: opened(split), 2, split == "test")
    for over in ("new-drawers", "order"):
        for split in ("train", "test"):
            made = lambda over=over, split=split: opened(split, over=over)  # noqa: E731
            yield Set(f"written over {over} {split}", made, 1 + (split == "test"))
    others: dict[str, dict[str, Any]] = {
        "shuffled": dict(control="shuffled", seed=2),
        "summed": dict(control="summed"),
        "drawn three times": dict(draws=3, turns=True),
        "known classes": dict(classes="train"),
    }
    for name, options in others.items():
        yield Set(f"written {name}", lambda options=options: opened("test", **options), 1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = {name: found for one in sets(Path(folder)) for name, found in episodes(one)}
    held = {name: " ".join(of) for name, of in made.items()}
    PATH.write_text(json.dumps({"minisnn": ms.__version__, "made": held}, indent=1) + "\n")
    print(f"{len(made)} tasks")


if __name__ == "__main__":
    main()
