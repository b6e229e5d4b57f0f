"""Lists of a batch's spikes, for each sample and row of sites in order of time; and weights in the
layouts for spikes and dense images."""

from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from ..parallel.once import once
from ..parallel.compilation import njit
from ..parallel.shares import parallel
from ..vectors.choice import TOGETHER
from .dense import transform
from .linear import LAYOUTS
from .records import Lists, Weights


@dataclass(frozen=True)
class Events:
    """The events of a batch. Event e in row h of sample b has the value `value[b, h, e]` and the
    site `index[b, h, e]`. The events at step t are those from offset[b, h, t] to offset[b, h, t +
    1].

    index    (B, H, capacity) int32: column * C + channel, ascending within a step; if columns are
             known, there is room for `TOGETHER` more at the end
    value    (B, H, capacity), or (B, H, 0) if every value is one
    offset   (B, H, T + 1) int32
    column   (B, H, T, W + 1) int32: the start of each column's events, and the end of the last one's;
             (B, H, T, 0) if unknown
    sites    W C, the number of sites in a row
    channels C
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
        """Whether the start of each column's events is known."""
        return self.column.shape[3] > 0

    @once
    def lists(self) -> Lists:
        """Return the record that kernels receive."""
        arrays = (self.index.ravel(), self.value.ravel(), self.offset.ravel(), self.column.ravel())
        return Lists(*arrays, self.index.shape[2], self.steps, self.value.shape[2] > 0, self.known)

    def dense(self) -> np.ndarray:
        """Return a dense array (B, T, H, sites in a row): it contains the values, or bool if every
        value is one."""
        B, H = self.offset.shape[:2]
        dtype = self.value.dtype if self.value.shape[2] else np.uint8
        images = self.images(np.ones(B, bool), dtype).reshape(B, self.steps, H, self.sites)
        return images if self.value.shape[2] else images.view(bool)

    def above(self, share: float) -> np.ndarray:
        """Return a bool array (B,): True for each sample whose share of active sites, over all its
        steps, is larger than this."""
        return self.offset[:, :, -1].sum(1) > share * self.steps * self.offset.shape[1] * self.sites

    def images(
        self, dense: np.ndarray, dtype, first: int = 0, steps: int | None = None
    ) -> np.ndarray:
        """Return x (B, steps, H W C) from a given step on, for the `dense` samples (at least one);
        it is zero for the other samples."""
        steps = self.steps - first if steps is None else steps
        B = len(dense)
        x = np.zeros((B, steps, self.offset.shape[1] * self.sites), dtype)
        parallel(_paint, B, self.lists, dense, first, self.sites, x.dtype.type(1), x, work=x.size)
        return x

    def since(self, first: int = 0) -> "Events":
        """Return, in a smaller array, the events from step `first` on. With first = -1, return all
        events, each one step later."""
        start, late = max(first, 0), max(-first, 0)
        begin = self.offset[:, :, start : start + 1]
        offset, column = (
            np.concatenate([np.zeros_like(a[:, :, :late]), a[:, :, start:] - b], 2)
            for a, b in ((self.offset, begin), (self.column, begin[..., None]))
        )
        room = (*offset.shape[:2], int(offset[:, :, -1].max(initial=0)) + TOGETHER)
        index = np.empty(room, np.int32)
        value = np.empty(room if self.value.shape[2] else (*room[:2], 0), self.value.dtype)
        given = self.index, self.value, self.offset, start, index, value
        parallel(_cut, len(index), *given, work=index.size)
        return replace(self, index=index, value=value, offset=offset, column=column)

    def flat(self) -> "Events":
        """Return the same events as a single site, whose channels are all sites (H, W, C) in
        order."""
        H = self.offset.shape[1]
        if H == 1 and self.sites == self.channels:
            return self
        return self._merged(H, self.sites // self.channels, 1, 1, False)

    def folded(self, s: int, shape: tuple[int, int, int]) -> "Events":
        """Return the same events on a grid s times coarser, with the s x s sites of each cell as
        channels (see `layer`); `shape` is that of the result."""
        return self._merged(s, s, *shape[:2], not self.value.shape[2])

    def _merged(self, rows: int, columns: int, H: int, W: int, known: bool) -> "Events":
        """Return the same events on a coarser grid of H x W sites, each of which merges several
        rows and columns. If `known`, also find the columns' starts."""
        B, before = self.offset.shape[:2]
        T = self.steps
        filled = np.zeros((B, H * rows), np.int64)
        filled[:, :before] = self.offset[:, :, -1]
        capacity = int(filled.reshape(B, H, rows).sum(2).max(initial=0)) + TOGETHER
        index = np.empty((B, H, capacity), np.int32)
        value = np.empty((B, H, capacity if self.value.shape[2] else 0), self.value.dtype)
        offset = np.zeros((B, H, T + 1), np.int32)
        column = np.empty((B, H, T, W + 1), np.int32)
        given = self.index, self.value, self.offset, self.channels, rows, columns
        parallel(_merge, B * H, *given, index, value, offset, column, work=index.size)
        sites = W * rows * columns * self.channels
        column = column if known else column[..., :0].copy()
        return Events(index, value, offset, column, sites, sites // W)


@njit(nogil=True, cache=True)
def _merge(
    start,
    stop,
    index,
    value,
    offset,
    channels,
    rows,
    columns,
    to_index,
    to_value,
    to_offset,
    to_column,
):
    H = to_index.shape[1]
    W = to_column.shape[3] - 1
    width = columns * channels
    at = np.zeros(rows, np.int64)
    for item in range(start, stop):
        b, h = divmod(item, H)
        top = h * rows
        there = min(rows, index.shape[1] - top)
        n = 0
        for t in range(to_column.shape[2]):
            for r in range(there):
                at[r] = offset[b, top + r, t]
            for w in range(W):
                to_column[b, h, t, w] = n
                for r in range(there):
                    row = top + r
                    while at[r] < offset[b, row, t + 1]:
                        inside = index[b, row, at[r]] - w * width
                        if inside >= width:
                            break
                        to_index[b, h, n] = (w * rows + r) * width + inside
                        if value.shape[2]:
                            to_value[b, h, n] = value[b, row, at[r]]
                        n += 1
                        at[r] += 1
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
def _collect(start, stop, words, x, gain, index, value, offset):
    """List the non-zero counts of a batch. `words` is a view of the same memory in which one number
    covers several counts, so that zeros are skipped quickly."""
    group = x.shape[3] // words.shape[3]
    for b in range(start, stop):
        for h in range(x.shape[2]):
            n = 0
            for t in range(x.shape[1]):
                for word in range(words.shape[3]):
                    if words[b, t, h, word] == 0:
                        continue
                    for i in range(word * group, (word + 1) * group):
                        index[b, h, n] = i
                        value[b, h, n] = gain * x[b, t, h, i]
                        n += np.intp(x[b, t, h, i] != 0)
                offset[b, h, t + 1] = n


def collect(x: np.ndarray, gain) -> Events:
    """Build Events from the non-zero counts in x (B, T, H, W, C), multiplied by gain."""
    B, T, H, W, C = x.shape
    flat = np.ascontiguousarray(x if x.dtype == np.uint8 else x.astype(gain.dtype))
    flat = flat.reshape(B, T, H, W * C)
    words = flat.view(np.int64) if flat.dtype == np.uint8 and W * C % 8 == 0 else flat
    index = np.empty((B, H, T * W * C + 1), np.int32)
    value = np.empty(index.shape, gain.dtype)
    offset = np.zeros((B, H, T + 1), np.int32)
    parallel(_collect, B, words, flat, gain, index, value, offset)
    return Events(index, value, offset, np.empty((B, H, T, 0), np.int32), W * C, C).since()


class EventWeight:
    """A weight (k, k, C_in, C_out) with its layouts, each computed when first needed; the recurrent
    weights V (K, K), and the learned constants of a layer."""

    def __init__(
        self, weight: np.ndarray, recurrent: np.ndarray | None = None, constants: tuple = ()
    ):
        self.weight, self.dtype = weight, weight.dtype
        self.recurrent = None if recurrent is None else EventWeight(recurrent[None, None])
        self.constants = constants
        self._made: dict[tuple, np.ndarray] = {}
        self._lock = Lock()

    def layout(self, name: str, points: bool = False) -> np.ndarray:
        """Return the weight in a layout of `linear`, or evaluated at Winograd's points."""
        with self._lock:  # shared by threads that work on parts of a batch
            if (name, points) not in self._made:
                flat = LAYOUTS[name](self.weight)
                made = transform(flat, self.weight[0, 0].size) if points else flat
                self._made[name, points] = made
            return self._made[name, points]

    def record(self, x: Events, bias: np.ndarray) -> Weights:
        """Return the record that kernels receive. It includes the weight in rows layout only if
        there are events."""
        none = np.empty(0, self.dtype)
        rows = none if x.known else self.layout("rows")
        V = self.recurrent
        heard = (V.layout("dense"), V.layout("back")) if V else (none, none)
        return Weights(rows, self.layout("dense"), np.ascontiguousarray(bias), *heard)

    def release(self, points: str = "", kept: int = 0) -> None:
        """Free all layouts, or only the weight at Winograd's points if it is larger than `kept`
        bytes. They are computed again when needed."""
        with self._lock:
            for name, of_points in list(self._made):
                large = self._made[name, of_points].nbytes > kept
                if not points or (of_points and name == points and large):
                    del self._made[name, of_points]
