"""Which recordings make the pairs of an episode: support and query apart, few recordings spread fairly.

Symbols (digits, letters) have numbered recordings; a class is an ordered pair of symbols, a sample of it a left and a
right recording. Nothing here knows what a recording is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

TRIES = 20  # how often to draw anew where the rules for pairs keep few recordings from being used equally often


def draw_pairs(
    rng: np.random.Generator, classes: Sequence[tuple[int, int]], sizes: Mapping[int, int], shots: int, queries: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the samples of an episode: support (ways, shots, 2) and query (ways, queries, 2), the last axis left, right.

    classes   pairs of symbols, one for each way
    sizes     number n of recordings of each symbol; the numbers drawn lie in 0 .. n - 1

    The n recordings of a symbol are shuffled; over all classes of the episode the first min(places, n // 2) serve the
    support, places being how often the support needs that symbol, and the rest the query. Each side draws without
    replacement and reshuffles when its recordings are exhausted. The two sides of a class of one symbol twice differ
    unless there is one recording only, and a pair comes again only when all pairs of its class have been used.
    Raises ValueError where a symbol has fewer than two recordings.
    """
    places = Counter(symbol for pair in classes for symbol in pair)
    support, query = {}, {}
    for symbol in sorted(places):
        size = sizes[symbol]
        if size < 2:
            raise ValueError(f"symbol {symbol} has {size} recordings, expected at least 2, one for support and one for query")
        first = min(places[symbol] * shots, size // 2)
        needed = min(first + places[symbol] * queries, size)  # of a large pool the rest could never be reached
        chosen = rng.choice(size, size=needed, replace=False)
        support[symbol], query[symbol] = chosen[:first].tolist(), chosen[first:].tolist()
    return _draw_side(rng, classes, support, shots), _draw_side(rng, classes, query, queries)


def _draw_side(
    rng: np.random.Generator, classes: Sequence[tuple[int, int]], pools: Mapping[int, list[int]], count: int
) -> np.ndarray:
    for _ in range(TRIES):
        decks = {symbol: _Deck(rng, pool) for symbol, pool in pools.items()}
        drawn = np.array([_draw_class(decks[left], decks[right], count) for left, right in classes], np.int64)
        if all(deck.fair() for deck in decks.values()):
            break
    return drawn


def _draw_class(left: "_Deck", right: "_Deck", count: int) -> list[tuple[int, int]]:
    used: Counter[tuple[int, int]] = Counter()
    used_left: Counter[int] = Counter()
    partners = len(right.pool)
    apart = left is right and partners > 1
    partners -= apart
    drawn = []
    for sample in range(count):
        again = sample // (len(left.pool) * partners)  # how often every pair of this class has come
        one = left.draw(lambda a: used_left[a] < (again + 1) * partners)
        two = right.draw(lambda b: used[one, b] <= again and not (apart and b == one))
        used[one, two] += 1
        used_left[one] += 1
        drawn.append((one, two))
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
