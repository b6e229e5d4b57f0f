"""Statistics of sets of recordings: what they have in common, real ones and simulated ones
(data/compare_camera.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..readers.events import as_events, event_map
from ..readers.plausible import Pace

SACCADES_MS = ((0, 105), (105, 210), (210, np.inf))  # of N-MNIST


def recording_statistics(
    recordings: Sequence[np.ndarray], shape: tuple[int, int] = (34, 34)
) -> dict[str, float]:
    """Named numbers of a set of recordings (arrays of dtype EVENT) of a sensor of `shape`, in the
    order of a table.

    Events a recording; share of ON events; time of the last event; share of the events in each of
    N-MNIST's three saccades, and the times by which 10, 50 and 90 % of a saccade's events have
    come; share of pixels with any event and their events; quantiles of the interval between
    successive events of a pixel; noise of the 16 pixels in the corners. Raises ValueError where
    there is no recording, or one without events.
    """
    if not len(recordings):
        raise ValueError("recordings is empty; expected at least one recording")
    recordings = [
        as_events(events, shape, f"recordings[{k}]") for k, events in enumerate(recordings)
    ]
    for k, events in enumerate(recordings):
        if not events.size:
            raise ValueError(f"recordings[{k}] has no events; expected at least one")
    size = np.array([events.size for events in recordings])
    joined = np.concatenate(recordings)
    time = joined["t"] / 1000.0
    last = np.array([events["t"].max() for events in recordings]) / 1000.0
    sizes = dict(
        mean=size.mean(), sd=size.std(), least=size.min(), median=np.median(size), most=size.max()
    )
    table = {f"events, {name}": value for name, value in sizes.items()} | {
        "ON share": np.mean(joined["p"])
    }
    ends = dict(mean=last.mean(), earliest=last.min(), latest=last.max())
    table |= {f"last event, {name} ms": value for name, value in ends.items()}
    for k, (begin, end) in enumerate(SACCADES_MS, start=1):
        within = time[(time >= begin) & (time < end)]
        table[f"saccade {k}, share"] = within.size / time.size
        for percent in (10, 50, 90):
            table[f"saccade {k}, {percent} % by ms"] = (
                np.percentile(within, percent) if within.size else np.nan
            )
    maps = np.stack([event_map(events, shape).sum(axis=2) for events in recordings])
    active = np.mean(maps > 0)
    table |= {
        "active pixels, share": active,
        "events an active pixel": size.mean() / (active * maps[0].size),
    }
    interval = np.concatenate([_intervals(events, shape) for events in recordings]) / 1000.0
    for percent in (1, 10, 50, 90):
        table[f"interval of a pixel, {percent} % ms"] = (
            np.percentile(interval, percent) if interval.size else np.nan
        )
    corner = np.all(
        [np.isin(joined[axis], (0, 1, side - 2, side - 1)) for axis, side in zip("yx", shape)],
        axis=0,
    )
    for polarity, name in ((1, "ON"), (0, "OFF")):
        found = np.sum(corner & (joined["p"] == polarity))
        table[f"{name} noise of a corner pixel, Hz"] = found / (16 * last.sum() / 1000)
    return {name: float(value) for name, value in table.items()}


MOST_COPIES = 0.1  # share of events that are the very same as another; of N-MNIST's at most 0.0016


def oddities(events: np.ndarray, sensor: tuple[int, int] | None = None) -> list[str]:
    """What looks wrong in a recording, in words; empty where nothing does."""
    if not len(events):
        return ["has no events"]
    found = []
    t = np.sort(events["t"])
    length = (t[-1] - t[0]) / 1000
    gaps = np.diff(t) / 1000
    pixel, count = np.unique(events["y"].astype(np.int64) * 65536 + events["x"], return_counts=True)
    if (
        len(events) > 100
        and count.max() > 0.02 * len(events)
        and count.max() > 20 * np.median(count)
    ):
        hot = pixel[count.argmax()]
        share = f"{count.max() / len(events):.0%} of the events"
        found.append(f"the pixel at x {hot % 65536}, y {hot // 65536} makes {share}: it is hot")
    if len(events) > 100 and gaps.max() > 20 and gaps.max() > 0.3 * length:
        at = (t[gaps.argmax()] - t[0]) / 1000
        found.append(
            f"{gaps.max():.0f} ms without an event after {at:.0f} ms: its clock jumps, or nothing "
            "moved"
        )
    if fault := Pace.of(events, sensor).fault():
        found.append(f"its times make {fault}: is their unit different (--time)?")
    elif length < 1:
        found.append(
            f"lasts {length:.3g} ms: are its times in ms or s, and taken for microseconds?"
        )
    copies = len(events) - len(np.unique(events))
    if copies > MOST_COPIES * len(events) and len(events) > 100:
        found.append(
            f"{copies / len(events):.0%} of its events are copies of others: has it been joined "
            "twice?"
        )
    if len(np.unique(events["p"])) == 1 and len(events) > 100:
        found.append(f"all its events are {'ON' if events['p'][0] else 'OFF'}")
    for axis, size in zip("yx", sensor or ()):
        if events[axis].min() < 0 or events[axis].max() >= size:
            found.append(
                f"{axis} reaches from {events[axis].min()} to {events[axis].max()} on a sensor of "
                f"{size}"
            )
    if len(found) == 1 and sensor is not None and sensor[0] != sensor[1] and found[0][:1] in "xy":
        rows, columns = sensor
        if events["x"].max() < rows and events["y"].max() < columns:
            found.append("x and y look swapped")
    return found


FRAME_MS, MOMENT_FRAMES = 10, 10  # of a take: length of a frame, frames of a sample
LAGS = {"0.1 s": 1, "0.5 s": 5, "4 s": 40}  # in samples
_SMOOTH_PX, _WAVES_HZ, _CORNER, _REACH = 2.2, (1.0, 6.0), 20, 12


def frames_of(
    take: np.ndarray, shape: tuple[int, int], duration_ms: float
) -> tuple[np.ndarray, np.ndarray]:
    """(active, events) of a take, dtype EVENT: whether a pixel (frames, H, W) had an event in a
    frame, and events a frame."""
    frames = int(duration_ms // FRAME_MS)
    step = take["t"] // (1000 * FRAME_MS)
    take = take[(step >= 0) & (step < frames)]
    step = step[(step >= 0) & (step < frames)]
    active = np.zeros((frames, *shape), bool)
    active[step, take["y"], take["x"]] = True
    return active, np.bincount(step, minlength=frames)


def take_statistics(active: np.ndarray, events: np.ndarray | None = None) -> dict[str, float]:
    """Named numbers of a take that is cut into samples of 100 ms, in the order of a table.

    active: whether a pixel had an event in a frame of 10 ms, bool (frames, H, W), see `frames_of`;
    events: their number in each
    frame, where it is known.  Events of a sample; share of pixels active in a sample; of the active
    pixels of a frame those without an active one among their eight neighbours; the largest
    connected region of a sample where its activity, smoothed by a Gaussian of 2.2 pixels, is above
    0.3: its size, and how its middle wanders; Pearson correlation of the smoothed maps of samples
    some time apart; the frequency at which activity peaks; median speed by which cross-correlation
    moves a frame of
    30 ms to the next; noise, the median over the four corners of 20 x 20 pixels.  Raises ValueError
    for less than a sample.
    """
    from scipy.ndimage import convolve, gaussian_filter, label

    active = np.asarray(active, bool)
    if active.ndim != 3 or len(active) < MOMENT_FRAMES:
        raise ValueError(
            f"active has shape {active.shape}; expected (frames, H, W), {MOMENT_FRAMES} frames or "
            "more"
        )
    samples = len(active) // MOMENT_FRAMES
    maps = (
        active[: samples * MOMENT_FRAMES].reshape(samples, MOMENT_FRAMES, *active.shape[1:]).any(1)
    )
    table: dict[str, float] = {}
    if events is not None:
        number = np.asarray(events)[: samples * MOMENT_FRAMES].reshape(samples, -1).sum(1)
        table["events, mean"] = number.mean()
        table |= {f"events, {decile} %": np.percentile(number, decile) for decile in (10, 50, 90)}
        table["events, sd of log"] = np.log(number + 1).std()
    table["active pixels, %"] = 100 * maps.mean()
    around = np.ones((1, 3, 3), np.uint8)
    around[0, 1, 1] = 0
    alone = active & (convolve(active.astype(np.uint8), around, mode="constant") == 0)
    table["isolated, %"] = 100 * alone.sum() / max(active.sum(), 1)
    smooth = gaussian_filter(maps.astype(np.float32), (0, _SMOOTH_PX, _SMOOTH_PX))
    sizes, middles = [], []
    for one in smooth:
        regions, found = label(one > 0.3)
        if found:
            y, x = np.nonzero(regions == 1 + np.bincount(regions.ravel())[1:].argmax())
            sizes.append((np.ptp(x) + 1, np.ptp(y) + 1))
            middles.append((x.mean(), y.mean()))
    for name, values in (("region", sizes), ("its middle", middles)):
        part = np.array(values or [(np.nan, np.nan)])
        for axis, side in enumerate("xy"):
            table |= {f"{name}, {side}": part[:, axis].mean()} if name == "region" else {}
            table[f"{name}, sd of {side}"] = part[:, axis].std()
    flat = smooth[:, ::3, ::3].reshape(samples, -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    for name, lag in LAGS.items():
        table[f"correlation {name} apart"] = (
            float(np.mean(np.sum(flat[:-lag] * flat[lag:], 1))) if samples > lag else np.nan
        )
    each = active.sum((1, 2)).astype(float)
    power = np.convolve(np.abs(np.fft.rfft(each - each.mean())) ** 2, np.ones(5) / 5, "same")
    hz = np.fft.rfftfreq(len(each), FRAME_MS / 1000)
    waves = (hz > _WAVES_HZ[0]) & (hz < _WAVES_HZ[1])
    table["activity peaks at, Hz"] = hz[waves][power[waves].argmax()] if waves.any() else np.nan
    table["median speed, px/s"] = _speed(active)
    rate = active.mean(0) / (FRAME_MS / 1000)
    ends = slice(0, _CORNER), slice(-_CORNER, None)
    table["noise of a corner, Hz a pixel"] = np.median(
        [rate[y, x].mean() for y in ends for x in ends]
    )
    return {name: float(value) for name, value in table.items()}


def _speed(active: np.ndarray, frames: int = 3, every: int = 4, least: int = 300) -> float:
    from scipy.ndimage import gaussian_filter

    steps = (
        active[: len(active) // frames * frames]
        .reshape(-1, frames, *active.shape[1:])
        .sum(1, dtype=np.float32)
    )
    speeds = []
    for n in range(0, len(steps) - 1, every):
        if steps[n].sum() < least:
            continue
        one, other = (
            np.fft.rfft2(blurred - blurred.mean())
            for blurred in (gaussian_filter(s, 2) for s in steps[n : n + 2])
        )
        alike = np.roll(
            np.fft.irfft2(one.conj() * other, active.shape[1:]), (_REACH, _REACH), (0, 1)
        )
        y, x = np.unravel_index(
            alike[: 2 * _REACH + 1, : 2 * _REACH + 1].argmax(), (2 * _REACH + 1,) * 2
        )
        speeds.append(np.hypot(x - _REACH, y - _REACH) / (frames * FRAME_MS / 1000))
    return float(np.median(speeds)) if speeds else np.nan


def _intervals(events: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    pixel = events["y"].astype(np.int64) * shape[1] + events["x"]
    order = np.lexsort((events["t"], pixel))
    return np.diff(events["t"][order])[np.diff(pixel[order]) == 0]
