"""Vector primitives that are faster than numba's loops: y += a x, and sums of rows, written as LLVM
vectors as long as the processor's. The order of every sum is fixed.
"""

import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.extending import intrinsic

from ..parallel.arrays import ALIGNMENT
from ..parallel.compilation import njit
from .llvm import INDEX, array_pointer, each, open_loop


@njit(nogil=True, inner=True)
def empty(size, like):
    """Allocate an uninitialised flat array in the dtype of `like`. The address of its first element
    is a multiple of ALIGNMENT."""
    buffer = np.empty(size + ALIGNMENT // like.itemsize, like.dtype)
    start = (-buffer.ctypes.data % ALIGNMENT) // like.itemsize
    return buffer[start : start + size]


@njit(nogil=True, inner=True)
def zeros(size, like):
    """Allocate an array like that of `empty`, filled with zeros."""
    found = empty(size, like)
    found[:] = 0
    return found


@njit(inline="always", error_model="numpy")
def copy(source, to):
    """Copy to[:] = source, for flat arrays that do not overlap. This skips numba's check for
    overlaps."""
    for n in range(to.size):
        to[n] = source[n]


@intrinsic
def axpy(typingctx, y, i, a, x, j, n):
    """Add a multiple, y[i:i+n] += a x[j:j+n], on flat arrays."""
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


@intrinsic
def add_rows(typingctx, y, i, x, j, stride, index, first, last, n):
    """Add rows, y[i:i+n] += x[j + stride index[e]:][:n] for e = first .. last-1 in order, on flat
    arrays."""
    signature = types.void(y, INDEX, x, INDEX, INDEX, index, INDEX, INDEX, INDEX)

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        py, px, pe = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2, 5))
        i, j, stride, first, last, n = (args[m] for m in (1, 3, 4, 6, 7, 8))

        def body(ops, steps):
            k, many = steps[0], len(steps)
            vec, load, store, _, _ = ops
            to, source = builder.gep(py, [builder.add(i, k)]), builder.add(j, k)
            places = [ir.Constant(i.type, m * vec.count) for m in range(many)]
            start = {m: load(to, place) for m, place in enumerate(places)}
            e, total, close = open_loop(builder, builder.sub(last, first), start)
            site = builder.sext(builder.load(builder.gep(pe, [builder.add(first, e)])), i.type)
            row = builder.gep(px, [builder.add(source, builder.mul(stride, site))])
            terms = [load(row, place) for place in places]
            sums = close({m: builder.fadd(total[m], term) for m, term in enumerate(terms)})
            for m, place in enumerate(places):
                store(sums[m], to, place)

        with builder.if_then(builder.icmp_signed("<", first, last)):
            element = context.get_value_type(dtype)
            each(builder, element, dtype.bitwidth, n, body, (8, 5, 4, 2, 1), masked=True)
        return context.get_dummy_value()

    return signature, codegen
