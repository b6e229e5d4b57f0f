"""Which recordings make the samples of an episode: support and query apart, few recordings spread fairly.

Symbols (digits, letters, characters) have numbered recordings; a class is one symbol, or several in a row, and a sample of it
a recording of each. Nothing here knows what a recording is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

TRIES = 20  # how often to draw anew where the rules for samples keep few recordings from being used equally often
SPLITS = 200  # how often to draw anew which groups serve support and which query


def draw_samples(
    rng: np.random.Generator,
    classes: Sequence[tuple[int, ...]],
    sizes: Mapping[int, int],
    shots: int,
    queries: int,
    groups: Mapping[int, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the samples of an episode: support (ways, shots, S) and query (ways, queries, S), the last axis left to right.

    classes   the S symbols of each way
    sizes     number n of recordings of each symbol; the numbers drawn lie in 0 .. n - 1
    groups    of each recording of a symbol its group (subject, take), which support and query must not share; None: they may

    The n recordings of a symbol are shuffled; over all classes of the episode the first min(places, n // 2) serve the
    support, places being how often the support needs that symbol, and the rest the query. Each side draws without
    replacement and reshuffles when its recordings are exhausted. Recordings of a sample that show one symbol differ
    unless there are too few, and a sample comes again only when all samples of its class have been used.
    Raises ValueError where a symbol has fewer than two recordings, or no split of the groups gives both sides some of each.
    """
    places = Counter(symbol for symbols in classes for symbol in symbols)
    support, query = {}, {}
    sides = {} if groups is None else _sides(rng, {symbol: groups[symbol] for symbol in sorted(places)})
    for symbol in sorted(places):
        size = sizes[symbol]
        if size < 2:
            raise ValueError(f"symbol {symbol} has {size} recordings, expected at least 2, one for support and one for query")
        if sides:
            support[symbol], query[symbol] = (rng.permutation(np.flatnonzero(side)).tolist() for side in sides[symbol])
            continue
        first = min(places[symbol] * shots, size // 2)
        needed = min(first + places[symbol] * queries, size)  # of a large pool the rest could never be reached
        chosen = rng.choice(size, size=needed, replace=False)
        support[symbol], query[symbol] = chosen[:first].tolist(), chosen[first:].tolist()
    return _draw_side(rng, classes, support, shots), _draw_side(rng, classes, query, queries)


def _sides(rng: np.random.Generator, groups: Mapping[int, np.ndarray]) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each symbol which of its recordings may serve support and which query: the groups of the episode in a random order,
    each where a symbol still lacks recordings, else on either side."""
    names = np.unique(np.concatenate(list(groups.values())))
    of_group = {name: [symbol for symbol, own in groups.items() if name in own] for name in names.tolist()}
    for _ in range(SPLITS):
        served: tuple[set[int], set[int]] = set(), set()
        side_of = {}
        for name in rng.permutation(names).tolist():
            lacks = [len(set(of_group[name]) - side) for side in served]
            side = int(rng.integers(2)) if lacks[0] == lacks[1] else int(lacks[1] > lacks[0])
            side_of[name] = side
            served[side].update(of_group[name])
        if all(len(side) == len(groups) for side in served):
            first = {symbol: np.array([side_of[name] == 0 for name in own.tolist()]) for symbol, own in groups.items()}
            return {symbol: (support, ~support) for symbol, support in first.items()}
    raise ValueError(
        f"{len(names)} groups hold the recordings of {len(groups)} symbols, and no split of them was found that gives support "
        f"and query recordings of each; expected at least 2 groups of every symbol"
    )


def _draw_side(
    rng: np.random.Generator, classes: Sequence[tuple[int, ...]], pools: Mapping[int, list[int]], count: int
) -> np.ndarray:
    for _ in range(TRIES):
        decks = {symbol: _Deck(rng, pool) for symbol, pool in pools.items()}
        drawn = np.array([_draw_class([decks[symbol] for symbol in symbols], count) for symbols in classes], np.int64)
        if all(deck.fair() for deck in decks.values()):
            break
    return drawn


def _draw_class(decks: list["_Deck"], count: int) -> list[tuple[int, ...]]:
    used: Counter[tuple[int, ...]] = Counter()  # by the first recordings of a sample, and by all of them
    twins = [[k for k in range(side) if decks[k] is deck] for side, deck in enumerate(decks)]
    apart = [twin if len(deck.pool) > len(twin) else [] for twin, deck in zip(twins, decks)]
    choices = [len(deck.pool) - len(twin) for twin, deck in zip(apart, decks)]
    drawn = []
    for sample in range(count):
        again = 1 + sample // prod(choices)  # how often a sample may have come, by now
        one: tuple[int, ...] = ()
        for side, deck in enumerate(decks):
            most, taken = again * prod(choices[side + 1 :]), [one[k] for k in apart[side]]
            one += (deck.draw(lambda a: a not in taken and used[*one, a] < most),)
            used[one] += 1
        drawn.append(one)
    return drawn


class _Deck:
    """Recordings in a shuffled order, dealt from the top; shuffled anew behind the rest when none of it fits."""

    def __init__(self, rng: np.random.Generator, pool: list[int]):
        self.rng, self.pool, self.rest = rng, pool, list(pool)

    def draw(self, fits: Callable[[int], bool]) -> int:
        for place, recording in enumerate(self.rest):
            if fits(recording):
                return self.rest.pop(place)
        place = len(self.rest)
        self.rest += self.rng.permutation(self.pool).tolist()
        while not fits(self.rest[place]):
            place += 1
        return self.rest.pop(place)

    def fair(self) -> bool:
        """Whether no recording waits twice, so that none has been dealt twice more than another."""
        return len(set(self.rest)) == len(self.rest)
