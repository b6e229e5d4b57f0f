"""Spikes of a batch as lists, one for every sample and row of sites, in order of time; and weights
in the layouts that spikes and dense images go through."""

from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from ..parallel.once import once
from ..parallel.compilation import njit
from ..parallel.threads import parallel
from ..vectors.choice import TOGETHER, lowest_bit
from .dense import transform
from .layer import Joint
from .linear import back_layout, dense_layout, rows_layout
from .records import Lists, Weights


@dataclass(frozen=True)
class Events:
    """x = `value[b, h, e]` at site `index[b, h, e]` of row h, e from offset[b, h, t] to offset[b,
    h, t + 1].

    index    (B, H, capacity) int32: column * C + channel, ascending within a step; where columns
             are known, room for `TOGETHER` more is behind the last
    value    (B, H, capacity), or (B, H, 0) where every value is one
    offset   (B, H, T + 1) int32
    column   (B, H, T, W + 1) int32: where each column's events begin, and where the last one's end;
             (B, H, T, 0) where unknown
    sites    W C, what a row can hold; channels  C
    """

    index: np.ndarray
    value: np.ndarray
    offset: np.ndarray
    column: np.ndarray
    sites: int
    channels: int

    @property
    def steps(self) -> int:
        return self.offset.shape[2] - 1

    @property
    def known(self) -> bool:
        """Whether it is known where columns begin."""
        return self.column.shape[3] > 0

    @once
    def lists(self) -> Lists:
        """What the kernels take."""
        arrays = (self.index.ravel(), self.value.ravel(), self.offset.ravel(), self.column.ravel())
        return Lists(*arrays, self.index.shape[2], self.steps, self.value.shape[2] > 0, self.known)

    def mean(self) -> float:
        """Values over batch, time and sites."""
        B, H = self.offset.shape[:2]
        if self.value.shape[2]:
            total = sum(
                self.value[b, h, : self.offset[b, h, -1]].sum(dtype=np.float64)
                for b, h in np.ndindex(B, H)
            )
        else:
            total = self.offset[:, :, -1].sum(dtype=np.int64)
        return float(total / (B * H * self.steps * self.sites))

    def dense(self) -> np.ndarray:
        """(B, T, H, sites of a row): values, or where they are all one bool."""
        B, H = self.offset.shape[:2]
        valued = self.value.shape[2] > 0
        found = np.zeros((B, self.steps, H, self.sites), self.value.dtype if valued else bool)
        for b, h in np.ndindex(B, H):
            step = np.repeat(np.arange(self.steps), np.diff(self.offset[b, h]))
            found[b, step, h, self.index[b, h, : len(step)]] = (
                self.value[b, h, : len(step)] if valued else True
            )
        return found

    def above(self, share: float) -> np.ndarray:
        """Whether more than this share of a sample's sites is active over all its time, (B,)."""
        return self.offset[:, :, -1].sum(1) > share * self.steps * self.offset.shape[1] * self.sites

    def images(
        self, dense: np.ndarray, dtype, first: int = 0, steps: int | None = None
    ) -> np.ndarray:
        """x (B, steps, H W C) from a step on, of samples that are `dense`, one at least; zeros for
        the others."""
        steps = self.steps - first if steps is None else steps
        B = len(dense)
        x = np.zeros((B, steps, self.offset.shape[1] * self.sites), dtype)
        parallel(_paint, B, self.lists, dense, first, self.sites, x.dtype.type(1), x, work=x.size)
        return x

    def tight(self) -> "Events":
        """The same events in no more memory than the fullest row needs."""
        capacity = int(self.offset[:, :, -1].max(initial=0)) + TOGETHER
        return replace(
            self, index=self.index[:, :, :capacity].copy(), value=self.value[:, :, :capacity].copy()
        )

    def since(self, first: int) -> "Events":
        """The events of the steps from `first` on, in no more memory than they need."""
        begin = self.offset[:, :, first : first + 1]
        offset = self.offset[:, :, first:] - begin
        column = self.column[:, :, first:] - begin[..., None]
        room = (*offset.shape[:2], int(offset[:, :, -1].max(initial=0)) + TOGETHER)
        index, value = (
            np.empty(room if a.shape[2] else a.shape, a.dtype) for a in (self.index, self.value)
        )
        parallel(
            _cut,
            len(index),
            self.index,
            self.value,
            self.offset,
            first,
            index,
            value,
            work=index.size,
        )
        return replace(self, index=index, value=value, offset=offset, column=column)

    def later(self) -> "Events":
        """The same events a step later, so many steps in all."""
        offset = np.concatenate([np.zeros_like(self.offset[:, :, :1]), self.offset[:, :, :-1]], 2)
        first = np.zeros_like(self.column[:, :, :1])
        column = np.concatenate([first, self.column[:, :, :-1]], 2)
        return replace(self, offset=offset, column=column)

    def flat(self) -> "Events":
        """The same events as those of a single site whose channels are all the sites (H, W, C) in
        order."""
        B, H = self.offset.shape[:2]
        if H == 1 and self.sites == self.channels:
            return self
        capacity = int(self.offset[:, :, -1].sum(1).max())
        index = np.empty((B, 1, capacity), np.int32)
        offset = np.zeros((B, 1, self.steps + 1), np.int32)
        value = np.empty((B, 1, capacity if self.value.shape[2] else 0), self.value.dtype)
        parallel(
            _merge,
            B,
            self.index,
            self.value,
            self.offset,
            self.sites,
            index,
            value,
            offset,
            work=index.size,
        )
        return Events(
            index,
            value,
            offset,
            np.empty((B, 1, self.steps, 0), np.int32),
            self.sites * H,
            self.sites * H,
        )

    def folded(self, s: int, shape: tuple[int, int, int]) -> "Events":
        """The same events on sites that are s x s of these, whose channels lie behind one another
        (`layer`); `shape` is that of the fold."""
        B, rows = self.offset.shape[:2]
        H, W, _ = shape
        valued = self.value.shape[2] > 0
        T = self.steps
        filled = np.zeros((B, H * s), np.int64)
        filled[:, :rows] = self.offset[:, :, -1]
        capacity = int(filled.reshape(B, H, s).sum(2).max()) + TOGETHER
        index = np.empty((B, H, capacity), np.int32)
        value = np.empty((B, H, capacity if valued else 0), self.value.dtype)
        offset = np.zeros((B, H, T + 1), np.int32)
        column = np.empty((B, H, T, 0 if valued else W + 1), np.int32)
        arrays = self.index, self.value, self.offset, self.channels, s, W
        parallel(_fold, B * H, *arrays, index, value, offset, column, work=index.size)
        sites = W * s * s * self.channels
        return Events(index, value, offset, column, sites, sites // W)


@njit(nogil=True, cache=True)
def _fold(
    start, stop, index, value, offset, channels, s, W, to_index, to_value, to_offset, to_column
):
    H = to_index.shape[1]
    at = np.zeros(s, np.int64)
    for item in range(start, stop):
        b, h = divmod(item, H)
        rows = min(s, index.shape[1] - h * s)
        n = 0
        for t in range(offset.shape[2] - 1):
            for r in range(rows):
                at[r] = offset[b, h * s + r, t]
            for w in range(W):
                if to_column.shape[3]:
                    to_column[b, h, t, w] = n
                for r in range(rows):
                    row = h * s + r
                    while at[r] < offset[b, row, t + 1]:
                        i = index[b, row, at[r]]
                        inside = i - w * s * channels
                        if inside >= s * channels:
                            break
                        to_index[b, h, n] = (w * s + r) * s * channels + inside
                        if value.shape[2]:
                            to_value[b, h, n] = value[b, row, at[r]]
                        n += 1
                        at[r] += 1
            if to_column.shape[3]:
                to_column[b, h, t, W] = n
            to_offset[b, h, t + 1] = n


@njit(nogil=True, cache=True)
def _cut(start, stop, index, value, offset, first, to_index, to_value):
    for b in range(start, stop):
        for h in range(offset.shape[1]):
            begin = offset[b, h, first]
            for e in range(begin, offset[b, h, -1]):
                to_index[b, h, e - begin] = index[b, h, e]
                if value.shape[2]:
                    to_value[b, h, e - begin] = value[b, h, e]


@njit(nogil=True, cache=True)
def _paint(start, stop, x, dense, first, sites, one, images):
    rows = images.shape[2] // sites
    for b in range(start, stop):
        for h in range(rows if dense[b] else 0):
            row = (b * rows + h) * x.capacity
            n = (b * rows + h) * (x.T + 1) + first
            for t in range(images.shape[1]):
                for e in range(row + x.offset[n + t], row + x.offset[n + t + 1]):
                    images[b, t, h * sites + x.index[e]] = x.value[e] if x.valued else one


@njit(nogil=True, cache=True)
def _merge(start, stop, index, value, offset, sites, to_index, to_value, to_offset):
    for b in range(start, stop):
        n = 0
        for t in range(offset.shape[2] - 1):
            for h in range(offset.shape[1]):
                for e in range(offset[b, h, t], offset[b, h, t + 1]):
                    to_index[b, 0, n] = h * sites + index[b, h, e]
                    if value.shape[2]:
                        to_value[b, 0, n] = value[b, h, e]
                    n += 1
            to_offset[b, 0, t + 1] = n


@njit(nogil=True, cache=True)
def _collect(start, stop, words, group, x, gain, index, value, offset):
    """`words` tell of so many bytes together which are not zero."""
    for b in range(start, stop):
        for h in range(x.shape[2]):
            n = 0
            for t in range(x.shape[1]):
                for word in range(words.shape[3]):
                    left = np.int64(words[b, t, h, word])
                    while left != 0:
                        byte = lowest_bit(left) // 8
                        i = word * group + byte
                        index[b, h, n] = i
                        value[b, h, n] = gain * x[b, t, h, i]
                        n += 1
                        left &= ~(np.int64(255) << (8 * byte))
                offset[b, h, t + 1] = n


def collect(x: np.ndarray, gain) -> Events:
    """The non-zero counts of x (B, T, H, W, C), times gain."""
    B, T, H, W, C = x.shape
    flat = np.ascontiguousarray(x if x.dtype == np.uint8 else x.astype(gain.dtype)).reshape(
        B, T, H, W * C
    )
    # bytes that are looked at in one go
    group = 8 if flat.dtype == np.uint8 and W * C % 8 == 0 else 1
    words = flat.view(np.int64) if group == 8 else (flat != 0).view(np.uint8)
    index = np.empty((B, H, T * W * C), np.int32)
    value = np.empty((B, H, T * W * C), gain.dtype)
    offset = np.zeros((B, H, T + 1), np.int32)
    parallel(_collect, B, words, group, flat, gain, index, value, offset)
    return Events(index, value, offset, np.empty((B, H, T, 0), np.int32), W * C, C).tight()


class EventWeight:
    """A weight (k, k, C_in, C_out) and its layouts, each made when first asked for."""

    def __init__(self, weight: np.ndarray):
        self.weight, self.dtype = weight, weight.dtype
        self._made = {}
        self._lock = Lock()

    def once(self, name, make):
        """What `make` makes, made when this name is first asked for."""
        with self._lock:  # threads that work on parts of a batch share it
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    @property
    def dense(self):
        return self.once("dense", lambda: dense_layout(self.weight))

    @property
    def back(self):
        return self.once("back", lambda: back_layout(self.weight))

    def points(self, back: bool):
        """The dense or back layout at Winograd's points."""
        layout = back_layout if back else dense_layout
        return self.once(
            ("points", back), lambda: transform(layout(self.weight), self.weight[0, 0].size)
        )

    recurrent: "EventWeight | None" = None
    constants: tuple[float, ...] = ()

    def record(self, x: Events, bias: np.ndarray) -> Weights:
        """What the kernels take; the rows layout only where events go through it."""
        rows = (
            nothing(self.dtype) if x.known else self.once("rows", lambda: rows_layout(self.weight))
        )
        none = nothing(self.dtype)
        V = self.recurrent
        heard = (V.dense, V.back) if V else (none, none)
        return Weights(rows, self.dense, np.ascontiguousarray(bias), *heard)

    def release(self):
        """Give up all layouts; they are made again when asked for."""
        with self._lock:
            self._made.clear()

    def release_points(self, back: bool, kept: int = 0):
        """Give up a layout at the points that takes more than `kept` bytes: the next part makes it
        again."""
        with self._lock:
            found = self._made.get(("points", back))
            if found is not None and found.nbytes > kept:
                del self._made["points", back]


def prepare(weight) -> EventWeight:
    """What the passes take in place of a weight when it serves several of them."""
    if isinstance(weight, EventWeight):
        return weight
    if isinstance(weight, Joint):
        made = EventWeight(weight.weight)
        made.constants = weight.constants
        if weight.recurrent is not None:
            made.recurrent = EventWeight(weight.recurrent[None, None])
        return made
    return EventWeight(weight)


def release(weight: EventWeight) -> None:
    """Give up its layouts, so that others may have the memory between passes."""
    weight.release()


def nothing(dtype, *shape):
    return np.empty(shape or (0,), dtype)
