"""Damaged copies of files: input number n of a seed is always the same one."""

import numpy as np

ODD = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32767,
    65535,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    (1 << 63) - 1,
]
TEXTS = [
    b"[",
    b"{",
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"99999999999999999999",
    b"\0",
    b"../",
    b"\xff\xfe",
    b'"',
    b"[" * 600,
]


def mutate(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the seeds with one to six changes: bits, bytes, numbers, text, and pieces cut,
    doubled, moved or exchanged."""
    data = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        at = int(rng.integers(len(data))) if data else 0
        if rng.random() < 0.3:  # heads of files matter most
            at = min(at, int(rng.integers(1, 200)))
        _change(data, at, int(rng.integers(9)), seeds, rng)
    return bytes(data)


def _change(
    data: bytearray, at: int, what: int, seeds: list[bytes], rng: np.random.Generator
) -> None:
    length = int(rng.integers(1, 65))
    if what == 0 and data:
        data[at] ^= 1 << int(rng.integers(8))
    elif what == 1 and data:
        data[at] = int(rng.integers(256))
    elif what in (2, 3):
        size, order = int(rng.choice([1, 2, 4, 8])), str(rng.choice(["little", "big"]))
        number = ODD[rng.integers(len(ODD))] % (1 << 8 * size)
        data[at : at + size] = number.to_bytes(size, order)
    elif what == 4:
        del data[at : at + length]
    elif what == 5:
        data[at:at] = data[at : at + length] if rng.random() < 0.5 else rng.bytes(length)
    elif what == 6:
        other = seeds[rng.integers(len(seeds))]
        start = int(rng.integers(len(other)))
        data[at : at + length] = other[start : start + length]
    elif what == 7:
        text = TEXTS[rng.integers(len(TEXTS))]
        data[at : at + (len(text) if rng.random() < 0.5 else 0)] = text
    elif what == 8 and rng.random() < 0.3:
        del data[at:]
