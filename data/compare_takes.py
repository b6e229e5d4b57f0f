"""Compare simulated takes of signed letters with real ones, statistic by statistic.

    python data/compare_takes.py [FILE.npz] [--letter a] [--subjects 4] [--seconds 20]

prints the table of `take_statistics`, the simulated figures as means
over subjects. FILE.npz holds a real take as `active`, whether each pixel had an event in each frame
of 10 ms, bool (frames, 180, 240), and may hold `events`, their number in each frame. Without it the
table has the figures of the two takes of ASL-DVS (Bi et al. 2019, subject 1) on which the constants
were fitted.
"""

import argparse

import numpy as np
from scipy.ndimage import convolve, gaussian_filter, label

from minisnn.data.readers.asl import LETTERS, SHAPE
from minisnn.data.sets.takes import MOMENT_MS, Take, take_camera

# of 26.6 s of letter a and 10.1 s of letter g; events are known of a alone
REAL = {
    "a": {
        "events, mean": 6983.0,
        "events, 10 %": 1474.0,
        "events, 50 %": 5740.0,
        "events, 90 %": 13820.0,
        "events, sd of log": 0.8961,
        "active pixels, %": 10.7,
        "isolated, %": 24.62,
        "region, x": 85.05,
        "region, sd of x": 36.84,
        "region, y": 96.4,
        "region, sd of y": 46.6,
        "its middle, sd of x": 34.66,
        "its middle, sd of y": 25.41,
        "correlation 0.1 s apart": 0.6296,
        "correlation 0.5 s apart": 0.3583,
        "correlation 4 s apart": 0.3367,
        "activity peaks at, Hz": 2.366,
        "median speed, px/s": 105.4,
        "noise of a corner, Hz a pixel": 0.05675,
    },
    "g": {
        "active pixels, %": 7.709,
        "isolated, %": 20.31,
        "region, x": 58.73,
        "region, sd of x": 17.96,
        "region, y": 104.6,
        "region, sd of y": 28.06,
        "its middle, sd of x": 10.76,
        "its middle, sd of y": 7.558,
        "correlation 0.1 s apart": 0.7605,
        "correlation 0.5 s apart": 0.6296,
        "correlation 4 s apart": 0.6312,
        "activity peaks at, Hz": 2.97,
        "median speed, px/s": 94.28,
        "noise of a corner, Hz a pixel": 0.06547,
    },
}


FRAME_MS, MOMENT_FRAMES = 10, 10  # of a take: length of a frame, frames of a sample
LAGS = {"0.1 s": 1, "0.5 s": 5, "4 s": 40}  # in samples
_SMOOTH_PX, _WAVES_HZ, _CORNER, _REACH = 2.2, (1.0, 6.0), 20, 12


def recorded(take: Take, seconds: float) -> np.ndarray:
    """Events (dtype EVENT) of the take's beginning, sample after sample."""
    parts = []
    for k in range(round(1000 * seconds / MOMENT_MS)):
        t = k * MOMENT_MS / 1000
        part = take.camera(take_camera(), t).record(take.picture(t), take.seed, k, MOMENT_MS)
        part["t"] += 1000 * MOMENT_MS * k
        parts.append(part)
    return np.concatenate(parts)


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
    30 ms to the next; noise, the median over the four corners of 20 x 20 pixels.
    """
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


def simulated(letter: str, subjects: int, seconds: float, seed: int = 0) -> dict[str, float]:
    """The table, as means over subjects."""
    found = []
    for subject in range(subjects):
        take = recorded(Take(seed, subject, LETTERS.index(letter)), seconds)
        found.append(take_statistics(*frames_of(take, SHAPE, 1000 * seconds)))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def real(path: str) -> dict[str, float]:
    """The table of a take in a file."""
    with np.load(path, allow_pickle=False) as file:
        return take_statistics(file["active"], file["events"] if "events" in file else None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", metavar="FILE.npz")
    parser.add_argument("--letter", choices=LETTERS, default="a")
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    beside = real(args.file) if args.file else REAL.get(args.letter, {})
    print(f"{'letter ' + args.letter:<34}{'real':>10}{'simulated':>12}")
    for name, value in simulated(args.letter, args.subjects, args.seconds).items():
        print(f"{name:<34}{beside.get(name, float('nan')):>10.4g}{value:>12.4g}")


if __name__ == "__main__":
    main()
