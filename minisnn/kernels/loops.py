"""Loops over a band of rows at one time step, on flat arrays that stay in the processor's first
cache for the whole sequence.

The loops are written once, for values and for tangents, and are compiled together with the code of
the neuron's step (`fast.step`). Kernels that do not depend on the neuron (`forward`, `window`,
`pooling`) call them by address, and so need not be compiled again for another neuron.

In a band of N numbers, u and du are (N,); past holds further rows of N numbers for the derivatives,
S the rows of the state; dX are halo rows. In the backward pass u, past, du and dX are tuples: an
array, or a pair of values and tangents.
"""

from functools import cache
from typing import Any

from ..fast.step import Step
from ..fast.traced import compiled, function
from ..parallel.compilation import njit
from ..vectors.llvm import apart, wide
from .records import Calls

INLINE = njit(inline="always", error_model="numpy")
# compiled row by row, for arrays that LLVM is told do not overlap: it would not check so many
LINE = njit(borrows=True, inner=True, error_model="numpy", fastmath={"contract"})


@cache
def rows(*counts: int) -> tuple[Any, Any, Any]:
    """Return three functions for a tuple of arrays. `counts` says how many rows each array has; a
    row has `size` numbers.

    views(arrays, size, i, n)   return views of the numbers i : i + n in each row
    take(views, i)              return the number at i in each view
    put(views, i, values)       write one of these numbers at i in each view
    """
    places = [(m, n) for m, count in enumerate(counts) for n in range(count)]
    views = "".join(f"a[{m}][{n} * size + i : {n} * size + i + n], " for m, n in places)
    taken = "".join(f"views[{k}][i], " for k in range(len(places)))
    puts = "; ".join(f"views[{k}][i] = values[{k}]" for k in range(len(places)))
    heads = "views(a, size, i, n)", "take(views, i)", "put(views, i, values)"
    bodies = f"return ({views})", f"return ({taken})", puts or "pass"
    made = (INLINE(function(f"def {head}: {body}")) for head, body in zip(heads, bodies))
    return tuple(made)  # type: ignore[return-value]


@cache
def unpacked(count: int) -> Any:
    """Return a function that returns the first numbers in an array as a tuple."""
    return INLINE(
        function(f"def unpacked(a): return ({''.join(f'a[{n}], ' for n in range(count))})")
    )


class BandLoops:
    """The loops around the code of a step with a given number of constants. Each loop is compiled
    when it is first needed."""

    def __init__(self, step: Step, constants: int):
        self.step = step
        self.constants = constants
        self.made: dict[str, Any] = {}

    def loop(self, name: str) -> Any:
        """Return one of the loops. This object keeps it alive, because callers have only its
        address."""
        if name not in self.made:
            kind, _, tangent = name.partition("_")
            code = compiled(self.step.codes[Calls._fields.index(name)])
            loop = getattr(self, kind)(code, bool(tangent))
            options = dict(nogil=True, cache=True, apart=True, borrows=True, error_model="numpy")
            self.made[name] = njit(fastmath={"contract"}, **options)(loop)
        return self.made[name]

    def forward(self, code: Any, tangent: bool) -> Any:
        step = self.step
        count = step.past_dot if tangent else step.past
        views, take, put = rows(1 + step.filters + step.states)
        views_past, take_past, _ = rows(step.past if tangent else 0)
        views_kept, _, keep = rows(count)
        constants = unpacked(self.constants)

        @LINE
        def line(k, past, u, kept, S, bias):
            wide()
            apart()
            for n in range(bias.size):
                after, found = code(k, take_past(past, n), u[n], bias[n], take(S, n))
                put(S, n, after)
                keep(kept, n, found)

        def forward(u, past, kept, S, bias, own):
            """Advance the state S by one step; every row has the same bias. In S the membrane
            replaces the input. `kept`, which receives a tape's further numbers, has room for at
            least one row. For tangents, u and past contain the values."""
            k = constants(own)
            N = S.size // (1 + step.filters + step.states)
            row = bias.size
            each = kept.size // max(N * count, 1)  # 0 if nothing is stored
            for i in range(0, N, row):
                pasts = views_past((past,), N, i, row)
                found = views_kept((kept,), N * each, i * each, row)
                S_ = views((S,), N, i, row)
                line(k, pasts, u[i : i + row], found, S_, bias)

        return forward

    def backward(self, code: Any, tangent: bool) -> Any:
        step = self.step
        carried = step.filters + step.states
        views, take, put = rows(carried * (1 + tangent) + 1 + step.learned)
        pasts = (step.past, step.past_dot) if tangent else (step.past,)
        views_past, take_past, _ = rows(*pasts)
        views_each, take_each, put_each = rows(*[1] * len(pasts))
        constants = unpacked(self.constants)

        @LINE
        def line(k, past, u, du, S, dX):
            wide()
            apart()
            for n in range(u[0].size):
                found, before = code(
                    k, take_past(past, n), take_each(u, n), take_each(du, n), take(S, n)
                )
                put(S, n, before)
                put_each(dX, n, found)

        def backward(u, past, du, S, dX, g, own):
            """Propagate one step backward: compute dX, and the adjoints S one step earlier."""
            k = constants(own)
            N = g.height * g.row
            row = g.row
            for h in range(g.height):
                i = h * row
                us, dus = views_each(u, N, i, row), views_each(du, N, i, row)
                pasts = views_past(past, N, i, row)
                dXs = views_each(dX, 0, h * g.pitch + g.pad, row)
                line(k, pasts, us, dus, views((S,), N, i, row), dXs)

        return backward

    def slope(self, code: Any, tangent: bool) -> Any:
        _, take, put = rows(*[1] * (1 + tangent))
        constants = unpacked(self.constants)

        def slope(v, d, out, own):
            """Compute out = sigma'(v) d; out and d may be the same array."""
            wide()
            k = constants(own)
            for n in range(v[0].size):
                put(out, n, code(k, take(v, n), take(d, n)))

        return slope
