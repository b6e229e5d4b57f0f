"""Two vector primitives that numba's own loops do not reach: a register tile of C += A B, and y += a x.

Both are written as LLVM vectors of 512 bits, which LLVM splits where the processor has shorter ones. A tile of 8 x 32
float32 keeps 16 accumulators in registers over the whole sum and runs at the processor's multiply-add peak, where BLAS
stays below it for products as small as one time step of a layer. The order of every sum is fixed.
"""
import llvmlite.ir as ir
import numpy as np
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR_BITS = 512
ALIGNMENT = VECTOR_BITS // 8    # bytes; vectors that straddle cache lines cost a third of the speed
INDEX = types.intp


def aligned_empty(shape: tuple[int, ...], dtype) -> np.ndarray:
    """np.empty whose first element lies at a multiple of ALIGNMENT."""
    size, dtype = int(np.prod(shape)), np.dtype(dtype)
    buffer = np.empty(size * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    return buffer[start:start + size * dtype.itemsize].view(dtype).reshape(shape)


def aligned_zeros(shape: tuple[int, ...], dtype) -> np.ndarray:
    """np.zeros whose first element lies at a multiple of ALIGNMENT."""
    out = aligned_empty(shape, dtype)
    out[...] = 0
    return out


@njit(cache=True)
def zeros(size, like):
    """A flat array of zeros in `like`'s dtype, its first element at a multiple of ALIGNMENT."""
    buffer = np.zeros(size + ALIGNMENT // like.itemsize, like.dtype)
    start = (-buffer.ctypes.data % ALIGNMENT) // like.itemsize
    return buffer[start:start + size]


def _pointer(context, builder, array_type, value):
    return context.make_array(array_type)(context, builder, value).data


def _vector_ops(builder, element, bits, width):
    """(vector type, load, store, splat, fma) for vectors of `bits` bits."""
    lanes = bits // width
    vec = ir.VectorType(element, lanes)
    fma_function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vec, [vec] * 3), f"llvm.fma.v{lanes}f{width}")
    undefined = ir.Constant(vec, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)

    def load(pointer, offset):
        out = builder.load(builder.bitcast(builder.gep(pointer, [offset]), vec.as_pointer()))
        out.align = width // 8
        return out

    def store(v, pointer, offset):
        builder.store(v, builder.bitcast(builder.gep(pointer, [offset]), vec.as_pointer())).align = width // 8

    def splat(scalar):
        first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, undefined, zeros)

    return vec, load, store, splat, lambda a, b, c: builder.call(fma_function, [a, b, c])


def _make_tile(M: int, N: int, bits: int):
    """tile(A, a, sam, sak, B, b, sbk, C, c, scm, K): for M rows and N vectors of columns,

        C[c + m scm + n] += sum_k A[a + m sam + k sak] * B[b + k sbk + n]        k = 0 .. K-1 in order
    """
    @intrinsic
    def tile(typingctx, A, a, sam, sak, B, b, sbk, C, c, scm, K):
        signature = types.void(A, INDEX, INDEX, INDEX, B, INDEX, INDEX, C, INDEX, INDEX, INDEX)

        def codegen(context, builder, sig, args):
            width = sig.args[0].dtype.bitwidth
            element = context.get_value_type(sig.args[0].dtype)
            vec, load, store, splat, fma = _vector_ops(builder, element, bits, width)
            pa, pb, pc = (_pointer(context, builder, sig.args[i], args[i]) for i in (0, 4, 7))
            a, sam, sak, b, sbk, c, scm, K = (args[i] for i in (1, 2, 3, 5, 6, 8, 9, 10))
            number = lambda n: ir.Constant(K.type, n)
            grid = [(m, n) for m in range(M) for n in range(N)]
            place = {(m, n): builder.add(builder.add(c, builder.mul(number(m), scm)), number(n * bits // width))
                     for m, n in grid}
            start = {g: load(pc, place[g]) for g in grid}
            before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.cbranch(builder.icmp_signed(">", K, number(0)), loop, after)
            builder.position_at_end(loop)
            k = builder.phi(K.type)
            total = {g: builder.phi(vec) for g in grid}
            row = builder.add(b, builder.mul(k, sbk))
            columns = [load(pb, builder.add(row, number(n * bits // width))) for n in range(N)]
            column = builder.add(a, builder.mul(k, sak))
            new = {}
            for m in range(M):
                x = splat(builder.load(builder.gep(pa, [builder.add(column, builder.mul(number(m), sam))])))
                for n in range(N):
                    new[m, n] = fma(x, columns[n], total[m, n])
            next_k = builder.add(k, number(1))
            k.add_incoming(number(0), before)
            k.add_incoming(next_k, loop)
            builder.cbranch(builder.icmp_signed("<", next_k, K), loop, after)
            builder.position_at_end(after)
            end = {g: builder.phi(vec) for g in grid}
            for g in grid:
                total[g].add_incoming(start[g], before)
                total[g].add_incoming(new[g], loop)
                end[g].add_incoming(start[g], before)
                end[g].add_incoming(new[g], loop)
            for g in grid:
                store(end[g], pc, place[g])
            return context.get_dummy_value()

        return signature, codegen

    return tile


@intrinsic
def _axpy(typingctx, y, i, a, x, j, n):
    signature = types.void(y, INDEX, y.dtype, x, INDEX, INDEX)

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        element, width = context.get_value_type(dtype), dtype.bitwidth
        py, px = (_pointer(context, builder, sig.args[n], args[n]) for n in (0, 3))
        i, a, j, n = (args[m] for m in (1, 2, 4, 5))
        at = {}
        for bits, unroll in ((VECTOR_BITS, 4), (VECTOR_BITS, 1), (width, 1)):    # what is left, ever finer
            vec, load, store, splat, fma = _vector_ops(builder, element, bits, width)
            lanes = ir.Constant(n.type, unroll * bits // width)
            scale = splat(a)
            before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
            first = at.get("k", ir.Constant(n.type, 0))
            builder.cbranch(builder.icmp_signed("<=", builder.add(first, lanes), n), loop, after)
            builder.position_at_end(loop)
            k = builder.phi(n.type)
            shifts = [builder.add(k, ir.Constant(n.type, m * bits // width)) for m in range(unroll)]
            sums = [fma(scale, load(px, builder.add(j, k)), load(py, builder.add(i, k))) for k in shifts]
            for one, shift in zip(sums, shifts):
                store(one, py, builder.add(i, shift))
            next_k = builder.add(k, lanes)
            builder.cbranch(builder.icmp_signed("<=", builder.add(next_k, lanes), n), loop, after)
            k.add_incoming(first, before)
            k.add_incoming(next_k, loop)
            builder.position_at_end(after)
            at["k"] = builder.phi(n.type)
            at["k"].add_incoming(first, before)
            at["k"].add_incoming(next_k, loop)
        return context.get_dummy_value()

    return signature, codegen


if config.DISABLE_JIT:
    def axpy(y, i, a, x, j, n):
        y[i:i + n] += a * x[j:j + n]

    def gemm(A, a, sam, sak, B, b, sbk, C, c, scm, M, N, K):
        for m in range(M):
            for k in range(K):
                C[c + m * scm:c + m * scm + N] += A[a + m * sam + k * sak] * B[b + k * sbk:b + k * sbk + N]
else:
    _tile8x2, _tile4x2, _tile1x2 = (_make_tile(M, 2, VECTOR_BITS) for M in (8, 4, 1))
    _tile8x1, _tile4x1, _tile1x1 = (_make_tile(M, 1, VECTOR_BITS) for M in (8, 4, 1))

    @njit(inline="always")
    def axpy(y, i, a, x, j, n):
        """y[i:i+n] += a x[j:j+n] on flat arrays."""
        _axpy(y, i, a, x, j, n)

    @njit(cache=True)
    def gemm(A, a, sam, sak, B, b, sbk, C, c, scm, M, N, K):
        """C[c + m scm + n] += sum_k A[a + m sam + k sak] B[b + k sbk + n] on flat arrays, M x N, K terms in order."""
        lanes = VECTOR_BITS // (8 * A.itemsize)
        n = 0
        while n + lanes <= N:
            wide = n + 2 * lanes <= N
            m = 0
            while m < M:
                ai, ci = a + m * sam, c + m * scm + n
                if m + 8 <= M:
                    if wide:
                        _tile8x2(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    else:
                        _tile8x1(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    m += 8
                elif m + 4 <= M:
                    if wide:
                        _tile4x2(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    else:
                        _tile4x1(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    m += 4
                else:
                    if wide:
                        _tile1x2(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    else:
                        _tile1x1(A, ai, sam, sak, B, b + n, sbk, C, ci, scm, K)
                    m += 1
            n += 2 * lanes if wide else lanes
        if n < N:                                                # columns that fill no vector
            for m in range(M):
                for k in range(K):
                    x = A[a + m * sam + k * sak]
                    for j in range(n, N):
                        C[c + m * scm + j] += x * B[b + k * sbk + j]
