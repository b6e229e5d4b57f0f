"""A cache of a network's features and logits, shared by the learning rules of a task and by tasks
with common samples."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np

from ..core.network import Seen, answer

ROOM = 2**29  # size of the cache in bytes
TRIED, AGAIN = 1000, 3  # with fewer than 3 hits in 1000 samples, caching stops


class Samples:
    """A cache of results whose keys are the contents of samples, because many tasks are made from
    few recordings.

    A row must not depend on the other rows of its batch. Beyond `room` bytes, the oldest rows are
    dropped. If samples hardly ever recur, like pairs that are made for each task, caching stops.
    Threads may share an object; another process starts with an empty one.
    """

    def __init__(self, room: int = ROOM):
        self.room, self.held = room, 0
        self.known: dict[tuple, tuple[np.ndarray, ...]] = {}
        self.objects: dict[
            tuple[int, ...], tuple
        ] = {}  # kept alive, so that their ids are not reused
        self.lock = Lock()
        self.asked = self.again = 0

    def __reduce__(self):
        return Samples, (self.room,)

    def rows(
        self, of: tuple, what: Any, x: np.ndarray, compute: Callable[[np.ndarray], tuple]
    ) -> tuple[np.ndarray, ...]:
        """Return compute(x), which are arrays with one row per sample. Only rows that are not in
        the cache are computed.

        of     objects on which rows depend, such as network and theta, which must not change
        what   name of the kind of rows
        """
        if self.asked >= TRIED and self.again < AGAIN:
            return compute(x)
        key = tuple(map(id, of))
        kind = (key, what, x.dtype.str, x.shape[1:])
        names = [(kind, blake2b(sample.tobytes(), digest_size=16).digest()) for sample in x]
        with self.lock:
            self.objects.setdefault(key, of)
            rows = {name: self.known[name] for name in names if name in self.known}
            self.asked += len(names)
            self.again += len(rows)
        new = {name: n for n, name in enumerate(names) if name not in rows}
        if new:
            computed = compute(x[list(new.values())])
            rows |= {name: tuple(a[n].copy() for a in computed) for n, name in enumerate(new)}
        with self.lock:
            for name in new:
                if name not in self.known:
                    self.known[name] = rows[name]
                    self.held += sum(a.nbytes for a in rows[name])
            while self.held > self.room:
                gone = self.known.pop(next(iter(self.known)))
                self.held -= sum(a.nbytes for a in gone)
        return tuple(map(np.stack, zip(*(rows[name] for name in names))))


@dataclass(frozen=True)
class _Memory:
    """Computes features and logits with the cache."""

    samples: Samples
    lasting: tuple | None

    def __call__(self, network: Any, theta: Any, x: Any) -> Seen:
        return Seen(*by_sample(network, theta, x, "seen", lambda some: network._seen(theta, some)))


@contextmanager
def remembered(samples: Samples | None = None, lasting: tuple | None = None) -> Iterator[None]:
    """A context in which networks compute the features and logits for the same theta and samples
    only once; theta must not change in it. An inner context uses the cache of the outer one.

    samples   a cache that lasts longer than the context
    lasting   thetas whose results are cached; None: all. Leave out those of a single task
    """
    outer = answer.get()
    known = _Memory(samples or Samples(), lasting)
    token = answer.set(outer if isinstance(outer, _Memory) else known)
    try:
        yield
    finally:
        answer.reset(token)


def by_sample(
    network: Any, theta: Any, x: Any, what: Any, compute: Callable[[np.ndarray], tuple]
) -> tuple[np.ndarray, ...]:
    """Return compute(x): row by row from the cache, or as a whole if a sample's row depends on the
    rest of its batch (`Network.apart`)."""
    memory = answer.get()
    if not isinstance(memory, _Memory):
        return compute(x)
    if memory.lasting is not None and not any(theta is lasting for lasting in memory.lasting):
        return compute(x)
    of, x = (network, theta), np.asarray(x)
    if network.apart:
        return memory.samples.rows(of, what, x, compute)
    whole = memory.samples.rows(of, what, x[None], lambda x: tuple(a[None] for a in compute(x[0])))
    return tuple(a[0] for a in whole)
