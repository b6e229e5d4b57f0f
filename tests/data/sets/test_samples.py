from collections import Counter

import numpy as np
import pytest

from minisnn.data.sets.samples import draw_samples

ALL = [(left, right) for left in range(10) for right in range(10)]


def episodes(count, few):
    """Random episodes: classes, sizes, shots, queries, and the support and query drawn."""
    rng = np.random.default_rng(few)
    symbols = [pair for pair in ALL if max(pair) < (3 if few else 10)]
    for _ in range(count):
        ways = rng.integers(1, 9)
        shots = int(rng.integers(1, 6))
        queries = int(rng.integers(1, 12))
        classes = [symbols[i] for i in rng.choice(len(symbols), ways, replace=False)]
        sizes = {symbol: int(rng.integers(2, 6 if few else 60)) for symbol in range(10)}
        yield classes, sizes, shots, queries, draw_samples(rng, classes, sizes, shots, queries)


def uses(classes, drawn):
    """How often each recording of each symbol is drawn: {symbol: Counter}."""
    counts = {}
    for pair, samples in zip(classes, drawn):
        for side, symbol in enumerate(pair):
            counts.setdefault(symbol, Counter()).update(samples[:, side].tolist())
    return counts


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.every(3)
def test_support_and_query_share_no_recording_and_use_what_they_may_equally(few):
    for classes, sizes, shots, queries, (support, query) in episodes(1000, few):
        assert support.shape == (len(classes), shots, 2)
        assert query.shape == (len(classes), queries, 2)
        of_support = uses(classes, support)
        of_query = uses(classes, query)
        for counts in [*of_support.values(), *of_query.values()]:
            assert max(counts.values()) - min(counts.values()) <= 1
        for symbol, counts in of_support.items():
            places = sum(pair.count(symbol) for pair in classes)
            first = min(places * shots, sizes[symbol] // 2)
            assert not counts.keys() & of_query[symbol].keys()
            assert all(0 <= one < sizes[symbol] for one in counts | of_query[symbol])
            assert len(counts) == first  # the support uses all that it gets
            assert len(of_query[symbol]) == min(places * queries, sizes[symbol] - first)


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.every(3)
def test_a_pair_comes_again_only_when_all_are_used(few):
    again = 0
    for classes, sizes, shots, queries, (support, query) in episodes(1000, few):
        of_support = uses(classes, support)
        for part in (support, query):
            for (left, right), samples in zip(classes, part):
                pool = {symbol: len(of_support[symbol]) for symbol in (left, right)}
                if part is query:
                    pool = {symbol: sizes[symbol] - pool[symbol] for symbol in pool}
                apart = left == right and pool[left] > 1
                pairs = pool[left] * pool[right] - apart * pool[left]
                if apart:
                    assert (samples[:, 0] != samples[:, 1]).all()
                for first in range(0, len(samples), pairs):  # round by round of all pairs
                    part_round = list(map(tuple, samples[first : first + pairs]))
                    assert len(set(part_round)) == len(part_round)
                again += len(samples) > pairs
    assert again > 333 if few else again < 100
