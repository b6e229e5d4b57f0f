"""The synapse's filters: what comes in, smoothed over time.

A filter of decay a holds y, and is fed by the one before it, as that was (where the neuron delays)
or now is:

    y' = a y + (1 - a) x

The last of them is the presynaptic trace p (Stewart & Neftci 2022, Eq. 4). A decay may be learned:
its derivative at a step is y - x times the adjoint of y'. Time is the first axis; F is a list of what
the filters hold, the first one first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .dual import stack, total


class Filtered(NamedTuple):
    """What the filters made of a sequence.

    trace   p at each step, (n, B, ...)
    end     what they hold behind it
    steps   (F, x, F') of each step: before it, what came in, after it; where they are kept
    """

    trace: Any
    end: list
    steps: list


def advance(F: Sequence, x: Any, decays: Sequence, delay: int) -> list:
    """F one step later."""
    after = []
    for y, a in zip(F, decays):
        after.append(a * y + (1 - a) * x)
        x = y if delay else after[-1]
    return after


def advance_back(dF: Sequence, decays: Sequence, delay: int) -> tuple[Any, list, list]:
    """(dx, dF one step earlier, the adjoint of each y') from dF, that of what `advance` returned."""
    before = []
    whole = []
    dx: Any = 0.0
    for dy, a in zip(reversed(dF), reversed(decays)):
        if not delay:  # this filter's y' has fed the next one
            dy = dy + dx
        whole.append(dy)
        before.append(a * dy + dx if delay else a * dy)  # y' = a y + (1 - a) x, and y fed the next
        dx = (1 - a) * dy
    return dx, before[::-1], whole[::-1]


def decay_adjoints(whole: Sequence, step: tuple, delay: int) -> list:
    """The adjoint of each decay at a step, from the adjoint of each y'."""
    F, x, after = step
    inputs = [x, *(F if delay else after)]
    return [total(dy * (y - fed)) for dy, y, fed in zip(whole, F, inputs)]


def traces(
    x: Any, F: Sequence, decays: Sequence, delay: int, steps: int, keep: bool = False
) -> Filtered:
    """Filter x (m, B, ...) from F on. What comes in the last `delay` of the steps reaches no trace,
    so x may end that much earlier. `keep` the steps, for the derivatives of decays."""
    if not decays:
        return Filtered(x, [], [])
    F = list(F)
    p = []
    kept = []
    for t in range(steps):
        x_t = x[t] if t < len(x) else 0.0
        after = advance(F, x_t, decays, delay)
        p.append((F if delay else after)[-1])
        if keep:
            kept.append((F, x_t, after))
        F = after
    return Filtered(stack(p) if p else x[:0], F, kept)


def traces_back(
    dp: Any, decays: Sequence, delay: int, steps: Sequence | None = None
) -> tuple[Any, list]:
    """(dx, the adjoints of the decays) from dp (n, B, ...); dx has n - delay steps. Those of the
    decays only where the `steps` of `traces` are given."""
    if not decays:
        return dp, []
    n = len(dp)
    dF: list = [0.0] * len(decays)
    dx: list = [None] * max(n - delay, 0)
    sums: list = [0.0] * len(decays)
    for t in reversed(range(n)):
        if not delay:
            dF[-1] = dF[-1] + dp[t]
        dx_t, dF, whole = advance_back(dF, decays, delay)
        if steps is not None:
            sums = [a + b for a, b in zip(sums, decay_adjoints(whole, steps[t], delay))]
        if t < len(dx):
            dx[t] = dx_t
        if delay:
            dF[-1] = dF[-1] + dp[t]
    return stack(dx) if dx else dp[:0], sums
