"""What the C library counts and saves of class means, in plain Python, with power that may go; the means
themselves are `CountedMeans`."""

import struct
import zlib
from copy import deepcopy

import numpy as np

from minisnn.hardware import ClassMean, CountedMeans

NOTHING, NONE = 2**32 - 1, -1


class Means(CountedMeans):
    """A device's classes."""

    def __init__(
        self, inputs: int, noise: int, residuals=False, stochastic=False, refuse=0, nothing=None
    ):
        rounding = "stochastic" if stochastic else "nearest"
        super().__init__(inputs, residuals, rounding, refuse=refuse, nothing=nothing)
        self.noise = noise
        self.written = self.clipped = 0

    @property
    def classes(self) -> dict[int, ClassMean]:
        return {one.id: one for one in self.known}

    def shot(self, id: int, p, sign: int = 1) -> None:
        """Taught (1) or taken back (-1)."""
        mean = self.classes[id].mean
        before = mean.copy()
        if sign > 0:
            self.learn(id, p)
        else:
            self.correct(id, NONE, p)
        self.written += int((mean != before).sum())
        self.clipped += int((p > 4080).sum())

    def saved(self, model: int, sequence: int = 0, traces: int = 0) -> bytes:
        head = (2, model, sequence, 1 + self.residuals, self.inputs, len(self.known))
        found = b"msnn" + struct.pack("<9I", *head, self.next, self.noise, traces)
        for one in self.known:
            mean = self.answering(one)
            found += struct.pack("<3I", one.id, one.shots, one.slack) + bytes(mean.tolist())
            if self.residuals:
                found += bytes(((one.mean - 256 * mean) % 256).tolist())
        return found + struct.pack("<I", zlib.crc32(found))

    def loaded(self, saved: bytes) -> "Means":
        """The same device after it has read this."""
        number, following, noise = struct.unpack_from("<3I", saved, 24)
        found = deepcopy(self)
        found.known, found.next, found.noise = [], following, noise
        at = 40
        for _ in range(number):
            id, shots, slack = struct.unpack_from("<3I", saved, at)
            of = np.frombuffer(saved, np.uint8, self.inputs, at + 12).astype(np.int64)
            at += 12 + self.inputs
            if self.residuals:
                rest = np.frombuffer(saved, np.int8, self.inputs, at)
                of = 256 * of + rest
                at = at + self.inputs
            found.known.append(ClassMean(id, of, shots, slack))
        return found


class Store:
    """Two slots, and a power that may go."""

    def __init__(self, size: int):
        self.slots = [b"\xff" * size, b"\xff" * size]

    def whole(self, slot: int) -> bytes | None:
        """The state in a slot, if it is one."""
        kept = self.slots[slot]
        if kept[:4] != b"msnn":
            return None
        kind, inputs, number = struct.unpack_from("<3I", kept, 16)
        if kind not in (1, 2) or number > 4096:
            return None
        size = 44 + number * (12 + kind * inputs)
        if (
            size > len(kept)
            or zlib.crc32(kept[: size - 4]) != struct.unpack_from("<I", kept, size - 4)[0]
        ):
            return None
        return kept[:size]

    def newest(self) -> tuple[int | None, bytes | None]:
        best = None, None
        for slot in (0, 1):
            found = self.whole(slot)
            if found and (best[1] is None or self.sequence(found) > self.sequence(best[1])):
                best = slot, found
        return best

    @staticmethod
    def sequence(saved: bytes) -> int:
        return struct.unpack_from("<I", saved, 12)[0]

    def cut(self) -> bool:
        """Whether the slot that is not the newest holds one that is not whole."""
        slot, _ = self.newest()
        other = 1 - slot
        return self.slots[other][:4] == b"msnn" and self.whole(other) is None

    def write(self, means: Means, model: int, off: int | None, torn: int) -> bool:
        """A state, the power going before byte `off`, of which `torn` is left; whether it did."""
        slot, found = self.newest()
        sequence = self.sequence(found) + 1 if found else 1
        to = 1 if slot == 0 else 0
        state = means.saved(model, sequence)
        gone = off is not None and off < len(state)
        written = state[:off] + bytes([torn]) if gone else state
        self.slots[to] = written + b"\xff" * (len(self.slots[to]) - len(written))
        return gone
