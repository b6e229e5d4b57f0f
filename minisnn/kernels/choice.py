"""Vector primitives of spikes and max pooling: who reaches the threshold, lists of spikes put together, and which site of a
window is the largest.

In LLVM for the same reason as `vector`: numba's own loops do not become vectors where several places are written.
"""

import llvmlite.ir as ir
import numpy as np
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .llvm import INDEX, VECTOR_BITS, array_pointer, each, vector_ops

COMPRESSES = VECTOR_BITS == 512
TOGETHER = 16  # spikes of a list that are copied at once; as many more may be read behind its end, and written


@intrinsic
def _reached(typingctx, v, i, threshold):
    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        _, load, _, splat, _ = vector_ops(builder, context.get_value_type(dtype), VECTOR_BITS, dtype.bitwidth)
        found = builder.fcmp_ordered(">=", load(array_pointer(context, builder, sig.args[0], args[0]), args[1]), splat(args[2]))
        lanes = VECTOR_BITS // dtype.bitwidth
        return builder.zext(builder.bitcast(found, ir.IntType(lanes)), ir.IntType(64))

    return types.int64(v, INDEX, v.dtype), codegen


@intrinsic
def _lowest_bit(typingctx, bits):
    """The place of the lowest bit that is set."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def _compress(typingctx, x, o, first, bits):
    """x[o:] = first + m for each m < 16 whose bit is set, in order, and then anything up to 16; how many they are."""

    def codegen(context, builder, sig, args):
        vec, _, store, splat, _ = vector_ops(builder, ir.IntType(32), 32 * TOGETHER, 32)
        chosen = builder.trunc(args[3], ir.IntType(TOGETHER))
        places = builder.add(splat(builder.trunc(args[2], ir.IntType(32))), ir.Constant(vec, list(range(TOGETHER))))
        mask = builder.bitcast(chosen, ir.VectorType(ir.IntType(1), TOGETHER))
        kind = ir.FunctionType(vec, [vec, vec, mask.type])
        compress = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx512.mask.compress.v{TOGETHER}i32")
        store(builder.call(compress, [places, places, mask]), array_pointer(context, builder, sig.args[0], args[0]), args[1])
        return builder.zext(builder.ctpop(chosen), ir.IntType(64))

    return types.int64(x, INDEX, INDEX, types.int64), codegen


@intrinsic
def _append(typingctx, x, i, y, o, shift):
    def codegen(context, builder, sig, args):
        px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2))
        _, load, store, splat, _ = vector_ops(builder, ir.IntType(32), 32 * TOGETHER, 32)
        store(builder.add(load(px, args[1]), splat(args[4])), py, args[3])
        return context.get_dummy_value()

    return types.void(x, INDEX, y, INDEX, types.int32), codegen


@intrinsic
def _largest(typingctx, u, v, i, j, o, n):
    """v[o+m] = the largest of u at i+m, i+n+m, j+m, j+n+m, for m = 0 .. n-1."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        pu, pv = (array_pointer(context, builder, sig.args[m], args[m]) for m in range(2))
        i, j, o, n = args[2:]

        def body(ops, steps):
            _, load, store, _, _ = ops
            larger = lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)
            for k in steps:
                a, b, c, d = (load(pu, builder.add(at, k)) for at in (i, builder.add(i, n), j, builder.add(j, n)))
                store(larger(larger(a, c), larger(b, d)), pv, builder.add(o, k))

        each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body, (2, 1))
        return context.get_dummy_value()

    return types.void(u, v, INDEX, INDEX, INDEX, INDEX), codegen


def _over_windows(signature, do):
    """What an intrinsic of (u, v, a, b, i, j, o, n) returns: `do` for every window, given builder, vector ops, pointers of a
    and b, the window's four sites, the place they are pooled to, and as vectors of bits which of the first three holds v."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        pu, pv, pa, pb = (array_pointer(context, builder, sig.args[m], args[m]) for m in range(4))
        i, j, o, n = args[4:]
        corners = [i, builder.add(i, n), j, builder.add(j, n)]

        def body(ops, steps):
            load = ops[1]
            for k in steps:
                sites, at = [builder.add(corner, k) for corner in corners], builder.add(o, k)
                largest = load(pv, at)
                first = [builder.fcmp_ordered("==", load(pu, site), largest) for site in sites[:3]]
                do(builder, ops, pa, pb, sites, at, first)

        each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _pick(typingctx, u, v, x, y, i, j, o, n):
    """y[o+m] = x at the first of the sites i+m, i+n+m, j+m, j+n+m where u is v[o+m], for m = 0 .. n-1."""

    def do(builder, ops, px, py, sites, at, first):
        _, load, store, _, _ = ops
        found = load(px, sites[3])
        for m in (2, 1, 0):
            found = builder.select(first[m], load(px, sites[m]), found)
        store(found, py, at)

    return _over_windows(types.void(u, v, x, y, INDEX, INDEX, INDEX, INDEX), do)


@intrinsic
def _put(typingctx, u, v, y, x, i, j, o, n):
    """Adjoint of `pick`: x at that site = y[o+m], and zero at the other three."""

    def do(builder, ops, py, px, sites, at, first):
        vec, load, store, _, _ = ops
        nothing, left = ir.Constant(vec, [0.0] * vec.count), load(py, at)
        for m in range(3):
            store(builder.select(first[m], left, nothing), px, sites[m])
            left = builder.select(first[m], nothing, left)
        store(left, px, sites[3])

    return _over_windows(types.void(u, v, y, x, INDEX, INDEX, INDEX, INDEX), do)


if config.DISABLE_JIT:

    def reached(v, i, n, threshold):
        return sum(1 << int(m) for m in np.flatnonzero(v[i : i + n] >= threshold))

    def append(x, i, y, o, shift):
        found = x[i : i + TOGETHER]
        y[o : o + len(found)] = found + shift

    def largest(u, v, i, j, o, n):
        v[o : o + n] = np.max([u[at : at + n] for at in (i, i + n, j, j + n)], axis=0)

    def note(bits, n, first, x, o):
        places = [m for m in range(n) if bits >> m & 1]
        x[o : o + len(places)] = np.add(first, places)
        return o + len(places)

    def _choose(u, v, i, j, o, n):
        sites = [slice(at, at + n) for at in (i, i + n, j, j + n)]
        first = np.argmax([u[s] == v[o : o + n] for s in sites], axis=0)
        return [(s, first == m) for m, s in enumerate(sites)]

    def pick(u, v, x, y, i, j, o, n):
        for s, chosen in _choose(u, v, i, j, o, n):
            y[o : o + n][chosen] = x[s][chosen]

    def put(u, v, y, x, i, j, o, n):
        for s, chosen in _choose(u, v, i, j, o, n):
            x[s] = np.where(chosen, y[o : o + n], 0)
else:

    @njit(inline="always")
    def reached(v, i, n, threshold):
        """The first n <= 64 of v[i:] that reach the threshold, as bits."""
        lanes = VECTOR_BITS // (8 * v.itemsize)
        bits, m = 0, 0
        while m + lanes <= n:
            bits |= _reached(v, i + m, threshold) << m
            m += lanes
        while m < n:
            bits |= np.int64(v[i + m] >= threshold) << m
            m += 1
        return bits

    @njit(inline="always")
    def note(bits, n, first, x, o):
        """x[o:] = first + m for each of n bits that is set, in order; the place behind them. `TOGETHER` more may be written."""
        if COMPRESSES:  # without a branch on what is there, which no processor can guess
            for m in range(0, n, TOGETHER):
                o += _compress(x, o, first + m, bits >> m)
            return o
        while bits:
            x[o] = first + _lowest_bit(bits)
            o += 1
            bits &= bits - 1
        return o

    append, largest, pick, put = _append, _largest, _pick, _put
