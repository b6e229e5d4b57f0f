"""What a network says of the samples of one task, computed once for all learning rules that ask; and
of the same samples in other tasks, while there is room."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np

from ..core.loops import Seen, answer

ROOM = 2**29  # bytes of what is known of samples
TRIED, AGAIN = 1000, 3  # samples after which, if fewer came again, nothing more is kept


class Samples:
    """What was computed of samples, found again by their content: few recordings make many tasks.

    Each row must be the same whatever rows it is computed with, and the objects that rows depend on
    must last as long as this. Beyond ROOM bytes, what came first
    goes first; nothing is kept where samples do not come again, such as pairs that are made for each
    task. Threads may share it; another process begins with an empty one.
    """

    def __init__(self, room: int = ROOM):
        self.room, self.held = room, 0
        self.known: dict[tuple, tuple[np.ndarray, ...]] = {}
        self.objects: dict[tuple[int, ...], tuple] = {}  # an id is one object's as long as it lives
        self.lock = Lock()
        self.asked = self.again = 0

    def __reduce__(self):
        return Samples, (self.room,)

    def rows(
        self, of: tuple, what: Any, x: np.ndarray, compute: Callable[[np.ndarray], tuple]
    ) -> tuple[np.ndarray, ...]:
        """compute(x), arrays with a row a sample, of which only those are computed that are not
        known.

        of     the objects that rows depend on, which must not change, such as network and theta
        what   which rows these are
        """
        if self.asked >= TRIED and self.again < AGAIN:
            return compute(x)
        key = tuple(map(id, of))
        kind = (key, what, x.dtype.str, x.shape[1:])
        names = [(kind, blake2b(one.tobytes(), digest_size=16).digest()) for one in x]
        with self.lock:
            self.objects.setdefault(key, of)
            rows = {name: self.known[name] for name in names if name in self.known}
            self.asked += len(names)
            self.again += len(rows)
        new = {name: n for n, name in enumerate(names) if name not in rows}
        if new:
            found = compute(x[list(new.values())])
            rows |= {name: tuple(a[n] for a in found) for n, name in enumerate(new)}
            self._keep({name: tuple(a.copy() for a in rows[name]) for name in new})
        return tuple(map(np.stack, zip(*(rows[name] for name in names))))

    def _keep(self, new: dict) -> None:
        with self.lock:
            for name, row in new.items():
                if name not in self.known:
                    self.known[name] = row
                    self.held += sum(a.nbytes for a in row)
            room = 0 if self.asked >= TRIED and self.again < AGAIN else self.room
            while self.held > room:
                gone = self.known.pop(next(iter(self.known)))
                self.held -= sum(a.nbytes for a in gone)


class _Known:
    """Answers what is asked of a network: what is known of the arrays of one task, and of samples
    whatever their task, as the thetas in `lasting` see them."""

    def __init__(self, samples: Samples | None, lasting: tuple):
        self.samples = samples
        self.lasting = lasting
        self.task: dict[tuple[int, ...], tuple] = {}

    def __call__(self, network: Any, theta: Any, x: Any) -> Seen:
        """What it gave for the very same objects, not to be written to."""
        objects = network, theta, x
        key = tuple(map(id, objects))
        if key not in self.task:
            seen = by_sample(network, theta, x, "seen", lambda some: network._seen(theta, some))
            for a in seen:
                a.setflags(write=False)
            self.task[key] = Seen(*seen), objects  # held, for an id is one object's while it lives
        return self.task[key][0]


@contextmanager
def _answering(known: Any) -> Iterator[None]:
    token = answer.set(known)
    try:
        yield
    finally:
        answer.reset(token)


def remembered(samples: Samples | None = None, lasting: tuple = ()) -> Any:
    """Within the block a network computes features and logits of the same theta and x once; both
    must not change until its end. A block within a block knows what the outer one does.

    samples   knows those of other tasks, too, as the thetas in `lasting` see them: what a task made
              of a theta is not met again
    """
    outer = answer.get()
    return _answering(outer if isinstance(outer, _Known) else _Known(samples, lasting))


def afresh() -> Any:
    """Within the block nothing is remembered: of what is only a part of what will be."""
    return _answering(lambda network, *of: network._seen(*of))


def by_sample(
    network: Any, theta: Any, x: Any, what: Any, compute: Callable[[np.ndarray], tuple]
) -> tuple[np.ndarray, ...]:
    """compute(x), of which rows are spared that are known from other tasks, where the network's
    answer to a sample does not depend on those beside it."""
    known = answer.get()
    if not isinstance(known, _Known) or known.samples is None or not network.apart:
        return compute(x)
    if not any(theta is lasting for lasting in known.lasting):
        return compute(x)
    return known.samples.rows((network, theta), what, np.asarray(x), compute)
