"""Lesson 9: from photons to events to tasks."""

import numpy as np

from . import answer, check, prepare, wrong

prepare(__name__)


@check("9.4", "Nobody has seen a question of the examination before.")
def deal(function):
    """Exercise 9.4: support and query."""
    rng = np.random.default_rng(0)
    asked = set()
    supports = []
    for n, shots, queries in [(8, 2, 3)] * 40 + [(6, 1, 5), (40, 5, 10)]:
        dealt = answer("9.4", function, rng, n, shots, queries, returns=2)
        if any(one.ndim != 1 for one in dealt):
            raise wrong("9.4", "support and query are lists of numbers, with one axis each")
        support, query = (one.tolist() for one in dealt)
        if text := _dealt(support, query, n, shots, queries):
            raise wrong("9.4", text)
        if n == 8:
            supports.append(tuple(support))
            asked |= set(query)
    if (forms := len(set(supports))) < 15:
        raise wrong(
            "9.4",
            "draw at random from the rng that is given, others in every task, and sort nothing before "
            f"you deal: in forty tasks your support was one of {forms}",
        )
    for side, numbers in (("support", {n for one in supports for n in one}), ("query", asked)):
        if numbers != set(range(8)):
            text = f"every recording must have its chance to be in the {side}; in forty tasks some"
            raise wrong("9.4", f"{text} never were: draw the {side} at random too")
    one, again = (
        answer("9.4", function, np.random.default_rng(3), 50, 5, 10, returns=2) for _ in range(2)
    )
    if not all(map(np.array_equal, one, again)):
        raise wrong(
            "9.4",
            "the same rng must deal the same cards, or no examination can be repeated: take all "
            "random numbers from the rng that is given",
        )


def _dealt(support, query, n, shots, queries) -> str:
    """What is wrong with the numbers of a task."""
    every = set(support + query)
    shared = set(support) & set(query)
    if (len(support), len(query)) != (shots, queries):
        got = f"asked for {shots} and {queries} of {n}, got {len(support)} and {len(query)}"
        if shots + queries == n and len(support) + len(query) < n:
            return f"{got}: here all of them are dealt, 0 to {n - 1}, and yours leaves some out"
        return f"{got}: deal the query right behind the support, and no more than was asked for"
    if not every <= set(range(n)):
        return f"numbers must be whole and in 0 .. {n - 1}; got {sorted(every)}"
    if len(set(support)) < shots or len(set(query)) < queries:
        return (
            f"a recording was dealt twice to the same side: {support}, {query}; "
            "draw without replacement"
        )
    if shared:
        return (
            f"recording {min(shared)} is in support and query: whoever has seen it already need "
            "not understand it. Shuffle once, and deal to both from one heap"
        )
    return ""
