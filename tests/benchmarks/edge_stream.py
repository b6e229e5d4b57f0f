"""What finding a recording's beginning loses: python tests/benchmarks/edge_stream.py [--episodes N]

Characters of Omniglot's evaluation alphabets before the simulated camera, as `omniglot_fine.h5` takes
them, five-way one-shot by class means. Each recording lies in a stream of background events, at rates
of 0 to 3 a second and pixel, which go on through it. The stream is cut by hand, at the recording's
first event, or by the device (tests/plain_stream.py, which the C library equals).
"""

import edge
import findings
import numpy as np

import minisnn as ms
from minisnn.data.sets.omniglot import alphabets, thickened
from minisnn.hardware import CountedMeans

from plain_stream import Onset, Stream  # of tests

RATES = 0, 1, 3  # background events per second and pixel
BEFORE_US, SIDE, WAYS, QUERIES, STEPS = 400_000, 32, 5, 2, 100
NAMES = "x", "y", "p"


def recorded(camera, picture, number: int, rate: float, rng) -> tuple[np.ndarray, int]:
    """(events (n, 4) as t, x, y, p with a background, when the recording's first one is)."""
    found = camera.record(picture, 0, number)
    found = found[(found["x"] < SIDE) & (found["y"] < SIDE)]
    start = BEFORE_US + int(rng.integers(10_000))
    t = found["t"].astype(np.int64) - int(found["t"][0]) + start
    own = np.stack([t, *(found[name].astype(np.int64) for name in NAMES)], 1)
    length = start + 350_000
    n = rng.poisson(rate * SIDE * SIDE * length / 1e6)
    noise = np.stack(
        [rng.integers(length, size=n), *rng.integers([[SIDE]] * 2 + [[2]], size=(3, n))], 1
    )
    events = np.concatenate([own, noise])
    return events[np.argsort(events[:, 0], kind="stable")], start


def cut(chip, events: np.ndarray, start: int | None, onset: Onset) -> np.ndarray | None:
    """Counts of the recording that begins at `start`, or (None) that the stream finds first."""
    if start is not None:
        events = events[events[:, 0] >= start]
        onset = Onset(1, 1, 0)
    stream = Stream(chip.input_shape, STEPS, chip.recording, onset, 1 << 16)
    stream.time(0 if start is None else start)
    for event in events.tolist():
        found = stream.event(*event)
        if found is not None:
            return found
    return stream.time(int(events[-1, 0]) + 10**6) if len(events) else None


def answered(chip, counts: list[np.ndarray | None]) -> float:
    """The share of right answers; what was not found is neither taught nor answered."""
    blank = np.zeros((STEPS, *chip.input_shape), np.uint8)
    seen = np.array([one is not None for one in counts]).reshape(WAYS, 1 + QUERIES)
    p = chip.traces_of(np.stack([blank if one is None else one for one in counts]))[:, -1]
    p = p.reshape(WAYS, 1 + QUERIES, -1)
    means = CountedMeans(p.shape[-1])
    for k in range(WAYS):
        id = means.add()
        if seen[k, 0]:
            means.learn(id, p[k, 0])
    right = [
        seen[k, n] and means.nearest(p[k, n]) == k
        for k in range(WAYS)
        for n in range(1, 1 + QUERIES)
    ]
    return float(np.mean(right))


def main() -> None:
    options = findings.command_line(__doc__, episodes=100).parse_args()
    chip, camera = edge.device("omniglot_fine.h5").chip, ms.EventCamera()
    pictures = np.concatenate([one.reshape(-1, 20, 28, 28) for one in alphabets("test").values()])
    made = findings.Findings()
    for rate in RATES:
        rng = np.random.default_rng(rate)
        right: dict[str, list[float]] = {"hand": [], "found": []}
        missed = 0
        for _ in range(options.episodes):
            chosen = rng.choice(len(pictures), WAYS, replace=False)
            drawn = np.stack([rng.permutation(20)[: 1 + QUERIES] for _ in chosen])
            streams = [
                recorded(camera, one, int(number), rate, rng)
                for k, numbers in zip(chosen, drawn)
                for number, one in zip(20 * k + numbers, thickened(pictures[k, numbers]))
            ]
            for how in right:
                counts = [cut(chip, e, s if how == "hand" else None, Onset()) for e, s in streams]
                missed += how == "found" and sum(one is None for one in counts)
                right[how].append(answered(chip, counts))
        for how, shares in right.items():
            made.mean(f"rate-{rate}-{how}", shares, "%")
        less = [found - hand for found, hand in zip(right["found"], right["hand"])]
        made.add(f"rate-{rate}-missed", missed / (options.episodes * WAYS * (1 + QUERIES)), "%")
        name = made.mean(f"rate-{rate}-less", less, "points")
        print(f"{rate} events per second and pixel: found less {made.shown(name)}", flush=True)
    made.more = dict(episodes=options.episodes)
    made.write(options.json)


if __name__ == "__main__":
    main()
