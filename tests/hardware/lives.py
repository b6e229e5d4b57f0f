"""Random lives of a device that keeps class means, for edge_lives, and what it must find."""

import zlib
from typing import NamedTuple

import numpy as np
from integers import events, small
from plain_integers import seed_state
from plain_means import NOTHING, Means, Store

from minisnn.hardware.c import export
from minisnn.hardware import IntegerNet, Learner

ADD, LEARN, CORRECT, REMOVE, FORGET, ASK, MEMORY, SAVE, POWER, TEACH = range(10)
# of a hundred events
OFTEN = (7, 40, 9, 3, 1, 16, 4, 12, 8)
OK, FULL, EMPTY, LABEL, STORE = 0, 5, 6, 7, 12
STEPS, CLASSES, SAMPLES, SHAPE = 16, 6, 10, (8, 8, 2)


class Given(NamedTuple):
    """What a life begins with: the bytes that edge_lives reads first, plain means without a class,
    the model's id, traces of the samples, bytes of a slot, and the most classes."""

    begin: bytes
    means: Means
    id: int
    traces: np.ndarray
    size: int
    classes: int


def network(seed: int, residuals: bool = False, stochastic: bool = False) -> Given:
    """A small network."""
    how = dict(channels=(4, 6), shape=SHAPE, scale=1.5, biases=0.1, readout_exponent=-3)
    net, _, chip = small(seed=seed, **how)
    x = np.minimum(events(net, SAMPLES, STEPS, seed, rate=0.4), 7)
    x[0] = 0  # an empty recording
    return given(chip, x, seed, residuals, stochastic)


def given(
    chip: IntegerNet, x, seed: int, residuals=False, stochastic=False, classes=CLASSES, slots=True
) -> Given:
    """Of any network, and the counts x (samples, T, H, W, C) that are shown; without `slots` there
    is no room to save."""
    samples, steps = x.shape[:2]
    rounding = "stochastic" if stochastic else "nearest"
    traces = chip.traces_of(x)[:, -1]  # other tests hold them to plain integers
    assert len(np.unique(traces, axis=0)) > samples // 2
    apart = ((traces[:, None].astype(np.int64) - traces) ** 2).sum(2) // 256
    refuse = int(np.median(apart)) // 2 if seed % 4 else 0
    blank = ((traces + 8) // 16 - (traces > 4079))[: 2 * (seed % 2)].astype(np.uint8)
    if len(blank):
        chip = chip.with_nothing(blank)
    how = Learner(
        "class-mean",
        rounding=rounding,
        seed=seed,
        refuse=refuse,
        residuals=residuals,
    )
    inputs = len(chip.weight)
    id = export.constants(chip, how, steps)["id"]
    means = Means(inputs, seed_state(seed), residuals, stochastic, how.refuse, blank)
    size = 44 + classes * (12 + 2 * inputs) + 5 if slots else 4
    model = export.packed(chip, how)
    sizes = np.array([steps, classes, size, samples], "<u4").tobytes()
    counts = x.tobytes() + bytes(-x.size % 4)
    begin = np.array([len(model)], "<u4").tobytes() + model + sizes + counts
    return Given(begin, means, id, traces, size, classes)


class Life:
    """A device in plain integers, and the numbers that it tells."""

    def __init__(self, given: Given):
        means, id, size = given.means, given.id, given.size
        self.new, self.id, self.traces, self.most = means, id, given.traces, given.classes
        self.store = Store(size)
        self.found = []
        self.seen = Counted()
        self.means = means.loaded(means.saved(id))
        self.confirmed: list | None = None
        self.shown = -1
        self.taught: list[tuple[int, int]] = []  # (class, sample) that are in a mean

    def tell(self) -> None:
        means = self.means
        self.found.append(len(means.classes))
        for one in means.known:
            slack = one.slack - (one.slack >> 31 << 32)
            self.found += [one.id, one.shots, slack, *one.mean.tolist()]

    def event(self, what: int, a: int, b: int, shown: int) -> None:
        means, error = self.means, OK
        if shown >= 0:
            self.shown = shown
        p = self.traces[self.shown] if self.shown >= 0 else None
        if what == ADD:
            error = FULL if len(means.classes) == self.most else OK
            self.found += [error, 0 if error else means.add()]
        elif what == LEARN:
            error = LABEL if a not in means.classes else EMPTY if p is None else OK
            if not error:
                means.shot(a, p, 1)
                self.taught.append((a, self.shown))
            self.found.append(error)
        elif what == CORRECT:
            fits = a in means.classes and means.classes[a].shots and (b in means.classes or b == -1)
            error = LABEL if not fits else EMPTY if p is None else OK
            if not error and a != b:
                means.shot(a, p, -1)
                if b != -1:
                    means.shot(b, p, 1)
                    self.taught.append((b, self.shown))
                if (a, self.shown) in self.taught:
                    self.taught.remove((a, self.shown))
            self.found.append(error)
        elif what == REMOVE:
            error = OK if a in means.classes else LABEL
            if not error:
                means.remove(a)
            self.taught = [one for one in self.taught if one[0] != a]
            self.found.append(error)
        elif what == FORGET:
            means.known = []
            means.next = 0
            self.taught = []
            self.found.append(OK)
        elif what == ASK:
            self.found.append(EMPTY if p is None else OK)
            if p is not None:
                self.found += [means.nearest(p), len(means.classes)]
                away = means.distances(p).tolist()
                for score, far in zip(means.scores(p).tolist(), away):
                    self.found += [score, far - (far >> 31 << 32)]
                self.seen["far"] += means.nearest(p) == -1 and min(away, default=NOTHING) < NOTHING
        elif what == TEACH:
            means.shot(means.add(), p, 1)
            self.found += [OK, OK]
            return
        elif what == MEMORY:
            saved = means.saved(self.id)
            self.means, self.shown = self.new.loaded(saved), -1
            crc = zlib.crc32(saved)
            self.found += [OK, crc - (crc >> 31 << 32)]
        elif what == SAVE:
            gone = self.store.write(means, self.id, a if a >= 0 else None, b)
            self.found.append(STORE if gone else OK)
            if not gone:
                self.confirmed = [means.saved(self.id), self.taught[:]]
            self.seen["cut"] += gone
            return
        else:
            _, saved = self.store.newest()
            self.shown = -1
            self.means = (
                self.new.loaded(saved) if saved else self.new.loaded(self.new.saved(self.id))
            )
            self.found += [OK if saved else EMPTY, int(self.store.cut()) if saved else 0]
            if self.confirmed:
                assert saved and self.means.saved(self.id) == self.confirmed[0]
                self.taught = self.confirmed[1][:]
            else:
                assert not saved
                self.taught = []
            self.seen["loaded"] += saved is not None
        self.seen[what if not error else f"refused {error}"] += 1
        if what != ASK:
            self.tell()


class Counted(dict):
    """How often each thing happened."""

    def __missing__(self, key):
        return 0


def life(rng, given: Given, number: int, shows: float = 8 / 9) -> tuple[list[int], Life]:
    """(numbers of the record, the life) of so many random events; `shows` is how often a recording
    is shown before a lesson or a question."""
    samples, id = len(given.traces), given.id
    one = Life(given)
    record = [number]
    off = False
    for n in range(number):
        what = POWER if off else int(rng.choice(9, p=np.array(OFTEN) / 100))
        if n in (0, 1) or (not one.means.classes and not off and rng.integers(9)):
            what = ADD
        off = False
        known = list(one.means.classes) or [0]
        a, b = (int(rng.choice([*known, *known, rng.integers(-1, 9)])) for _ in range(2))
        shown = -1
        if what in (LEARN, ASK) and rng.random() < shows:
            shown = int(rng.integers(samples))
        if what == CORRECT:
            b = int(rng.choice([-1, b, *known]))
            if one.taught and rng.random() < shows:
                a, shown = one.taught[rng.integers(len(one.taught))]
        if what == SAVE:
            length = len(one.means.saved(id))
            a = int(rng.integers(length + 2)) if rng.integers(2) else -1
            b = int(rng.integers(256))
            off = 0 <= a < length
        record += [what, a, b, shown]
        one.event(what, a, b, shown)
    return record, one


def lives(seed: int, number: int, length: int) -> tuple[bytes, np.ndarray, Counted]:
    """(the record of so many lives of one network, what must be found, how often what happened)."""
    rng = np.random.default_rng(seed)
    of = network(seed, bool(seed % 2), seed % 4 > 1)
    records = [number]
    found = []
    seen = Counted()
    for _ in range(number):
        record, one = life(rng, of, length)
        records += record
        found += one.found
        for name, n in one.seen.items():
            seen[name] += n
    return (
        of.begin + np.array(records, "<i4").tobytes(),
        np.array(found, np.int64).astype("<i4"),
        seen,
    )
