"""Which recordings make the samples of an episode: support and query apart, few recordings spread
fairly; and which serve which split, where splits have the same symbols.

Symbols (digits, letters, characters) have numbered recordings; a class is one symbol, or several in
a row, and a sample of it a recording of each. Nothing here knows what a recording is.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from numbers import Real
from typing import Any

import numpy as np

from ...arguments import texts, whole
from .pool import Counts, Pool

SHARES = {"train": 0.64, "val": 0.16, "test": 0.2}  # of the classes, as in Double N-MNIST
# how often to draw again where the rules keep few recordings from being used equally often
TRIES = 20
REGROUPS = 200  # how often to draw again which groups serve support and which query
LEAST = 2  # recordings of a symbol in every split: one for support and one for query
DEALS = 20  # how often groups are dealt again where one of the splits goes short
TELLING = 10  # cells with events from which on two equal recordings are no coincidence


def draw_samples(
    rng: np.random.Generator,
    classes: Sequence[tuple[int, ...]],
    sizes: Mapping[int, int],
    shots: int,
    queries: int,
    groups: Mapping[int, np.ndarray] | None = None,
    alone: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the samples of an episode: support (ways, shots, S) and query (ways, queries, S), the
    last axis left to right.

    classes   the S symbols of each way
    sizes     number n of recordings of each symbol; the numbers drawn lie in 0 .. n - 1
    groups    of each recording of a symbol its group (subject, take), which support and query must
              not share; None: they may
    alone     whether all of the support is of one group, and the query of the others

    The n recordings of a symbol are shuffled; over all classes of the episode the first min(places,
    n // 2) serve the support, places being how often the support needs that symbol, and the rest
    the query. Each side draws without replacement and reshuffles when its recordings are exhausted.
    Recordings of a sample that show one symbol differ unless there are too few, and a sample comes
    again only when all samples of its class have been used. Raises ValueError where a symbol has
    fewer than two recordings, or no split of the groups gives both sides some of each.
    """
    places = Counter(symbol for symbols in classes for symbol in symbols)
    support, query = {}, {}
    sides = (
        {}
        if groups is None
        else (_alone if alone else _sides)(rng, {one: groups[one] for one in sorted(places)})
    )
    for symbol in sorted(places):
        size = sizes[symbol]
        if size < 2:
            raise ValueError(
                f"symbol {symbol} has {size} recordings, expected at least 2, one for support and "
                "one for query"
            )
        if sides:
            support[symbol], query[symbol] = (
                rng.permutation(np.flatnonzero(side)).tolist() for side in sides[symbol]
            )
            continue
        first = min(places[symbol] * shots, size // 2)
        # of a large pool the rest could never be reached
        needed = min(first + places[symbol] * queries, size)
        chosen = rng.choice(size, size=needed, replace=False)
        support[symbol] = chosen[:first].tolist()
        query[symbol] = chosen[first:].tolist()
    return _draw_side(rng, classes, support, shots), _draw_side(rng, classes, query, queries)


def _sides(
    rng: np.random.Generator, groups: Mapping[int, np.ndarray]
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each symbol which of its recordings may serve support and which query: the groups of the
    episode in a random order, each where a symbol still lacks recordings, else on either side."""
    names = np.unique(np.concatenate(list(groups.values())))
    of_group = {
        name: [symbol for symbol, own in groups.items() if name in own] for name in names.tolist()
    }
    for _ in range(REGROUPS):
        served: tuple[set[int], set[int]] = set(), set()
        side_of = {}
        for name in rng.permutation(names).tolist():
            lacks = [len(set(of_group[name]) - side) for side in served]
            side = int(rng.integers(2)) if lacks[0] == lacks[1] else int(lacks[1] > lacks[0])
            side_of[name] = side
            served[side].update(of_group[name])
        if all(len(side) == len(groups) for side in served):
            first = {
                symbol: np.array([side_of[name] == 0 for name in own.tolist()])
                for symbol, own in groups.items()
            }
            return {symbol: (support, ~support) for symbol, support in first.items()}
    raise ValueError(
        f"{len(names)} groups hold the recordings of {len(groups)} symbols, and no split of them "
        "was found that gives support and query recordings of each; expected at least 2 groups of "
        "every symbol, and more where symbols share them"
    )


def _alone(
    rng: np.random.Generator, groups: Mapping[int, np.ndarray]
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """As `_sides`, the support of one group that has recordings of every symbol, any as likely."""
    names = np.unique(np.concatenate(list(groups.values())))
    able = [one for one in names.tolist() if all(one in own for own in groups.values())]
    able = [one for one in able if all(np.any(own != one) for own in groups.values())]
    if not able:
        raise ValueError(
            f"{len(names)} groups hold the recordings of {len(groups)} symbols; expected one with "
            "all of them, for the support, and others with all of them, for the query"
        )
    one = able[int(rng.integers(len(able)))]
    return {symbol: (own == one, own != one) for symbol, own in groups.items()}


def _draw_side(
    rng: np.random.Generator,
    classes: Sequence[tuple[int, ...]],
    pools: Mapping[int, list[int]],
    count: int,
) -> np.ndarray:
    for _ in range(TRIES):
        decks = {symbol: _Deck(rng, pool) for symbol, pool in pools.items()}
        drawn = np.array(
            [_draw_class([decks[symbol] for symbol in symbols], count) for symbols in classes],
            np.int64,
        )
        if all(deck.fair() for deck in decks.values()):
            break
    return drawn


def _draw_class(decks: list["_Deck"], count: int) -> list[tuple[int, ...]]:
    # by the first recordings of a sample, and by all of them
    used: Counter[tuple[int, ...]] = Counter()
    twins = [[k for k in range(side) if decks[k] is deck] for side, deck in enumerate(decks)]
    apart = [twin if len(deck.pool) > len(twin) else [] for twin, deck in zip(twins, decks)]
    choices = [len(deck.pool) - len(twin) for twin, deck in zip(apart, decks)]
    drawn = []
    for sample in range(count):
        again = 1 + sample // prod(choices)  # how often a sample may have come, by now
        one: tuple[int, ...] = ()
        for side, deck in enumerate(decks):
            most = again * prod(choices[side + 1 :])
            taken = [one[k] for k in apart[side]]
            one += (deck.draw(lambda a: a not in taken and used[*one, a] < most),)
            used[one] += 1
        drawn.append(one)
    return drawn


class _Deck:
    """Recordings in a shuffled order, dealt from the top; shuffled again behind the rest when none
    of it fits."""

    def __init__(self, rng: np.random.Generator, pool: list[int]):
        self.rng = rng
        self.pool = pool
        self.rest = list(pool)

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


# ---- splits of the same symbols


class TooFew(ValueError):
    """There is no such division; `symbol` is the one that goes short."""

    def __init__(self, symbol: int, message: str):
        super().__init__(message)
        self.symbol = symbol


def divided(
    labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int, dealt: bool
) -> np.ndarray:
    """The split of every recording, a place in `shares` (N,): no group is in two of them, and every
    symbol is in all.

    labels   (N,) symbols of the recordings
    groups   (N,) what must stay together, such as takes
    shares   of the recordings that a split gets, as far as whole groups allow
    dealt    whether support and query of tasks within a split share no group

    Raises `TooFew` where some split would have fewer than LEAST recordings of a symbol (if `dealt`,
    groups).
    """
    rng = np.random.default_rng(whole("seed", seed, 0))
    symbols, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    held = np.zeros((len(names), len(symbols)), int)  # recordings of a symbol in a group
    np.add.at(held, (group, label), 1)
    needed = np.minimum(held, 1) if dealt else held
    share = np.array(list(shares.values()))
    wanted = share[:, None] / share.sum() * held.sum(0)
    short: tuple[int, int] = (0, 0)
    for _ in range(DEALS):
        given, met = np.zeros((2, *wanted.shape))
        split_of = np.zeros(len(names), int)
        for one in rng.permutation(len(names)):
            lacking = (np.minimum(LEAST, met + needed[one]) - np.minimum(LEAST, met)).sum(1)
            behind = ((wanted - given) * (held[one] > 0)).sum(1)
            split_of[one] = np.lexsort((behind, lacking))[-1]
            given[split_of[one]] += held[one]
            met[split_of[one]] += needed[one]
        if (met >= LEAST).all():
            return split_of[group]
        short = divmod(int(met.argmin()), len(symbols))
    symbol = int(symbols[short[1]])
    number = int(held[:, short[1]].sum())
    apart = int((held[:, short[1]] > 0).sum())
    found = f"{number} recordings" if apart == number else f"{number} recordings in {apart} groups"
    raise TooFew(
        symbol,
        f"{found}; expected at least {LEAST}{' groups' * dealt} in each of {', '.join(shares)}, "
        "and no group in two of them",
    )


def places_of(
    tasks: Any, shares: Mapping[str, float], seed: int, together: Any, dealt: bool = False
) -> dict[str, np.ndarray]:
    """Places in the pool of the recordings of each split, as `Recordings.split_recordings` says."""
    if together is None:
        together = range(len(tasks.pool)) if tasks.groups is None else tasks.groups
    where = used_by(tasks)
    labels, group = tasks.pool.labels[where], np.asarray(together)[where]
    values, value = np.zeros(1), np.zeros(len(where), np.int64)
    if tasks.within is not None:
        values, value = np.unique(tasks.within[where], return_inverse=True)
        # where each value stays together, a split has all that a task within it needs
        if all(len(np.unique(group[value == k])) == 1 for k in range(len(values))):
            values, value = values[:1], 0 * value
    try:
        split = divided(labels * len(values) + value, group, shares, seed, dealt)
    except TooFew as error:
        symbol, k = divmod(error.symbol, len(values))
        within = f"within {values.tolist()[k]!r}, " * (len(values) > 1)
        raise ValueError(
            f"{tasks.source}: {within}{tasks.kind} {tasks.called.get(symbol, symbol)} has {error}"
        ) from None
    return {name: where[split == k] for k, name in enumerate(shares)}


def split_classes(
    names: Sequence[str], seed: int, source: str, **classes: Sequence[str] | float
) -> dict[str, list[str]]:
    """The names of the classes of each split, see `Recordings.split`."""
    wanted = (
        {name: classes.pop(name) for name in SHARES if name in classes} if classes else dict(SHARES)
    )
    given = {name: one for name, one in wanted.items() if not isinstance(one, Real)}
    named = {name: list(texts(name, one)) for name, one in given.items()}
    taken = [one for given in named.values() for one in given]
    if classes or set(wanted) != set(SHARES) or len(set(taken)) != len(taken):
        raise ValueError(
            f"found {sorted({*wanted, *classes})}; expected train, val and test, with no class in "
            "two of them"
        )
    rest = [name for name in names if name not in set(taken)]
    shares = {name: float(given) for name, given in wanted.items() if name not in named}  # type: ignore[arg-type]
    if not all(0 < share < np.inf for share in shares.values()):
        raise ValueError(f"found the shares {shares}; expected numbers above 0")
    if len(rest) < len(shares):
        raise ValueError(
            f"{source}: {len(rest)} classes are left for {' and '.join(shares)}; expected one for "
            "each"
        )
    order = np.random.default_rng(whole("seed", seed, 0)).permutation(len(rest))
    # a task needs two
    least = min(2, len(rest) // max(len(shares), 1))
    parts = len(shares)
    ends = (
        np.rint(np.cumsum([*shares.values()]) / sum(shares.values()) * len(rest))
        .astype(int)
        .tolist()
        if shares
        else []
    )
    for k in range(parts):
        ends[k] = min(
            max(ends[k], (ends[k - 1] if k else 0) + least), len(rest) - least * (parts - 1 - k)
        )
    for name, start, end in zip(shares, [0, *ends], ends):
        named[name] = [rest[i] for i in sorted(order[start:end])]
    return {name: list(named[name]) for name in SHARES}


def same_symbols(sets: Iterable[Any]) -> bool:
    """Whether classes of several of the sets are made of the same symbols."""
    symbols = [{symbol for name in one.classes for symbol in one.made_of[name]} for one in sets]
    return sum(map(len, symbols)) > len(set().union(*symbols))


def used_by(tasks: Any) -> np.ndarray:
    """Places in its pool of the recordings that the classes of a set are made of."""
    symbols = sorted({symbol for name in tasks.classes for symbol in tasks.made_of[name]})
    return np.unique(np.concatenate([tasks.symbols[symbol] for symbol in symbols]))


def shared(one: Any, other: Any) -> str | None:
    """What two sets of tasks have in common, in words; None where nothing is known to be: sets of
    other kinds than `Recordings` are only told apart as objects."""
    if one is other:
        return "are one and the same set"
    if not (
        isinstance(getattr(one, "pool", None), Counts)
        and isinstance(getattr(other, "pool", None), Counts)
    ):
        return None
    here = used_by(one)
    there = used_by(other)
    pairs: list[tuple[int, int]] = []
    one_pool = one.pool is other.pool
    if one_pool:
        pairs = [(n, n) for n in np.intersect1d(here, there).tolist()]
    if isinstance(one.pool, Pool) and isinstance(other.pool, Pool):
        known = {content: n for n, content in _contents(one.pool, here)}
        same = {n for pair in pairs for n in pair}
        pairs += [
            (known[content], n)
            for n, content in _contents(other.pool, there)
            if content in known and n not in same
        ]
    elif not one_pool:
        alike = one.identity() == other.identity()
        return "are made of the same recordings" if alike else None
    if not pairs:
        return None
    return (
        f"share {len(pairs)} of {len(there)} recordings (such as number "
        f"{' and '.join(map(str, dict.fromkeys(pairs[0])))})"
    )


def _contents(pool: Pool, places: np.ndarray) -> Iterator[tuple[int, int]]:
    """(place, hash of the counts) of recordings that have enough of them to be told apart; its 64
    bits tell a million of them apart but for once in ten million pools."""
    for n in places.tolist():
        cells, counts = pool.events_of(n)
        if len(cells) >= TELLING:
            yield n, hash(cells.astype(np.uint32).tobytes() + counts.tobytes())


def copies(pool: Any) -> np.ndarray | None:
    """For every recording the first that holds the very same counts, (N,); None where all differ,
    or have too few to tell. Parts of one take are none of each other."""
    if not isinstance(pool, Pool):
        return None
    first: dict[bytes, int] = {}
    of = np.arange(len(pool))
    for n in range(len(pool)):
        cells, counts = pool.events_of(n)
        if len(cells) >= TELLING:
            same = first.setdefault(hashlib.sha256(cells.tobytes() + counts.tobytes()).digest(), n)
            of[n] = same if pool.numbers[same] != pool.numbers[n] else n
    return None if np.array_equal(of, np.arange(len(pool))) else of


def joined(groups: Sequence[np.ndarray]) -> np.ndarray:
    """One group number a recording: recordings that share any of the groups share it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    recordings = len(groups[0])
    at = len(groups[0])
    pairs = []
    for group in groups:
        _, place = np.unique(group, return_inverse=True)
        pairs.append(np.stack([np.arange(recordings), at + place]))
        at += int(place.max()) + 1
    row, column = np.concatenate(pairs, axis=1)
    return connected_components(
        coo_matrix((np.ones(len(row)), (row, column)), (at, at)), directed=False
    )[1][:recordings]
