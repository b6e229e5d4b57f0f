"""Vector primitives for spikes and pooling: list the sites that reach the threshold, concatenate
lists, and find the largest site of a window.

In LLVM for the same reason as `vector`: numba's loops are not vectorised if there are few channels,
or several places are written.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir
import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .llvm import INDEX, VECTOR_BITS, array_pointer, each, open_loop, vector_ops

COMPRESSES = VECTOR_BITS == 512
# how many spikes of a list are copied together; up to as many are read and written beyond its end
TOGETHER = 16


@intrinsic
def append(typingctx, x, i, y, o, shift):
    """Copy `TOGETHER` numbers from x to y and add `shift` to each: y[o:] = x[i:] + shift."""

    def codegen(context, builder, sig, args):
        px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2))
        _, load, store, splat, _ = vector_ops(builder, ir.IntType(32), 32 * TOGETHER, 32)
        store(builder.add(load(px, args[1]), splat(args[4])), py, args[3])
        return context.get_dummy_value()

    return types.void(x, INDEX, y, INDEX, types.int32), codegen


@intrinsic
def _compress(typingctx, v, i, parts, threshold, x, o):
    """Call `note` on whole vectors from v[i] on. There are no branches that depend on the values,
    because no processor can predict such branches."""

    def codegen(context, builder, sig, args):
        dtype, (i, parts, threshold) = sig.args[0].dtype, args[1:4]
        pv, px = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 4))
        bits, element = dtype.bitwidth, context.get_value_type(dtype)
        _, load, _, splat, _ = vector_ops(builder, element, TOGETHER * bits, bits)
        vec, _, store, splat_place, _ = vector_ops(builder, ir.IntType(32), 32 * TOGETHER, 32)
        kind = ir.FunctionType(vec, [vec, vec, ir.VectorType(ir.IntType(1), TOGETHER)])
        name = f"llvm.x86.avx512.mask.compress.v{TOGETHER}i32"
        chosen = cgutils.get_or_insert_function(builder.module, kind, name)
        level = splat(threshold)
        first = splat_place(builder.trunc(i, ir.IntType(32)))
        first = builder.add(first, ir.Constant(vec, list(range(TOGETHER))))
        part, carried, close = open_loop(builder, parts, {"o": args[5], "places": first})
        here = load(pv, builder.add(i, builder.mul(part, ir.Constant(part.type, TOGETHER))))
        found = builder.fcmp_ordered(">=", here, level)
        places = carried["places"]
        store(builder.call(chosen, [places, places, found]), px, carried["o"])
        number = builder.ctpop(builder.bitcast(found, ir.IntType(TOGETHER)))
        o = builder.add(carried["o"], builder.zext(number, i.type))
        places = builder.add(places, ir.Constant(vec, [TOGETHER] * TOGETHER))
        return close({"o": o, "places": places})["o"]

    return types.int64(v, INDEX, INDEX, v.dtype, x, INDEX), codegen


@njit(inline="always")
def note(v, C, threshold, column, x, o):
    """Write to x[o:], in order, the sites of v (columns, C) that reach the threshold, and write to
    column (columns + 1,) where each column's list starts. Return where the whole list ends.
    `TOGETHER` numbers after it may be overwritten."""
    columns = column.size - 1
    parts = C // TOGETHER if COMPRESSES else 0
    for w in range(columns):
        column[w] = o
        if parts > 0:
            o = _compress(v, w * C, parts, threshold, x, o)
        sites = v[w * C : (w + 1) * C]
        for m in range(parts * TOGETHER, C):
            x[np.uintp(o)] = w * C + m
            o += np.intp(sites[m] >= threshold)
    column[columns] = o
    return o


@njit(inline="always")
def note_values(v, x, y, o):
    """Write to x[o:] and y[o:], in order, the indices and the values of those numbers in v that are
    more than zero. Return where they end. One number after them may be overwritten."""
    for i in range(v.size):
        x[np.uintp(o)] = i
        y[np.uintp(o)] = v[i]
        o += np.intp(v[i] > 0)
    return o


def _of_windows(do: Callable) -> Any:
    """Return a function (u, v, a, b, i, j, o, n) that applies `do` to n adjacent windows. A
    window's sites are i, i + n, j and j + n in u (2, W, C), and o is its place in v. `do` receives
    the builder, the vector operations, the arrays' pointers, a window's sites and its place."""

    @intrinsic
    def of_windows(typingctx, u, v, a, b, i, j, o, n):
        def codegen(context, builder, sig, args):
            dtype = sig.args[0].dtype
            pointers = [array_pointer(context, builder, sig.args[m], args[m]) for m in range(4)]
            i, j, o, n = args[4:]
            corners = [i, builder.add(i, n), j, builder.add(j, n)]

            def body(ops, steps):
                for k in steps:
                    sites = [builder.add(corner, k) for corner in corners]
                    do(builder, ops, pointers, sites, builder.add(o, k))

            element = context.get_value_type(dtype)
            each(builder, element, dtype.bitwidth, n, body, (2, 1), True)
            return context.get_dummy_value()

        return types.void(u, v, a, b, INDEX, INDEX, INDEX, INDEX), codegen

    return of_windows


def _largest(builder, ops, pointers, sites, at):
    _, load, store, _, _ = ops
    larger = lambda x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y)
    a, b, c, d = (load(pointers[0], site) for site in sites)
    store(larger(larger(a, c), larger(b, d)), pointers[1], at)


def _mean(builder, ops, pointers, sites, at):
    vec, load, store, _, _ = ops
    a, b, c, d = (load(pointers[0], site) for site in sites)
    total = builder.fadd(builder.fadd(a, c), builder.fadd(b, d))
    store(builder.fmul(total, ir.Constant(vec, [0.25] * vec.count)), pointers[1], at)


def _first(builder, ops, pointers, sites, at) -> list:
    """Return a mask for each of the first three sites: it marks the windows in which that site's
    value is the largest."""
    load = ops[1]
    largest = load(pointers[1], at)
    return [builder.fcmp_ordered("==", load(pointers[0], site), largest) for site in sites[:3]]


def _pick(builder, ops, pointers, sites, at):
    _, load, store, _, _ = ops
    found = load(pointers[2], sites[3])
    for site, first in reversed(list(zip(sites, _first(builder, ops, pointers, sites, at)))):
        found = builder.select(first, load(pointers[2], site), found)
    store(found, pointers[3], at)


def _put(builder, ops, pointers, sites, at):
    vec, load, store, _, _ = ops
    nothing = ir.Constant(vec, [0.0] * vec.count)
    left = load(pointers[2], at)
    for site, first in zip(sites, _first(builder, ops, pointers, sites, at)):
        store(builder.select(first, left, nothing), pointers[3], site)
        left = builder.select(first, nothing, left)
    store(left, pointers[3], sites[3])


# `largest` and `mean` compute v, the pooled u. `pick` computes b = a at the first site whose u is v.
# `put` sets b to a at that site, and to zero elsewhere.
largest, mean, pick, put = map(_of_windows, (_largest, _mean, _pick, _put))
