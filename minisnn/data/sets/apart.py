"""Which recordings serve which split, where splits are to have the same symbols, and whether two sets share recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .pool import Counts, Pool

LEAST = 2  # recordings of a symbol in every split: one for support and one for query
TRIES = 20  # how often groups are dealt anew where one of the splits goes short
TELLING = 10  # cells with events from which on two equal recordings are no coincidence


class TooFew(ValueError):
    """There is no such division; `symbol` is the one that goes short."""

    def __init__(self, symbol: int, message: str):
        super().__init__(message)
        self.symbol = symbol


def divided(labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The split of every recording, a place in `shares` (N,): no group is in two of them, and every symbol is in all.

    labels   (N,) symbols of the recordings         groups   (N,) what must stay together, such as takes
    shares   of the recordings that a split gets, as far as whole groups allow

    Raises `TooFew` where some split would have fewer than LEAST recordings of a symbol.
    """
    rng = np.random.default_rng(seed)
    symbols, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    held = np.zeros((len(names), len(symbols)), int)  # recordings of a symbol in a group
    np.add.at(held, (group, label), 1)
    share = np.array(list(shares.values()))
    wanted = share[:, None] / share.sum() * held.sum(0)
    short: tuple[int, int] = (0, 0)
    for _ in range(TRIES):
        given, split_of = np.zeros(wanted.shape), np.zeros(len(names), int)
        for one in rng.permutation(len(names)):
            has = held[one]
            lacking = (np.minimum(LEAST, given + has) - np.minimum(LEAST, given)).sum(1)
            behind = ((wanted - given) * (has > 0)).sum(1)
            split_of[one] = np.lexsort((behind, lacking))[-1]
            given[split_of[one]] += has
        if (given >= LEAST).all():
            return split_of[group]
        short = divmod(int(given.argmin()), len(symbols))
    symbol = int(symbols[short[1]])
    number, apart = int(held[:, short[1]].sum()), int((held[:, short[1]] > 0).sum())
    found = f"{number} recordings" if apart == number else f"{number} recordings in {apart} groups"
    raise TooFew(symbol, f"{found}; expected at least {LEAST} in each of {', '.join(shares)}, and no group in two of them")


def places_of(tasks: Any, shares: Mapping[str, float], seed: int, together: Sequence[Any] | None) -> dict[str, np.ndarray]:
    """Places in the pool of the recordings of each split, as `Recordings.split_recordings` says."""
    if together is None:
        together = range(len(tasks.pool)) if tasks.groups is None else tasks.groups
    where = used_by(tasks)
    try:
        split = divided(tasks.pool.labels[where], np.asarray(together)[where], shares, seed)
    except TooFew as error:
        named = [name for name, symbols in tasks.made_of.items() if symbols == (error.symbol,)]
        told = f"{tasks.kind} {named[0] if named else error.symbol}"
        raise ValueError(f"{tasks.source}: {told} has {error}") from None
    return {name: where[split == k] for k, name in enumerate(shares)}


def same_symbols(sets: Iterable[Any]) -> bool:
    """Whether classes of several of the sets are made of the same symbols."""
    symbols = [{symbol for name in one.classes for symbol in one.made_of[name]} for one in sets]
    return sum(map(len, symbols)) > len(set().union(*symbols))


def used_by(tasks: Any) -> np.ndarray:
    """Places in its pool of the recordings that the classes of a set are made of."""
    symbols = sorted({symbol for name in tasks.classes for symbol in tasks.made_of[name]})
    return np.unique(np.concatenate([tasks.symbols[symbol] for symbol in symbols]))


def shared(one: Any, other: Any) -> str | None:
    """What two sets of tasks have in common, in words; None where nothing is known to be: sets of other kinds than `Recordings`
    are only told apart as objects."""
    if one is other:
        return "are one and the same set"
    if not (isinstance(getattr(one, "pool", None), Counts) and isinstance(getattr(other, "pool", None), Counts)):
        return None
    here, there = used_by(one), used_by(other)
    if one.pool is other.pool:
        common: Sequence[int] = np.intersect1d(here, there).tolist()
        pairs = [(n, n) for n in common]
    elif isinstance(one.pool, Pool) and isinstance(other.pool, Pool):
        known = _contents(one.pool, here)
        pairs = [(known[content], n) for content, n in _contents(other.pool, there).items() if content in known]
    elif one.identity() == other.identity():
        return "are made of the same recordings"
    else:
        return None
    if not pairs:
        return None
    which = " and ".join(map(str, dict.fromkeys(pairs[0])))
    return f"share {len(pairs)} of {len(there)} recordings (such as number {which})"


def _contents(pool: Pool, places: np.ndarray) -> dict[str, int]:
    """{hash of the counts: place} of recordings that have enough of them to be told apart."""
    found: dict[str, int] = {}
    for n in places.tolist():
        cells, counts = pool.events_of(n)
        if len(cells) >= TELLING:
            found[hashlib.sha256(cells.astype(np.uint32).tobytes() + counts.tobytes()).hexdigest()] = n
    return found


def joined(groups: Sequence[np.ndarray]) -> np.ndarray:
    """One group number a recording: recordings that share any of the groups share it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    recordings, at = len(groups[0]), len(groups[0])
    pairs = []
    for group in groups:
        _, place = np.unique(group, return_inverse=True)
        pairs.append(np.stack([np.arange(recordings), at + place]))
        at += place.max() + 1
    row, column = np.concatenate(pairs, axis=1)
    return connected_components(coo_matrix((np.ones(len(row)), (row, column)), (at, at)), directed=False)[1][:recordings]
