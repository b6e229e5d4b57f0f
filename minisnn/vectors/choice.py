"""Vector primitives of spikes and max pooling: lists of who reaches the threshold, lists put
together, and which site of a window is the largest.

In LLVM for the same reason as `vector`: numba's own loops do not become vectors where several
places are written.
"""

import llvmlite.ir as ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from .llvm import INDEX, VECTOR_BITS, array_pointer, each, open_loop, vector_ops

COMPRESSES = VECTOR_BITS == 512
# spikes of a list that are copied at once; as many more may be read behind its end, and written
TOGETHER = 16


def _corners(builder, i, j, n):
    """The sites of a window."""
    return [i, builder.add(i, n), j, builder.add(j, n)]


def _largest_of(builder, a, b, c, d):
    larger = lambda x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y)
    return larger(larger(a, c), larger(b, d))


def _mean_of(builder, a, b, c, d):
    total = builder.fadd(builder.fadd(a, c), builder.fadd(b, d))
    return builder.fmul(total, ir.Constant(total.type, [0.25] * total.type.count))


def _make_reached(pool):
    """reached(u, i, j, n, m, threshold): which of a vector of numbers reach it, as bits; of one
    site or what is pooled of a window, m numbers behind each."""

    @intrinsic
    def reached(typingctx, u, i, j, n, m, threshold):
        def codegen(context, builder, sig, args):
            dtype = sig.args[0].dtype
            _, load, _, splat, _ = vector_ops(
                builder, context.get_value_type(dtype), VECTOR_BITS, dtype.bitwidth
            )
            pu = array_pointer(context, builder, sig.args[0], args[0])
            (i, j, n, m, threshold) = args[1:]
            v = [
                load(pu, builder.add(at, m)) for at in (_corners(builder, i, j, n) if pool else [i])
            ]
            v = pool(builder, *v) if pool else v[0]
            bits = builder.bitcast(
                builder.fcmp_ordered(">=", v, splat(threshold)),
                ir.IntType(VECTOR_BITS // dtype.bitwidth),
            )
            return builder.zext(bits, ir.IntType(64))

        return types.int64(u, INDEX, INDEX, INDEX, INDEX, u.dtype), codegen

    return reached


@intrinsic
def _lowest_bit(typingctx, bits):
    """The place of the lowest bit that is set."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


def _make_compress(pool, lanes):
    """compress(u, row, columns, parts, threshold, column, x, o): `note` where a column has lanes
    parts channels, without a branch on what is there, which no processor can guess."""

    @intrinsic
    def compress(typingctx, u, row, columns, parts, threshold, column, x, o):
        def codegen(context, builder, sig, args):
            dtype, (row, columns, parts, threshold) = sig.args[0].dtype, args[1:5]
            pu, pc, px = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 5, 6))
            _, load, _, level, _ = vector_ops(
                builder, context.get_value_type(dtype), lanes * dtype.bitwidth, dtype.bitwidth
            )
            vec, _, store, _, _ = vector_ops(builder, ir.IntType(32), lanes * 32, 32)
            kind = ir.FunctionType(vec, [vec, vec, ir.VectorType(ir.IntType(1), lanes)])
            chosen = cgutils.get_or_insert_function(
                builder.module, kind, f"llvm.x86.avx512.mask.compress.v{lanes}i32"
            )
            threshold = level(threshold)
            step = ir.Constant(vec, [lanes] * lanes)
            n = builder.mul(parts, ir.Constant(parts.type, lanes))
            start = {"o": args[7], "places": ir.Constant(vec, list(range(lanes)))}
            w, carried, close_column = open_loop(builder, columns, start)
            builder.store(builder.trunc(carried["o"], ir.IntType(32)), builder.gep(pc, [w]))
            i = builder.mul(builder.mul(w, n), ir.Constant(n.type, 2 if pool else 1))
            part, carried, close = open_loop(builder, parts, carried)
            m = builder.mul(part, ir.Constant(part.type, lanes))
            o = carried["o"]
            places = carried["places"]
            corners = _corners(builder, i, builder.add(row, i), n) if pool else [i]
            v = [load(pu, builder.add(at, m)) for at in corners]
            found = builder.fcmp_ordered(">=", pool(builder, *v) if pool else v[0], threshold)
            store(builder.call(chosen, [places, places, found]), px, o)
            number = builder.zext(builder.ctpop(builder.bitcast(found, ir.IntType(lanes))), o.type)
            return close_column(
                close({"o": builder.add(o, number), "places": builder.add(places, step)})
            )["o"]

        return types.int64(u, INDEX, INDEX, INDEX, u.dtype, column, x, INDEX), codegen

    return compress


@intrinsic
def _compress_values(typingctx, v, parts, x, y, o):
    """`note_values` of so many whole vectors of v, without a branch; at least one."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        lanes = VECTOR_BITS // dtype.bitwidth
        element = context.get_value_type(dtype)
        pv, px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2, 3))
        vec, load, store, _, _ = vector_ops(builder, element, VECTOR_BITS, dtype.bitwidth)
        places_of, _, store_places, _, _ = vector_ops(builder, ir.IntType(32), lanes * 32, 32)
        mask = ir.VectorType(ir.IntType(1), lanes)

        def compress(kind, name, given, found):
            of = ir.FunctionType(kind, [kind, kind, mask])
            name = f"llvm.x86.avx512.mask.compress.v{lanes}{name}"
            chosen = cgutils.get_or_insert_function(builder.module, of, name)
            return builder.call(chosen, [given, given, found])

        start = {"o": args[4], "places": ir.Constant(places_of, list(range(lanes)))}
        part, carried, close = open_loop(builder, args[1], start)
        o = carried["o"]
        places = carried["places"]
        here = load(pv, builder.mul(part, ir.Constant(part.type, lanes)))
        found = builder.fcmp_ordered(">", here, ir.Constant(vec, [0.0] * lanes))
        store_places(compress(places_of, "i32", places, found), px, o)
        store(compress(vec, f"f{dtype.bitwidth}", here, found), py, o)
        number = builder.zext(builder.ctpop(builder.bitcast(found, ir.IntType(lanes))), o.type)
        step = ir.Constant(places_of, [lanes] * lanes)
        return close({"o": builder.add(o, number), "places": builder.add(places, step)})["o"]

    return types.int64(v, INDEX, x, y, INDEX), codegen


@intrinsic
def _append(typingctx, x, i, y, o, shift):
    def codegen(context, builder, sig, args):
        px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2))
        _, load, store, splat, _ = vector_ops(builder, ir.IntType(32), 32 * TOGETHER, 32)
        store(builder.add(load(px, args[1]), splat(args[4])), py, args[3])
        return context.get_dummy_value()

    return types.void(x, INDEX, y, INDEX, types.int32), codegen


def _make_pooled(pool):
    """pooled(u, v, i, j, o, n): v[o+m] = what is pooled of u at i+m, i+n+m, j+m, j+n+m, for m = 0
    .. n-1."""

    @intrinsic
    def pooled(typingctx, u, v, i, j, o, n):
        def codegen(context, builder, sig, args):
            dtype = sig.args[0].dtype
            pu, pv = (array_pointer(context, builder, sig.args[m], args[m]) for m in range(2))
            i, j, o, n = args[2:]

            def body(ops, steps):
                _, load, store, _, _ = ops
                for k in steps:
                    found = pool(
                        builder,
                        *(load(pu, builder.add(at, k)) for at in _corners(builder, i, j, n)),
                    )
                    store(found, pv, builder.add(o, k))

            each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body, (2, 1), True)
            return context.get_dummy_value()

        return types.void(u, v, INDEX, INDEX, INDEX, INDEX), codegen

    return pooled


def _over_windows(signature, do):
    """What an intrinsic of (u, v, a, b, i, j, o, n) returns: `do` for every window, given builder,
    vector ops, pointers of a and b, the window's four sites, the place they are pooled to, and as
    vectors of bits which of the first three holds v."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        pu, pv, pa, pb = (array_pointer(context, builder, sig.args[m], args[m]) for m in range(4))
        i, j, o, n = args[4:]
        corners = _corners(builder, i, j, n)

        def body(ops, steps):
            load = ops[1]
            for k in steps:
                sites = [builder.add(corner, k) for corner in corners]
                at = builder.add(o, k)
                largest = load(pv, at)
                first = [builder.fcmp_ordered("==", load(pu, site), largest) for site in sites[:3]]
                do(builder, ops, pa, pb, sites, at, first)

        each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body, halves=True)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _pick(typingctx, u, v, x, y, i, j, o, n):
    """y[o+m] = x at the first of the sites i+m, i+n+m, j+m, j+n+m where u is v[o+m], for m = 0 ..
    n-1."""

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
        nothing = ir.Constant(vec, [0.0] * vec.count)
        left = load(py, at)
        for m in range(3):
            store(builder.select(first[m], left, nothing), px, sites[m])
            left = builder.select(first[m], nothing, left)
        store(left, px, sites[3])

    return _over_windows(types.void(u, v, y, x, INDEX, INDEX, INDEX, INDEX), do)


def _make_note(pool, alone):
    """`alone` is the same for four numbers."""
    compress = _make_compress(pool, TOGETHER)
    compress_half = _make_compress(pool, TOGETHER // 2)
    reached = _make_reached(pool)
    windows = pool is not None

    @njit(inline="always")
    def noted(u, C, threshold, column, x, o):
        """x[o:] = the sites of a row (columns, C) that reach the threshold, in order, and
        column (columns + 1,) = where each column's begin, and where the last one's end, which
        is returned; `TOGETHER` more may be written."""
        columns = column.size - 1
        row = u.size // 2
        lanes = VECTOR_BITS // (8 * u.itemsize)
        half = TOGETHER // 2
        compresses = COMPRESSES and C % half == 0
        if compresses and C % TOGETHER == 0:
            o = compress(u, row, columns, C // TOGETHER, threshold, column, x, o)
        elif compresses:
            o = compress_half(u, row, columns, C // half, threshold, column, x, o)
        for w in range(0 if compresses else columns):
            column[w] = o
            i = 2 * w * C if windows else w * C
            j = row + i
            m = 0
            while m + lanes <= C:
                bits = reached(u, i, j, C, m, threshold)
                while bits:
                    x[o] = w * C + m + _lowest_bit(bits)
                    o += 1
                    bits &= bits - 1
                m += lanes
            while m < C:
                v = alone(u[i + m], u[i + C + m], u[j + m], u[j + C + m]) if windows else u[i + m]
                if v >= threshold:
                    x[o] = w * C + m
                    o += 1
                m += 1
        column[columns] = o
        return o

    return noted


@njit(inline="always")
def _largest_alone(a, b, c, d):
    return max(max(a, c), max(b, d))


@njit(inline="always")
def _mean_alone(a, b, c, d):
    return ((a + c) + (b + d)) * 0.25  # which no precision rounds


@njit(inline="always")
def note_values(v, x, y, o):
    """x[o:], y[o:] = the places of v that are more than zero, in order, and what is there; the
    place behind them. `TOGETHER` more may be written. Without vectors every place is written,
    and the next one over it where it is zero: no processor can guess such a branch."""
    lanes = VECTOR_BITS // (8 * v.itemsize)
    parts = v.size // lanes if COMPRESSES else 0
    if parts > 0:
        o = _compress_values(v, parts, x, y, o)
    for i in range(parts * lanes, v.size):
        x[o] = i
        y[o] = v[i]
        o += int(v[i] > 0)
    return o


# of v (columns, C); what follows of windows of u (2, 2 columns, C)
note = _make_note(None, _largest_alone)
note_largest = _make_note(_largest_of, _largest_alone)
note_mean = _make_note(_mean_of, _mean_alone)
largest = _make_pooled(_largest_of)
mean = _make_pooled(_mean_of)
lowest_bit, append, pick, put = _lowest_bit, _append, _pick, _put
