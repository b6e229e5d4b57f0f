"""Vector primitives that numba's own loops do not reach: a register tile of C += A B, y += a x, and sums of rows.

They are written as LLVM vectors as long as the processor's. A tile of 8 x 32 float32 (AVX-512) keeps 16 accumulators in
registers over the whole sum and runs at the processor's multiply-add peak, where BLAS stays below it for products as
small as one time step of a layer. The order of every sum is fixed.
"""

import llvmlite.ir as ir
import numpy as np
from numba import config, types
from numba.extending import intrinsic

from ..parallel.arrays import ALIGNMENT
from ..parallel.compilation import njit
from .llvm import INDEX, VECTOR_BITS, array_pointer, each, open_loop, vector_ops


@njit(nogil=True, cache=True)
def empty(size, like):
    """A flat array in `like`'s dtype, to be written before it is read, its first element at a multiple of ALIGNMENT."""
    buffer = np.empty(size + ALIGNMENT // like.itemsize, like.dtype)
    start = (-buffer.ctypes.data % ALIGNMENT) // like.itemsize
    return buffer[start : start + size]


@njit(nogil=True, cache=True)
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


def _make_tile(M: int, N: int, bits: int):
    """tile(A, a, sar, sam, sak, B, b, sbr, sbk, C, c, scm, R, K, fresh): for M rows and N vectors of columns, R, K at least 1,

    C[c + m scm + n] += sum_r sum_k A[a + r sar + m sam + k sak] * B[b + r sbr + k sbk + n]        in order of r, k,

    from zero where it is `fresh`, whatever C holds.
    """

    @intrinsic
    def tile(typingctx, A, a, sar, sam, sak, B, b, sbr, sbk, C, c, scm, R, K, fresh):
        signature = types.void(
            A, INDEX, INDEX, INDEX, INDEX, B, INDEX, INDEX, INDEX, C, INDEX, INDEX, INDEX, INDEX, types.boolean
        )

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            element = context.get_value_type(sig.args[0].dtype)
            vec, load, store, splat, fma = vector_ops(builder, element, bits, width)
            pa, pb, pc = (array_pointer(context, builder, sig.args[i], args[i]) for i in (0, 5, 9))
            a, sar, sam, sak, b, sbr, sbk, c, scm, R, K = (args[i] for i in (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13))
            number = lambda n: ir.Constant(K.type, n)
            column = [number(n * bits // width) for n in range(N)]
            place = {
                (m, n): builder.add(builder.add(c, builder.mul(number(m), scm)), column[n]) for m in range(M) for n in range(N)
            }
            nothing = ir.Constant(vec, [0.0] * vec.count)
            start = {g: builder.select(args[14], nothing, load(pc, at)) for g, at in place.items()}
            r, total, close_r = open_loop(builder, R, start)
            row_a, row_b = builder.add(a, builder.mul(r, sar)), builder.add(b, builder.mul(r, sbr))
            k, total, close_k = open_loop(builder, K, total)
            at_a, at_b = builder.add(row_a, builder.mul(k, sak)), builder.add(row_b, builder.mul(k, sbk))
            y = [load(pb, builder.add(at_b, column[n])) for n in range(N)]
            new = {}
            for m in range(M):
                x = splat(builder.load(builder.gep(pa, [builder.add(at_a, builder.mul(number(m), sam))])))
                for n in range(N):
                    new[m, n] = fma(x, y[n], total[m, n])
            for g, v in close_r(close_k(new)).items():
                store(v, pc, place[g])
            return context.get_dummy_value()

        return signature, codegen

    return tile


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
            sums = [fma(scale, load(px, builder.add(j, k)), load(py, builder.add(i, k))) for k in steps]
            for one, k in zip(sums, steps):
                store(one, py, builder.add(i, k))

        each(builder, context.get_value_type(dtype), dtype.bitwidth, n, body)
        return context.get_dummy_value()

    return signature, codegen


def _make_add_rows(N: int, bits: int):
    """add_rows(y, i, x, j, stride, index, first, last) for N vectors of numbers:

    y[i + n] += sum_e x[j + stride * index[e] + n]        e = first .. last-1 in order
    """

    @intrinsic
    def add_rows(typingctx, y, i, x, j, stride, index, first, last):
        signature = types.void(y, INDEX, x, INDEX, INDEX, index, INDEX, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            vec, load, store, _, _ = vector_ops(builder, context.get_value_type(sig.args[0].dtype), bits or width, width)
            py, px, pe = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 2, 5))
            i, j, stride, first, last = (args[m] for m in (1, 3, 4, 6, 7))
            column = [ir.Constant(i.type, n * (bits or width) // width) for n in range(N)]
            e, total, close = open_loop(
                builder, builder.sub(last, first), {n: load(py, builder.add(i, column[n])) for n in range(N)}
            )
            site = builder.sext(builder.load(builder.gep(pe, [builder.add(first, e)])), i.type)
            row = builder.add(j, builder.mul(stride, site))
            new = {n: builder.fadd(total[n], load(px, builder.add(row, column[n]))) for n in range(N)}
            for n, v in close(new).items():
                store(v, py, builder.add(i, column[n]))
            return context.get_dummy_value()

        return signature, codegen

    return add_rows


def _lines(builder, element, width: int, N: int):
    """(load, store, the vectors of N cache lines), each the number of its line and where it begins there, in numbers."""
    _, load, store, _, _ = vector_ops(builder, element, VECTOR_BITS, width)
    return load, store, [(v, m * VECTOR_BITS // width) for v in range(N) for m in range(8 * ALIGNMENT // VECTOR_BITS)]


def _make_add_lines(N: int):
    """add_lines(y, i, step, x, j, index, first, last) for N cache lines of n numbers, line v from v step on:

    y[i + v step:][:n] += sum_e x[j + (index[e] + v) n:][:n]        e = first .. last-1 in order
    """

    @intrinsic
    def add_lines(typingctx, y, i, step, x, j, index, first, last):
        signature = types.void(y, INDEX, INDEX, x, INDEX, index, INDEX, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            load, store, lines = _lines(builder, context.get_value_type(sig.args[0].dtype), width, N)
            py, px, pe = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 3, 5))
            i, step, j, first, last = (args[m] for m in (1, 2, 4, 6, 7))
            n, number = 8 * ALIGNMENT // width, lambda n: ir.Constant(i.type, n)
            place = {(v, m): builder.add(builder.add(i, number(m)), builder.mul(step, number(v))) for v, m in lines}
            e, total, close = open_loop(builder, builder.sub(last, first), {at: load(py, place[at]) for at in lines})
            met = builder.sext(builder.load(builder.gep(pe, [builder.add(first, e)])), i.type)
            row = builder.add(j, builder.mul(met, number(n)))
            new = {(v, m): builder.fadd(total[v, m], load(px, builder.add(row, number(v * n + m)))) for v, m in lines}
            for at, found in close(new).items():
                store(found, py, place[at])
            return context.get_dummy_value()

        return signature, codegen

    return add_lines


@intrinsic
def _take_lines(typingctx, y, o, x, i, step, count):
    """y[o + v n:][:n] = x[i + v step:][:n] for v < count, at least 1; n: the numbers of a cache line."""

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


if config.DISABLE_JIT:

    def axpy(y, i, a, x, j, n):
        y[i : i + n] += a * x[j : j + n]

    def add_rows(y, i, x, j, stride, index, first, last, n):
        for e in range(first, last):
            at = j + stride * int(index[e])
            y[i : i + n] += x[at : at + n]

    def take_lines(y, o, x, i, step, count):
        n = ALIGNMENT // y.itemsize
        for v in range(count):
            y[o + v * n :][:n] = x[i + v * step :][:n]

    def add_lines(y, i, step, x, index, first, last, count):
        n = ALIGNMENT // y.itemsize
        for e in range(first, last):
            for v in range(count):
                y[i + v * step :][:n] += x[(int(index[e]) + v) * n :][:n]

    def gemm(A, left, B, right, C, out, M, N, R, K, fresh):
        for m in range(M if R and K else 0):
            y = C[out.at + m * out.of_m :][:N]
            y[:] = 0 if fresh else y
            for r in range(R):
                for k in range(K):
                    at = right.at + r * right.of_r + k * right.of_k
                    y += A[left.at + r * left.of_r + m * left.of_m + k * left.of_k] * B[at : at + N]
else:
    TALL = 8 if VECTOR_BITS == 512 else 6  # rows of a tile: with two vectors each they fit 32 registers, or 16
    LOW = 4  # of what is left
    _tall2, _tall1 = _make_tile(TALL, 2, VECTOR_BITS), _make_tile(TALL, 1, VECTOR_BITS)
    _low2, _low1 = _make_tile(LOW, 2, VECTOR_BITS), _make_tile(LOW, 1, VECTOR_BITS)
    _flat2, _flat1 = _make_tile(1, 2, VECTOR_BITS), _make_tile(1, 1, VECTOR_BITS)

    axpy, take_lines = _axpy, _take_lines
    _add8, _add4, _add2, _add1 = (_make_add_rows(N, VECTOR_BITS) for N in (8, 4, 2, 1))
    _add_one = _make_add_rows(1, 0)

    @njit(inline="always")
    def add_rows(y, i, x, j, stride, index, first, last, n):
        """y[i:i+n] += sum_e x[j + stride index[e]:][:n], e = first .. last-1 in order, on flat arrays."""
        if first >= last:
            return
        lanes = VECTOR_BITS // (8 * y.itemsize)
        m = 0
        while m + 8 * lanes <= n:
            _add8(y, i + m, x, j + m, stride, index, first, last)
            m += 8 * lanes
        if m + 4 * lanes <= n:
            _add4(y, i + m, x, j + m, stride, index, first, last)
            m += 4 * lanes
        if m + 2 * lanes <= n:
            _add2(y, i + m, x, j + m, stride, index, first, last)
            m += 2 * lanes
        if m + lanes <= n:
            _add1(y, i + m, x, j + m, stride, index, first, last)
            m += lanes
        while m < n:
            _add_one(y, i + m, x, j + m, stride, index, first, last)
            m += 1

    _five, _one = _make_add_lines(5), _make_add_lines(1)

    @njit(inline="always")
    def add_lines(y, i, step, x, index, first, last, count):
        """y[i + v step:][:n] += sum_e x[(index[e] + v) n:][:n], e = first .. last-1 in order and one at least, v < count; n:
        the numbers of a cache line."""
        n = ALIGNMENT // y.itemsize
        v = 0
        while v + 5 <= count:
            _five(y, i + v * step, step, x, v * n, index, first, last)
            v += 5
        while v < count:
            _one(y, i + v * step, step, x, v * n, index, first, last)
            v += 1

    @njit(nogil=True, cache=True, borrows=True)
    def gemm(A, left, B, right, C, out, M, N, R, K, fresh):
        """C[m, n] += sum_r sum_k A[r, m, k] B[r, k, n] on flat arrays; `Left`, `Right` and `Out` say where.

        M x N numbers, R K terms each, in order of r and k; where it is `fresh` from zero, whatever C holds. Without terms C
        stays as it is.
        """
        if R < 1 or K < 1:
            return
        a, sar, sam, sak = left
        b, sbr, sbk = right
        c, scm = out
        lanes = VECTOR_BITS // (8 * A.itemsize)
        n = 0
        while n + lanes <= N:
            wide = n + 2 * lanes <= N
            m = 0
            while m < M:
                ai, ci = a + m * sam, c + m * scm + n
                rest = M - m
                low = LOW <= rest < TALL or (TALL == 6 and 8 <= rest < 10)  # 4 and 4, not 6 and 1 and 1
                tall = rest >= TALL and not low
                if tall and wide:
                    _tall2(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                elif tall:
                    _tall1(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                elif low and wide:
                    _low2(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                elif low:
                    _low1(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                elif wide:
                    _flat2(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                else:
                    _flat1(A, ai, sar, sam, sak, B, b + n, sbr, sbk, C, ci, scm, R, K, fresh)
                m += TALL if tall else LOW if low else 1
            n += 2 * lanes if wide else lanes
        if n < N:  # columns that fill no vector
            for m in range(M):
                for j in range(n, N if fresh else n):
                    C[c + m * scm + j] = 0
                for r in range(R):
                    for k in range(K):
                        x, at = A[a + r * sar + m * sam + k * sak], b + r * sbr + k * sbk
                        for j in range(n, N):
                            C[c + m * scm + j] += x * B[at + j]
