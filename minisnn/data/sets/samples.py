"""Choose recordings: disjoint support and query for an episode, with all recordings used equally
often; and disjoint splits that share symbols.

Symbols (digits, letters, characters) have numbered recordings; a class is one symbol, or several in
a row, and a sample has a recording of each. This module does not depend on what a recording is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import prod
from numbers import Real
from typing import Any

import numpy as np

from ...arguments import need, texts, whole
from .pool import Counts, Pool

SHARES = {"train": 0.64, "val": 0.16, "test": 0.2}  # shares of the classes, as in Double N-MNIST
SPLITS = tuple(SHARES)
TRIES = 20  # attempts to draw recordings so that none is used much more often than another
REGROUPS = 200  # attempts to divide groups between support and query
LEAST = 2  # recordings of a symbol in every split: one for support and one for query
DEALS = 20  # attempts to divide groups if a split has too few

Sides = dict[int, tuple[np.ndarray, np.ndarray]]


def draw_samples(
    rng: np.random.Generator,
    classes: Sequence[tuple[int, ...]],
    sizes: Mapping[int, int],
    shots: int,
    queries: int,
    groups: Mapping[int, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the samples of an episode: support (ways, shots, S) and query (ways, queries, S). The
    last axis runs from left to right.

    classes   the S symbols of each way
    sizes     number n of recordings of each symbol; the drawn numbers are in 0 .. n - 1
    groups    the group (subject, take) of each recording of a symbol, which support and query must
              not share; None: they may

    The n recordings of a symbol are shuffled. The first min(places, n // 2) are for the support,
    where `places` is how often the support samples of all classes together need that symbol; the
    remaining ones are for the query. Each side draws without replacement and reshuffles when its
    recordings are exhausted. Recordings of one symbol in a sample differ unless there are too few,
    and a sample is repeated only when all samples of its class have been used. Raises ValueError if
    a symbol has fewer than two recordings, or no split of the groups gives both sides some of each.
    """
    places = Counter(symbol for symbols in classes for symbol in symbols)
    sides: Sides = {}
    if groups is not None:
        sides = _sides({symbol: groups[symbol] for symbol in sorted(places)}, rng)
    support = {}
    query = {}
    for symbol in sorted(places):
        size = sizes[symbol]
        expected = "at least 2, one for support and one for query"
        need(f"the number of recordings of symbol {symbol}", size, size >= 2, expected)
        if sides:
            first, rest = (rng.permutation(np.flatnonzero(side)) for side in sides[symbol])
        else:
            number = min(places[symbol] * shots, size // 2)
            # further recordings of a large pool would never be used
            needed = min(number + places[symbol] * queries, size)
            first, rest = np.split(rng.choice(size, size=needed, replace=False), [number])
        support[symbol] = first.tolist()
        query[symbol] = rest.tolist()
    return _draw_side(rng, classes, support, shots), _draw_side(rng, classes, query, queries)


def _sides(groups: Mapping[int, np.ndarray], rng: np.random.Generator) -> Sides:
    """Decide for each symbol which recordings may be support and which query. Groups are taken in
    random order; each goes to the side where a symbol still lacks recordings, or else to either."""
    names = np.unique(np.concatenate(list(groups.values())))
    symbols_of = {
        name: {symbol for symbol, own in groups.items() if name in own} for name in names.tolist()
    }
    for _ in range(REGROUPS):
        served: tuple[set[int], set[int]] = set(), set()
        firsts = []
        for name in rng.permutation(names).tolist():
            lacks = [len(symbols_of[name] - side) for side in served]
            second = rng.integers(2) if lacks[0] == lacks[1] else lacks[1] > lacks[0]
            served[int(second)].update(symbols_of[name])
            if not second:
                firsts.append(name)
        if all(len(side) == len(groups) for side in served):
            first = {symbol: np.isin(own, firsts) for symbol, own in groups.items()}
            return {symbol: (support, ~support) for symbol, support in first.items()}
    raise ValueError(
        f"{len(names)} groups have the recordings of {len(groups)} symbols, and no split of them "
        "was found that gives support and query recordings of each; expected at least 2 groups of "
        "every symbol, and more where symbols share them"
    )


def _draw_side(
    rng: np.random.Generator,
    classes: Sequence[tuple[int, ...]],
    pools: Mapping[int, list[int]],
    count: int,
) -> np.ndarray:
    for _ in range(TRIES):
        decks = {symbol: _Deck(rng, pool) for symbol, pool in pools.items()}
        drawn = [_draw_class([decks[symbol] for symbol in symbols], count) for symbols in classes]
        # no recording is in the deck twice, so none is dealt much more often than another
        if all(len(set(deck.rest)) == len(deck.rest) for deck in decks.values()):
            break
    return np.array(drawn, np.int64)


def _draw_class(decks: list["_Deck"], count: int) -> list[tuple[int, ...]]:
    # by the first recordings of a sample, and by all of them
    used: Counter[tuple[int, ...]] = Counter()
    twins = [[k for k in range(side) if decks[k] is deck] for side, deck in enumerate(decks)]
    apart = [twin if len(deck.pool) > len(twin) else [] for twin, deck in zip(twins, decks)]
    choices = [len(deck.pool) - len(twin) for twin, deck in zip(apart, decks)]
    drawn = []
    for sample in range(count):
        again = 1 + sample // prod(choices)  # allowed uses of a sample, so far
        one: tuple[int, ...] = ()
        for side, deck in enumerate(decks):
            most = again * prod(choices[side + 1 :])
            taken = [one[k] for k in apart[side]]
            one += (deck.draw(lambda a: a not in taken and used[*one, a] < most),)
            used[one] += 1
        drawn.append(one)
    return drawn


class _Deck:
    """A deck of recordings in shuffled order, dealt from the top; when no remaining recording fits,
    another shuffle is added below."""

    def __init__(self, rng: np.random.Generator, pool: list[int]):
        self.rng = rng
        self.pool = pool
        self.rest = list(pool)

    def draw(self, fits: Callable[[int], bool]) -> int:
        place = next(
            (k for k, recording in enumerate(self.rest) if fits(recording)), len(self.rest)
        )
        if place == len(self.rest):
            self.rest += self.rng.permutation(self.pool).tolist()
            while not fits(self.rest[place]):
                place += 1
        return self.rest.pop(place)


# ---- splits of the same symbols


def _deal(
    held: np.ndarray, shares: np.ndarray, rng: np.random.Generator, dealt: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Assign groups to splits, each to the split that lacks most; `held` (groups, symbols) is each
    group's number of recordings. Return the split of every group, and for every split the number of
    recordings of each symbol, counted up to LEAST."""
    needed = np.minimum(held, 1) if dealt else held
    wanted = shares[:, None] / shares.sum() * held.sum(0)
    given, met = np.zeros((2, *wanted.shape))
    split_of = np.zeros(len(held), int)
    for one in rng.permutation(len(held)):
        lacking = (np.minimum(LEAST, met + needed[one]) - np.minimum(LEAST, met)).sum(1)
        behind = ((wanted - given) * (held[one] > 0)).sum(1)
        split_of[one] = np.lexsort((behind, lacking))[-1]
        given[split_of[one]] += held[one]
        met[split_of[one]] += needed[one]
    return split_of, met


def places_of(
    tasks: Any, shares: Mapping[str, float], seed: int, together: Any, dealt: bool = False
) -> dict[str, np.ndarray]:
    """Return each split's recordings as indices in the pool (`Recordings.split_recordings`). No
    group is in two splits, and every symbol is in all.

    dealt   whether support and query of tasks within a split share no group

    Raises ValueError if a split would have fewer than LEAST recordings of a symbol (groups, if
    `dealt`).
    """
    if together is None:
        together = range(len(tasks.pool)) if tasks.groups is None else tasks.groups
    where = used_by(tasks)
    rng = np.random.default_rng(whole("seed", seed, 0))
    names, group = np.unique(np.asarray(together)[where], return_inverse=True)
    symbols, label = np.unique(tasks.pool.labels[where], return_inverse=True)
    held = np.zeros((len(names), len(symbols)), int)  # recordings of a symbol in a group
    np.add.at(held, (group, label), 1)
    for _ in range(DEALS):
        split_of, met = _deal(held, np.array(list(shares.values())), rng, dealt)
        if (met >= LEAST).all():
            return {name: where[split_of[group] == k] for k, name in enumerate(shares)}
    short = int(met.argmin()) % len(symbols)
    number = int(held[:, short].sum())
    groups = int((held[:, short] > 0).sum())
    raise ValueError(
        f"{tasks.source}: {tasks.name_of(int(symbols[short]))} has {number} recordings"
        f"{f' in {groups} groups' * (groups < number)}; expected at least {LEAST}"
        f"{' groups' * dealt} in each of {', '.join(shares)}, and no group in two of them"
    )


def split_classes(
    names: Sequence[str], seed: int, source: str, **classes: Sequence[str] | float
) -> dict[str, list[str]]:
    """Return the names of each split's classes; see `Recordings.split`."""
    good = set(classes) in (set(), set(SHARES))
    wanted = {**SHARES, **classes}
    shares = {name: float(share) for name, share in wanted.items() if isinstance(share, Real)}
    named = {name: list(texts(name, given)) for name, given in wanted.items() if name not in shares}
    taken = [name for names in named.values() for name in names]
    expected = "train, val and test, with no class in two of them, shares above 0"
    good = good and len(set(taken)) == len(taken)
    good = good and all(0 < share < np.inf for share in shares.values())
    need("the splits", classes, good, expected)
    rest = [name for name in names if name not in taken]
    parts = len(shares)
    left = f"{source}: the number of classes that are left"
    need(left, len(rest), len(rest) >= parts, f"one for each of {', '.join(shares)}")
    order = np.random.default_rng(whole("seed", seed, 0)).permutation(len(rest))
    least = min(2, len(rest) // max(parts, 1))  # a task needs two
    start = 0
    for k, (name, share) in enumerate(zip(shares, accumulate(shares.values()))):
        end = round(share / sum(shares.values()) * len(rest))
        end = min(max(end, start + least), len(rest) - least * (parts - 1 - k))
        named[name] = [rest[i] for i in sorted(order[start:end])]
        start = end
    return {name: named[name] for name in SHARES}


def used_symbols(tasks: Any) -> set[int]:
    """Return the symbols in a set's classes."""
    return {symbol for name in tasks.classes for symbol in tasks.made_of[name]}


def same_symbols(sets: Iterable[Any]) -> bool:
    """Return whether classes of several sets are made of the same symbols."""
    symbols = [used_symbols(tasks) for tasks in sets]
    return sum(map(len, symbols)) > len(set().union(*symbols))


def used_by(tasks: Any) -> np.ndarray:
    """Return, as indices in the pool, the recordings that a set's classes use."""
    return np.unique(
        np.concatenate([tasks.symbols[symbol] for symbol in sorted(used_symbols(tasks))])
    )


def shared(first: Any, second: Any) -> str | None:
    """Describe what two sets of tasks share, or return None if they are not known to share
    anything. Sets other than `Recordings` are compared only by object identity."""
    if first is second:
        return "are one and the same set"
    if not all(isinstance(getattr(tasks, "pool", None), Counts) for tasks in (first, second)):
        return None
    first_used, second_used = (used_by(tasks).tolist() for tasks in (first, second))
    known = first.pool.contents(first_used).keys()
    both = {n for content, n in second.pool.contents(second_used).items() if content in known}
    both |= {*first_used} & {*second_used} if first.pool is second.pool else set()
    if both:
        return f"share {len(both)} of {len(second_used)} recordings (such as number {min(both)})"
    alike = first.pool is not second.pool and first.identity() == second.identity()
    return "are made of the same recordings" if alike else None


def copies(pool: Counts) -> np.ndarray:
    """Return, for every recording, the index of the first recording with identical counts, (N,);
    its own index if it has too few events to tell. Parts of one take are not copies of each
    other."""
    first: dict[str, int] = {}
    of = np.arange(len(pool))
    for n in range(len(pool)) if isinstance(pool, Pool) else ():
        for content in pool.contents([n]):
            same = first.setdefault(content, n)
            if pool.numbers[same] != pool.numbers[n]:
                of[n] = same
    return of


def joined(groups: Sequence[np.ndarray]) -> Any:
    """Return one group number per recording, such that recordings that share any group have the
    same number. Return None if there are no groups."""
    if not groups:
        return None
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    number = len(groups[0])
    ends = number + np.cumsum([0, *(len(np.unique(group)) for group in groups)])
    column = [at + np.unique(group, return_inverse=True)[1] for at, group in zip(ends, groups)]
    row = np.tile(np.arange(number), len(groups))
    links = coo_matrix((np.ones(len(row)), (row, np.concatenate(column))), (ends[-1], ends[-1]))
    return connected_components(links, directed=False)[1][:number]
