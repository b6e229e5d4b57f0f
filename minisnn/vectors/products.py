"""Products of matrices, every sum in one fixed order: the same bits for any number of threads.

`gemm` is a register tile of C += A B in LLVM vectors as long as the processor's. A tile of 8 x 32
float32 (AVX-512) keeps 16 accumulators in registers over the whole sum and runs at the processor's
multiply-add peak, where BLAS stays below it for products as small as one time step of a layer.
"""

from collections import namedtuple

import llvmlite.ir as ir
from numba import types
from numba.extending import intrinsic

from ..parallel.compilation import njit
from .llvm import INDEX, REGISTERS, VECTOR_BITS, array_pointer, masked_ops, open_loop, vector_ops


# Where `gemm` finds its factors, A[at + r * of_r + m * of_m + k * of_k] and
# B[at + r * of_r + k * of_k + n], and its sums, C[at + m * of_m + n]. These are numbers only,
# because making a record of arrays for every product costs more than a small product.
Left = namedtuple("Left", "at of_r of_m of_k")
Right = namedtuple("Right", "at of_r of_k")
Out = namedtuple("Out", "at of_m")


def _make_tile(M: int, N: int):
    """Return tile(A, a, sar, sam, sak, B, b, sbr, sbk, C, c, scm, R, K, fresh, rest). A tile has M
    rows, and N vectors of columns; if N is 0, it has the `rest` columns that do not fill a vector.
    R and K are at least 1. It computes

    C[c + m scm + n] += sum_r sum_k A[a + r sar + m sam + k sak] * B[b + r sbr + k sbk + n]        in order of r, k,

    starting from zero if `fresh`, else from C. For the rest, products are rounded too, as in NumPy.
    """

    @intrinsic
    def tile(typingctx, A, a, sar, sam, sak, B, b, sbr, sbk, C, c, scm, R, K, fresh, rest):
        factors = A, INDEX, INDEX, INDEX, INDEX, B, INDEX, INDEX, INDEX
        signature = types.void(*factors, C, INDEX, INDEX, INDEX, INDEX, types.boolean, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            vectors = range(max(N, 1))
            element = context.get_value_type(sig.args[0].dtype)
            vec, load, store, splat, add_product = vector_ops(builder, element, VECTOR_BITS, width)
            if not N:
                load, store = masked_ops(builder, element, VECTOR_BITS, width, args[15])
                add_product = lambda x, y, total: builder.fadd(total, builder.fmul(x, y))
            pa, pb, pc = (array_pointer(context, builder, sig.args[i], args[i]) for i in (0, 5, 9))
            a, sar, sam, sak, b, sbr, sbk, c, scm, R, K = (
                args[i] for i in (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13)
            )
            number = lambda n: ir.Constant(K.type, n)
            column = [number(n * vec.count) for n in vectors]
            row = [builder.add(c, builder.mul(number(m), scm)) for m in range(M)]
            place = {(m, n): builder.add(row[m], column[n]) for m in range(M) for n in vectors}
            nothing = ir.Constant(vec, [0.0] * vec.count)
            start = {g: builder.select(args[14], nothing, load(pc, at)) for g, at in place.items()}
            r, total, close_r = open_loop(builder, R, start)
            row_a = builder.add(a, builder.mul(r, sar))
            row_b = builder.add(b, builder.mul(r, sbr))
            k, total, close_k = open_loop(builder, K, total)
            at_a = builder.add(row_a, builder.mul(k, sak))
            at_b = builder.add(row_b, builder.mul(k, sbk))
            y = [load(pb, builder.add(at_b, column[n])) for n in vectors]
            new = {}
            for m in range(M):
                x = splat(
                    builder.load(builder.gep(pa, [builder.add(at_a, builder.mul(number(m), sam))]))
                )
                for n in vectors:
                    new[m, n] = add_product(x, y[n], total[m, n])
            for g, v in close_r(close_k(new)).items():
                store(v, pc, place[g])
            return context.get_dummy_value()

        return signature, codegen

    return tile


# rows of a tile, which with two vectors each fit 32 registers, or 16
TALL = 8 if REGISTERS == 32 else 6
LOW = 4  # rows of a tile for the rest


def _make_rows(N):
    tall, low, flat = (_make_tile(M, N) for M in (TALL, LOW, 1))

    @njit(inline="always")
    def rows(A, a, sar, sam, sak, B, b, sbr, sbk, C, c, scm, M, R, K, fresh, rest):
        """Compute tiles that are N vectors of columns wide, one below another, until M rows are
        done."""
        m = 0
        while m < M:
            ai = a + m * sam
            ci = c + m * scm
            left = M - m
            # 4 and 4, not 6 and 1 and 1
            if LOW <= left < TALL or (TALL == 6 and 8 <= left < 10):
                low(A, ai, sar, sam, sak, B, b, sbr, sbk, C, ci, scm, R, K, fresh, rest)
                m += LOW
            elif left >= TALL:
                tall(A, ai, sar, sam, sak, B, b, sbr, sbk, C, ci, scm, R, K, fresh, rest)
                m += TALL
            else:
                flat(A, ai, sar, sam, sak, B, b, sbr, sbk, C, ci, scm, R, K, fresh, rest)
                m += 1

    return rows


_two, _one, _rest = (_make_rows(N) for N in (2, 1, 0))


@njit(nogil=True, borrows=True, inner=True)
def gemm(A, left, B, right, C, out, M, N, R, K, fresh):
    """Add a matrix product on flat arrays, C[m, n] += sum_r sum_k A[r, m, k] B[r, k, n]. `Left`,
    `Right` and `Out` give the positions of its numbers.

    Each of the M x N numbers is a sum of R K terms in order of r and k, which starts from zero if
    `fresh`, and from C otherwise. Without terms C is not changed.
    """
    if R < 1 or K < 1:
        return
    a, sar, sam, sak = left
    b, sbr, sbk = right
    c, scm = out
    lanes = VECTOR_BITS // (8 * A.itemsize)
    n = 0
    while n + 2 * lanes <= N:
        _two(A, a, sar, sam, sak, B, b + n, sbr, sbk, C, c + n, scm, M, R, K, fresh, 0)
        n += 2 * lanes
    if n + lanes <= N:
        _one(A, a, sar, sam, sak, B, b + n, sbr, sbk, C, c + n, scm, M, R, K, fresh, 0)
        n += lanes
    if n < N:
        _rest(A, a, sar, sam, sak, B, b + n, sbr, sbk, C, c + n, scm, M, R, K, fresh, N - n)


_eight = _make_tile(1, 8)  # one row, with enough vectors to hide the latency of an addition


@njit(nogil=True, borrows=True, inner=True)
def row_times(A, B, C):
    """Add the product of a row and a matrix, C += A B, where A is (K,), B is a flat (K, N), and C
    is (N,). The sums are in order of k."""
    N = C.size
    K = A.size
    step = 8 * VECTOR_BITS // (8 * A.itemsize)
    n = 0
    while n + step <= N:
        _eight(A, 0, 0, 0, 1, B, n, 0, N, C, n, 0, 1, K, False, 0)
        n += step
    gemm(A, Left(0, 0, 0, 1), B, Right(n, 0, N), C, Out(n, 0), 1, N - n, 1, K, False)
