"""Maps of vectors by a small constant matrix, written out: the way to Winograd's points and back (`dense`)."""

import llvmlite.ir as ir
import numpy as np
from numba import config, types
from numba.extending import intrinsic

from .llvm import INDEX, array_pointer, each


def mapped(matrix: np.ndarray):
    """A function (x, i, si, y, o, so, n) that maps n numbers side by side by a constant matrix, on flat arrays:

        y[o + r so + m] = sum_j matrix[r, j] x[i + j si + m]        m < n

    Of 5 or 8 rows or columns at the points 0, 1, -1, 2, -2, ... and infinity: what points p and -p share is summed once. A
    pair of rows is even + odd and even - odd columns; of a pair of columns, even rows take the sum and odd ones the difference.
    """
    if config.DISABLE_JIT:

        def plain(x, i, si, y, o, so, n):
            columns = [x[i + j * si :][:n] for j in range(matrix.shape[1])]
            for r, row in enumerate(matrix):
                y[o + r * so :][:n] = sum(a * column for a, column in zip(row, columns))

        return plain
    M, (rows, columns) = matrix.tolist(), matrix.shape

    @intrinsic
    def map_points(typingctx, x, i, si, y, o, so, n):
        def codegen(context, builder, sig, args):
            dtype, element = sig.args[0].dtype, context.get_value_type(sig.args[0].dtype)
            px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 3))
            i, si, o, so, n = (args[m] for m in (1, 2, 4, 5, 6))
            places = [
                [builder.add(a, builder.mul(s, ir.Constant(n.type, k))) for k in range(m)]
                for a, s, m in ((i, si, columns), (o, so, rows))
            ]

            def body(ops, steps):
                vec, load, store, _, fma = ops

                def weighed(terms):
                    """sum a v"""
                    (a, total), *rest = sorted((t for t in terms if t[0]), key=lambda t: t[0] != 1)
                    total = total if a == 1 else builder.fmul(total, ir.Constant(vec, [a] * vec.count))
                    for a, v in rest:
                        one = {1: builder.fadd, -1: builder.fsub}.get(a)
                        total = one(total, v) if one else fma(v, ir.Constant(vec, [a] * vec.count), total)
                    return total

                for k in steps:
                    v = [load(px, builder.add(at, k)) for at in places[0]]
                    if rows == 8:
                        halves = [
                            [weighed([(M[r][j], v[j]) for j in range(odd, columns, 2)]) for odd in (0, 1)] for r in (1, 3, 5)
                        ]
                        pairs = [do(*half) for half in halves for do in (builder.fadd, builder.fsub)]
                        found = [weighed(zip(M[0], v)), *pairs, weighed(zip(M[7], v))]
                    else:
                        folded = [[do(v[j], v[j + 1]) for j in (1, 3, 5)] for do in (builder.fadd, builder.fsub)]
                        found = [
                            weighed(zip([row[0], *row[1:7:2], row[7]], [v[0], *folded[r % 2], v[7]])) for r, row in enumerate(M)
                        ]
                    for at, one in zip(places[1], found):
                        store(one, py, builder.add(at, k))

            each(builder, element, dtype.bitwidth, n, body, (1,))
            return context.get_dummy_value()

        return types.void(x, INDEX, INDEX, y, INDEX, INDEX, INDEX), codegen

    return map_points
