"""Real N-MNIST recordings beside what the simulated camera sees of the same digits: what a
simulator must have in common.

    python data/compare_camera.py ROOT

prints the table for the real recordings under ROOT of the shipped digits; the camera's settings
were fitted on numbers not divisible by 5, and the table judges the others.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from minisnn.data.camera.event_camera import EventCamera
from minisnn.data.readers.events import event_map
from minisnn.data.readers.nmnist import nmnist_files, read_nmnist
from minisnn.data.sets.digits import load_digits

SACCADES_MS = ((0, 105), (105, 210), (210, np.inf))  # of N-MNIST


def recording_statistics(
    recordings: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Named numbers of a set of recordings (arrays of dtype EVENT) of a sensor of `shape`, in the
    order of a table: events of a recording, the share of ON, the time of the last event, the share
    of pixels with any event, their events, and quantiles of the interval from one to the next.
    """
    size = np.mean([events.size for events in recordings])
    maps = [event_map(events, shape).sum(axis=2) > 0 for events in recordings]
    intervals = np.concatenate([_intervals(events, shape) for events in recordings]) / 1000
    few = [np.nan] * 4
    quantiles = np.percentile(intervals, (1, 10, 50, 90)).tolist() if intervals.size else few
    return {
        "events, mean": float(size),
        "ON share": float(np.mean(np.concatenate(recordings)["p"])),
        "last event, mean ms": float(np.mean([one["t"].max() for one in recordings]) / 1000),
        "active pixels, share": float(np.mean(maps)),
        "events an active pixel": float(size / np.mean(maps) / np.prod(shape)),
        "interval of a pixel, 1 % ms": quantiles[0],
        "interval of a pixel, 10 % ms": quantiles[1],
        "interval of a pixel, 50 % ms": quantiles[2],
        "interval of a pixel, 90 % ms": quantiles[3],
    }


def _intervals(events: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    pixel = events["y"].astype(np.int64) * shape[1] + events["x"]
    order = np.lexsort((events["t"], pixel))
    return np.diff(events["t"][order])[np.diff(pixel[order]) == 0]


def nmnist_statistics(
    recordings: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Named numbers of recordings of N-MNIST's form: those of `recording_statistics`; the spread of
    events per recording and of the last event; the share of the events in each saccade, and the times
    by which 10, 50 and 90 % of them have come; noise of the 16 pixels in the corners."""
    joined = np.concatenate(recordings)
    size = np.array([events.size for events in recordings])
    last = np.array([events["t"].max() for events in recordings]) / 1000
    time = joined["t"] / 1000
    table = recording_statistics(recordings, shape)
    for name, of in dict(sd=np.std, least=np.min, median=np.median, most=np.max).items():
        table[f"events, {name}"] = of(size)
    table |= {"last event, earliest ms": last.min(), "last event, latest ms": last.max()}
    for k, (begin, end) in enumerate(SACCADES_MS, start=1):
        within = time[(time >= begin) & (time < end)]
        table[f"saccade {k}, share"] = within.size / time.size
        for percent in (10, 50, 90):
            reached = np.percentile(within, percent) if within.size else np.nan
            table[f"saccade {k}, {percent} % by ms"] = reached
    corner = np.ones(len(joined), bool)
    for axis, side in zip("yx", shape):
        corner &= np.isin(joined[axis], (0, 1, side - 2, side - 1))
    for polarity, name in ((1, "ON"), (0, "OFF")):
        found = np.sum(corner & (joined["p"] == polarity))
        table[f"{name} noise of a corner pixel, Hz"] = found / (16 * last.sum() / 1000)
    return {name: float(value) for name, value in table.items()}


def pair_statistics(
    real: Sequence[np.ndarray], simulated: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Agreement of recordings of the same pictures, pair by pair: correlations (Pearson).

    Of the number of events over recordings; and, averaged over recordings, of the maps of event
    counts (H, W), and of the maps of ON minus OFF events in the three saccades, which also knows
    directions and polarities.
    """
    if len(real) != len(simulated) or not len(real):
        raise ValueError(
            f"there are {len(real)} real and {len(simulated)} simulated recordings; expected pairs"
        )
    size = np.array([[events.size for events in group] for group in (real, simulated)])
    maps = [
        np.stack([event_map(events, shape).sum(axis=2).ravel() for events in group])
        for group in (real, simulated)
    ]
    signed = [np.stack([_signed(events, shape) for events in group]) for group in (real, simulated)]
    return {
        "correlation of event numbers": float(np.corrcoef(size)[0, 1])
        if size.shape[1] > 1
        else np.nan,
        "correlation of event maps": float(np.mean(_correlation(*maps))),
        "correlation of ON - OFF maps by saccade": float(np.mean(_correlation(*signed))),
    }


def compare(
    real: Sequence[np.ndarray],
    simulated: Sequence[np.ndarray],
    paired: bool = True,
    shape: tuple[int, int] = (34, 34),
) -> str:
    """A table, one line a statistic, real and simulated; with `paired`, what pairs of one
    picture have in common."""
    first, second = nmnist_statistics(real, shape), nmnist_statistics(simulated, shape)
    lines = [f"{'':<40}{'real':>12}{'simulated':>12}"]
    lines += [f"{name:<40}{_number(first[name]):>12}{_number(second[name]):>12}" for name in first]
    if paired:
        lines += [
            f"{name:<52}{_number(value):>12}"
            for name, value in pair_statistics(real, simulated, shape).items()
        ]
    return "\n".join(lines)


def real_and_simulated(
    root: str | Path, camera: EventCamera | None = None, seed: int = 0, held_out: bool | None = True
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Real recordings under `root` of shipped digits, and simulated ones of the same digits, in the
    same order.

    held_out: True for numbers divisible by 5, False for the others, on which the camera was fitted,
    None for all.
    """
    camera, digits = camera or EventCamera(), load_digits()
    place: Mapping[int, int] = {int(number): k for k, number in enumerate(digits.numbers)}
    files = [
        (number, path)
        for numbered in nmnist_files(root, "train").values()
        for number, path in numbered
        if number in place and (held_out is None or (number % 5 == 0) == held_out)
    ]
    if not files:
        raise ValueError(
            f"{root}: no recording of a shipped digit; expected Train/<digit>/<number>.bin of "
            "N-MNIST"
        )
    return (
        [read_nmnist(path) for _, path in files],
        [camera.record(digits.images[place[number]], seed, number) for number, _ in files],
    )


def _signed(events: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    maps = []
    for begin, end in SACCADES_MS:
        within = (events["t"] >= 1000 * begin) & (events["t"] < 1000 * end)
        off, on = np.moveaxis(event_map(events[within], shape), 2, 0)
        maps.append((on - off).ravel())
    return np.concatenate(maps)


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first, second = (a - a.mean(axis=1, keepdims=True) for a in (first, second))
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return (first * second).sum(axis=1) / np.where(scale > 0, scale, 1)


def _number(value: float) -> str:
    return (
        f"{value:.0f}"
        if abs(value) >= 1000
        else f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.3f}"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python data/compare_camera.py ROOT")
    print(compare(*real_and_simulated(sys.argv[1])))
