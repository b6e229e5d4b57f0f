"""Vector primitives that numba's own loops do not reach: y += a x, and sums of rows, written as
LLVM vectors as long as the processor's. The order of every sum is fixed.
"""

import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.extending import intrinsic

from ..parallel.arrays import ALIGNMENT
from ..parallel.compilation import njit
from .llvm import INDEX, VECTOR_BITS, array_pointer, each, masked_ops, open_loop, vector_ops


@njit(nogil=True, inner=True)
def empty(size, like):
    """A flat array in `like`'s dtype, to be written before it is read, its first element at a
    multiple of ALIGNMENT."""
    buffer = np.empty(size + ALIGNMENT // like.itemsize, like.dtype)
    start = (-buffer.ctypes.data % ALIGNMENT) // like.itemsize
    return buffer[start : start + size]


@njit(nogil=True, inner=True)
def zeros(size, like):
    """The same, of zeros."""
    found = empty(size, like)
    found[:] = 0
    return found


@njit(inline="always", error_model="numpy")
def copy(source, to):
    """to[:] = source of flat arrays that do not overlap; without numba's search for overlaps."""
    for n in range(to.size):
        to[n] = source[n]


@intrinsic
def _axpy(typingctx, y, i, a, x, j, n):
    """y[i:i+n] += a x[j:j+n] on flat arrays."""
    signature = types.void(y, INDEX, y.dtype, x, INDEX, INDEX)

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        py, px = (array_pointer(context, builder, sig.args[n], args[n]) for n in (0, 3))
        i, a, j, n = (args[m] for m in (1, 2, 4, 5))

        def body(ops, steps):
            _, load, store, splat, fma = ops
            scale = splat(a)
            sums = [
                fma(scale, load(px, builder.add(j, k)), load(py, builder.add(i, k))) for k in steps
            ]
            for one, k in zip(sums, steps):
                store(one, py, builder.add(i, k))

        each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body)
        return context.get_dummy_value()

    return signature, codegen


def _make_add_rows(N: int):
    """add_rows(y, i, x, j, stride, index, first, last, rest) for N vectors of numbers or, where N is
    0, the `rest` that fills none:

    y[i + n] += sum_e x[j + stride * index[e] + n]        e = first .. last-1 in order
    """

    @intrinsic
    def add_rows(typingctx, y, i, x, j, stride, index, first, last, rest):
        signature = types.void(y, INDEX, x, INDEX, INDEX, index, INDEX, INDEX, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            element = context.get_value_type(sig.args[0].dtype)
            vec, load, store, _, _ = vector_ops(builder, element, VECTOR_BITS, width)
            if not N:
                load, store = masked_ops(builder, element, VECTOR_BITS, width, args[8])
            py, px, pe = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2, 5))
            i, j, stride, first, last = (args[m] for m in (1, 3, 4, 6, 7))
            column = [ir.Constant(i.type, n * vec.count) for n in range(max(N, 1))]
            start = {n: load(py, builder.add(i, at)) for n, at in enumerate(column)}
            e, total, close = open_loop(builder, builder.sub(last, first), start)
            site = builder.sext(builder.load(builder.gep(pe, [builder.add(first, e)])), i.type)
            row = builder.add(j, builder.mul(stride, site))
            new = {
                n: builder.fadd(total[n], load(px, builder.add(row, at)))
                for n, at in enumerate(column)
            }
            for n, v in close(new).items():
                store(v, py, builder.add(i, column[n]))
            return context.get_dummy_value()

        return signature, codegen

    return add_rows


def _lines(builder, element, width: int, N: int):
    """(load, store, the vectors of N cache lines), each the number of its line and where it begins
    there, in numbers."""
    _, load, store, _, _ = vector_ops(builder, element, VECTOR_BITS, width)
    return (
        load,
        store,
        [
            (v, m * VECTOR_BITS // width)
            for v in range(N)
            for m in range(8 * ALIGNMENT // VECTOR_BITS)
        ],
    )


def _make_add_lines(N: int):
    """add_lines(y, i, step, x, j, index, first, last) for N cache lines of n numbers, line v from v
    step on:

    y[i + v step:][:n] += sum_e x[j + (index[e] + v) n:][:n]        e = first .. last-1 in order
    """

    @intrinsic
    def add_lines(typingctx, y, i, step, x, j, index, first, last):
        signature = types.void(y, INDEX, INDEX, x, INDEX, index, INDEX, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            load, store, lines = _lines(
                builder, context.get_value_type(sig.args[0].dtype), width, N
            )
            py, px, pe = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 3, 5))
            i, step, j, first, last = (args[m] for m in (1, 2, 4, 6, 7))
            n, number = 8 * ALIGNMENT // width, lambda n: ir.Constant(i.type, n)
            place = {
                (v, m): builder.add(builder.add(i, number(m)), builder.mul(step, number(v)))
                for v, m in lines
            }
            e, total, close = open_loop(
                builder, builder.sub(last, first), {at: load(py, place[at]) for at in lines}
            )
            met = builder.sext(builder.load(builder.gep(pe, [builder.add(first, e)])), i.type)
            row = builder.add(j, builder.mul(met, number(n)))
            new = {
                (v, m): builder.fadd(total[v, m], load(px, builder.add(row, number(v * n + m))))
                for v, m in lines
            }
            for at, found in close(new).items():
                store(found, py, place[at])
            return context.get_dummy_value()

        return signature, codegen

    return add_lines


@intrinsic
def _take_lines(typingctx, y, o, x, i, step, count):
    """y[o + v n:][:n] = x[i + v step:][:n] for v < count, at least 1; n: the numbers of a cache
    line."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        load, store, lines = _lines(builder, context.get_value_type(dtype), dtype.bitwidth, 1)
        py, px = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2))
        o, i, step, count = (args[m] for m in (1, 3, 4, 5))
        number = lambda n: ir.Constant(o.type, n)
        v, _, close = open_loop(builder, count, {})
        to = builder.add(o, builder.mul(v, number(8 * ALIGNMENT // dtype.bitwidth)))
        source = builder.add(i, builder.mul(v, step))
        for _, m in lines:
            store(load(px, builder.add(source, number(m))), py, builder.add(to, number(m)))
        close({})
        return context.get_dummy_value()

    return types.void(y, INDEX, x, INDEX, INDEX, INDEX), codegen


axpy, take_lines = _axpy, _take_lines
_add8, _add4, _add2, _add1, _add_rest = (_make_add_rows(N) for N in (8, 4, 2, 1, 0))


@njit(inline="always")
def add_rows(y, i, x, j, stride, index, first, last, n):
    """y[i:i+n] += sum_e x[j + stride index[e]:][:n], e = first .. last-1 in order, on flat
    arrays."""
    if first >= last:
        return
    lanes = VECTOR_BITS // (8 * y.itemsize)
    m = 0
    while m + 8 * lanes <= n:
        _add8(y, i + m, x, j + m, stride, index, first, last, 0)
        m += 8 * lanes
    if m + 4 * lanes <= n:
        _add4(y, i + m, x, j + m, stride, index, first, last, 0)
        m += 4 * lanes
    if m + 2 * lanes <= n:
        _add2(y, i + m, x, j + m, stride, index, first, last, 0)
        m += 2 * lanes
    if m + lanes <= n:
        _add1(y, i + m, x, j + m, stride, index, first, last, 0)
        m += lanes
    if m < n:
        _add_rest(y, i + m, x, j + m, stride, index, first, last, n - m)


_five = _make_add_lines(5)
_one = _make_add_lines(1)


@njit(inline="always")
def add_lines(y, i, step, x, index, first, last, count):
    """y[i + v step:][:n] += sum_e x[(index[e] + v) n:][:n], e = first .. last-1 in order and
    one at least, v < count; n: the numbers of a cache line."""
    n = ALIGNMENT // y.itemsize
    v = 0
    while v + 5 <= count:
        _five(y, i + v * step, step, x, v * n, index, first, last)
        v += 5
    while v < count:
        _one(y, i + v * step, step, x, v * n, index, first, last)
        v += 1
