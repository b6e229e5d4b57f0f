"""Class means with counts in plain Python integers, one synapse after the other, and what is saved of
them: the model that the fast path and the C library are held to."""

import struct
import zlib
from copy import deepcopy

NOTHING = 2**32 - 1


def quotient(a: int, b: int) -> int:
    """a / b rounded down, b > 0, by C's division, which rounds toward zero."""
    rest = abs(a) % b * (-1 if a < 0 else 1)
    return (a - rest) // b - (rest < 0)


def xorshift32(x: int) -> int:
    x = x ^ (x << 13 & 0xFFFFFFFF)
    x = x ^ x >> 17
    return x ^ (x << 5 & 0xFFFFFFFF)


class Means:
    """A device's classes: {id: [shots, slack, synapses]}, ids in ascending order."""

    def __init__(
        self, inputs: int, noise: int, residuals=False, stochastic=False, refuse=0, nothing=()
    ):
        self.inputs, self.noise, self.residuals = inputs, noise, residuals
        self.stochastic, self.refuse, self.nothing = stochastic, refuse, nothing
        self.classes: dict[int, list] = {}
        self.next = self.written = self.clipped = 0

    def add(self) -> int:
        self.classes[self.next] = [0, 0, [0] * self.inputs]
        self.next += 1
        return self.next - 1

    def shot(self, id: int, p: list[int], sign: int) -> None:
        """Taught (1) or taken back (-1)."""
        one = self.classes[id]
        n = one[0] = one[0] + sign
        one[1] = min(one[1] + n, NOTHING) if n else 0
        if not n:
            one[2] = [0] * self.inputs
            return
        unit = 256 if self.residuals else 1
        for i, x in enumerate(p):
            half = 16 * n // 2
            if self.stochastic:
                self.noise = xorshift32(self.noise)
                half = self.noise * 16 * n >> 32
            old = one[2][i]
            away = sign * (min(x, 4080) * unit - 16 * old)
            new = min(max(old + quotient(away + half, 16 * n), 0), 255 * unit)
            self.written += new != old
            self.clipped += x > 4080
            one[2][i] = new

    def mean(self, id: int) -> list[int]:
        """In 256ths, to nearest."""
        return [(c + 128) // 256 if self.residuals else c for c in self.classes[id][2]]

    def residual(self, id: int) -> list[int]:
        return [c - 256 * m for c, m in zip(self.classes[id][2], self.mean(id))]

    def distances(self, p: list[int]) -> list[int]:
        return [
            sum((x - 16 * m) ** 2 for x, m in zip(p, self.mean(id))) // 256
            if self.classes[id][0]
            else NOTHING
            for id in self.classes
        ]

    def scores(self, p: list[int]) -> list[int]:
        return [-32768 if d == NOTHING else -min(d // 128, 32767) for d in self.distances(p)]

    def nearest(self, p: list[int]) -> int:
        far = self.distances(p)
        if not far or min(far) == NOTHING:
            return -1
        id = list(self.classes)[far.index(min(far))]
        beyond = self.refuse and min(far) > self.refuse + self.refuse // self.classes[id][0]
        for mean in self.nothing:
            away = sum((x - 16 * m) ** 2 for x, m in zip(p, mean)) // 256
            beyond |= away < min(far) and (not self.refuse or away <= self.refuse)
        return -1 if beyond else id

    # ---- as bytes

    def saved(self, model: int, sequence: int = 0, traces: int = 0) -> bytes:
        head = (2, model, sequence, 1 + self.residuals, self.inputs, len(self.classes))
        found = b"msnn" + struct.pack("<9I", *head, self.next, self.noise, traces)
        for id, (shots, slack, _) in self.classes.items():
            found += struct.pack("<3I", id, shots, slack) + bytes(self.mean(id))
            if self.residuals:
                found += bytes(r % 256 for r in self.residual(id))
        return found + struct.pack("<I", zlib.crc32(found))

    def loaded(self, saved: bytes) -> "Means":
        """The same device after it has read this."""
        kind, inputs, number, following, noise = struct.unpack_from("<5I", saved, 16)
        found = deepcopy(self)
        found.classes, found.next, found.noise = {}, following, noise
        at = 40
        for _ in range(number):
            id, shots, slack = struct.unpack_from("<3I", saved, at)
            mean = list(saved[at + 12 : at + 12 + inputs])
            at += 12 + inputs
            rest = [0] * inputs
            if kind == 2:
                rest = [r - 256 * (r > 127) for r in saved[at : at + inputs]]
                at += inputs
            if kind == 1 and self.residuals and slack != NOTHING:
                slack = min(256 * slack, NOTHING)
            if kind == 2 and not self.residuals and slack != NOTHING:
                slack = min(-(-slack // 256) + shots, NOTHING)
            synapses = [256 * m + r for m, r in zip(mean, rest)] if self.residuals else mean
            found.classes[id] = [shots, slack, synapses]
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
