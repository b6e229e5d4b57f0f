"""Streams of events: recordings are found, moved and binned alike in Python and C, on boards and in
WebAssembly, whatever the clock does."""

import ctypes
from itertools import product

import numpy as np
import pytest
from edge_library import EXACT, INPUT, Library, exporter, needs_compiler
from integers import small

import minisnn as ms
from minisnn.data.sets.pool import centred, summed
from minisnn.hardware import IntegerNet, Learner
from plain_stream import Onset, Recording, Stream, shift_of
from slowly import after

STEPS, SHAPE = 14, (8, 8, 2)
ONSET = Onset(window=2000, least=5, factor=3)


def made(recording: Recording):
    def network(**options):
        made = small(shape=SHAPE, scale=1.5, channels=(4, 9), biases=0.1, **options)
        made[2].recording = recording
        return made

    return network


def stream(rng, recording: Recording, few: bool):
    """[(t, x, y, polarity)]: bursts of events, one side of the picture, in noise; or a few alone."""
    height, width = (size * recording.cell for size in SHAPE[:2])
    found = []
    t = int(rng.integers(10**6))
    for _ in range(40 if few else 6):
        start = t + int(rng.integers(20_000, 60_000))
        noise = rng.integers(t, start + 30_000, 0 if few else rng.integers(2, 25))
        burst = start + rng.integers(
            0, recording.bin * STEPS, rng.integers(2, 5) if few else rng.integers(15, 90)
        )
        wide = max(width // 2, 1)
        at = [(n, rng.integers(width), rng.integers(height)) for n in noise]
        corner = rng.integers(2) * (width - wide)
        at += [(n, corner + rng.integers(wide), rng.integers(max(height // 2, 1))) for n in burst]
        found += [(int(n), int(x), int(y), int(rng.integers(2))) for n, x, y in at]
        t = start + 30_000 + recording.bin * STEPS
    return sorted(found)


RECORDINGS = [
    Recording(1000, 1),
    Recording(700, 2),
    Recording(3000, 1, True),
    Recording(1500, 3, True),
]


@needs_compiler
@pytest.mark.parametrize(
    "recording, build",
    after(2, [(RECORDINGS[1], "stepwise"), (RECORDINGS[2], "small"), *product(RECORDINGS, EXACT)]),
)
def test_the_library_finds_and_bins_the_recordings_that_python_does(tmp_path, recording, build):
    make = exporter(made(recording), STEPS)
    chip, *_ = make(tmp_path, Learner("class-mean", rounding="nearest"))
    edge = Library(tmp_path, build, STEPS, 4)
    edge("add_class", None)
    whole = ctypes.c_int()
    rng = np.random.default_rng(recording.bin)
    different = set()
    for room, onset in ((64, ONSET), (12, ONSET), (63, Onset(2000, 1, 0))):
        python = Stream(SHAPE, STEPS, recording, onset, room)
        error = edge.c.shim_stream_open(edge.edge, room, onset.window, onset.least, onset.factor)
        assert error == 0
        seen = lost = 0
        first = 2**32 - 30_000 if room == 12 else 0  # where the time of 32 bits wraps
        for t, x, y, polarity in stream(rng, recording, room == 63):
            if rng.integers(6) == 0:
                counts = python.time(t)
                error = edge.c.shim_stream_time(ctypes.c_uint32(first + t), ctypes.byref(whole))
            else:
                counts = python.event(t, x, y, polarity)
                numbers = ctypes.c_uint32(first + t), x, y, polarity, ctypes.byref(whole)
                error = edge.c.shim_stream_event(*numbers)
            assert error == 0 and bool(whole.value) == (counts is not None)
            found = [edge.c.shim_stream(what) for what in range(2 if counts is None else 4)]
            assert found == [python.noise, python.lost, *python.moved][: len(found)]
            if counts is None:
                continue
            seen += 1
            lost += python.lost
            p = chip.traces_of(counts[None])[0, -1]
            edge("learn", 0)
            mean = edge.known(len(p), 1)[0][2]
            assert mean == ((np.minimum(p, 4080) + 8) // 16).tolist()
            edge("correct", 0, -1)
            different.add(tuple(mean))
        assert (
            seen >= 3 and len(different) >= 3 and (lost > 0 or room > 12 or not recording.centred)
        )


MINUTES = 60_000_000
WRONG_CLOCKS = {  # stamps of a camera, and of these calls that are refused
    "one stamp 20 minutes ahead": (lambda t: t if t != 40_000 else t + 20 * MINUTES, 64),
    "a silence of 36 minutes": (lambda t: t if t < 40_000 else t + 36 * MINUTES, 64),
    "a silence of 71 minutes": (lambda t: t if t < 40_000 else t + 71 * MINUTES, 64),
    "a camera that begins again": (lambda t: t if t < 40_000 else t - 40_000, 64),
    "a silence of 35 minutes": (lambda t: t if t < 40_000 else t + 35 * MINUTES, 0),
    "many events 1 ms late": (lambda t: t if not 204_000 <= t < 209_000 else 203_000, 113),
    "an event 1 ms late": (lambda t: t if t != 40_000 else t - 1000, 1),
}


@needs_compiler
@pytest.mark.parametrize("clock", WRONG_CLOCKS)
def test_a_stream_recovers_from_a_clock_that_goes_wrong(tmp_path, clock):
    """The recording behind it is found, in C as in Python."""
    stamp, most = WRONG_CLOCKS[clock]
    recording = Recording(1000, 1)
    exporter(made(recording), STEPS)(tmp_path, Learner("class-mean", rounding="nearest"))
    edge = Library(tmp_path, "stepwise", STEPS, 4)
    assert edge.c.shim_stream_open(edge.edge, 64, 2000, 5, 3) == 0
    python = Stream(SHAPE, STEPS, recording, ONSET, 64)
    whole = ctypes.c_int()
    noise = [*range(0, 300_000, 400)]
    refused, recordings = 0, 0
    for t in sorted([*noise, *range(200_000, 214_000, 50)]):
        error = edge.c.shim_stream_event(
            ctypes.c_uint32(stamp(t)), t % 8, 3, 1, ctypes.byref(whole)
        )
        try:
            counts, expected = python.event(stamp(t), t % 8, 3, 1), 0
        except ValueError:
            counts, expected = None, INPUT
        assert error == expected and bool(whole.value) == (counts is not None)
        refused += error == INPUT
        recordings += whole.value
    assert refused == most and recordings == 1


def test_centring_and_binning_are_those_of_the_data_sets(rng):
    for _ in range(300):
        size = int(rng.integers(1, 40))
        number = int(rng.integers(1, 9))
        places = rng.integers(0, size, number)
        counts = np.zeros((1, 1, size, 1, 2), np.uint8)
        np.add.at(counts, (0, 0, places, 0, 0), 1)
        by = shift_of(size, int(places.sum()), number)
        moved = places + by
        expected = np.zeros_like(counts)
        inside = moved[(moved >= 0) & (moved < size)]
        np.add.at(expected, (0, 0, inside, 0, 0), 1)
        np.testing.assert_array_equal(centred(counts), expected)
    picture = np.zeros((28, 28), np.uint8)
    picture[4:16, 6:9] = 255
    events = ms.EventCamera().record(picture, 0, 3)
    events = events[(events["x"] < 32) & (events["y"] < 32)]
    binned = ms.bin_events(events, 300, 1, crop=(32, 32))
    expected = summed(centred(binned[None]), 3, 2)[0]
    one = Stream((16, 16, 2), 100, Recording(3000, 2, True), Onset(10**6, 1, 0), 1 << 20)
    for event in events:
        found = one.event(*(int(event[name]) for name in ("t", "x", "y", "p")))
        if found is not None:
            break
    else:
        found = one.time(int(events["t"][-1]) + 300_000)
    np.testing.assert_array_equal(found, np.minimum(expected, 255))
    assert (expected != summed(binned[None], 3, 2)[0]).any()


@pytest.mark.parametrize(
    "name, expected",
    [
        ("omniglot_fine.h5", Recording(3000, 1, True, True)),
        ("double_nmnist_maml.h5", Recording(1000, 2, False, True)),
    ],
)
def test_a_shipped_network_says_what_a_recording_must_be(name, expected):
    assert IntegerNet.of(ms.read(name)).recording == expected
