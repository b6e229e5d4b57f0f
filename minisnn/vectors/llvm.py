"""Building blocks of kernels written in LLVM: vectors as long as the processor's, loops over them,
and maps of vectors by a constant matrix."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm
import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..parallel import shares

INDEX = types.intp


def _vector_bits(processor: str, features: Mapping[str, bool]) -> int:
    """Return the length of a vector in bits, for x86-64 with or without AVX-512, or for NEON, which
    every aarch64 has. `processor` is the first part of LLVM's name for the machine."""
    if processor != "x86_64":
        return 128
    return 512 if features.get("avx512f") else 256


VECTOR_BITS = _vector_bits(
    llvm.get_process_triple().partition("-")[0], llvm.get_host_cpu_features()
)
REGISTERS = 16 if VECTOR_BITS == 256 else 32  # number of vector registers


@intrinsic
def wide(typingctx):
    """Let the loops in the calling kernel use the processor's full vectors; by default LLVM would
    use only half of 512 bits."""

    def codegen(context, builder, sig, args):
        # llvmlite's own `add` does not support it
        set.add(builder.function.attributes, f'"prefer-vector-width"="{VECTOR_BITS}"')
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def apart(typingctx):
    """Tell LLVM that the calling kernel's arrays do not overlap, so that it vectorises without
    checks."""

    def codegen(context, builder, sig, args):
        for argument in builder.function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def reciprocal(typingctx, x):
    """1 / x for x >= 1. In float32 this only multiplies, starting from a guess made from the
    exponent, because a vector division takes as long as the rest of a membrane's backward step. Up
    to 1e18 the error is at most one unit in the last place."""

    def codegen(context, builder, sig, args):
        (x,), kind = args, args[0].type
        number = lambda a: ir.Constant(kind, a)
        bits = ir.IntType(32)
        if sig.args[0].bitwidth != 32:
            return builder.fdiv(number(1), x)
        x = builder.select(builder.fcmp_ordered(">", x, number(1e18)), number(1e18), x)
        y = builder.bitcast(
            builder.sub(ir.Constant(bits, 0x7EF311C3), builder.bitcast(x, bits)), kind
        )
        for _ in range(2):  # y (1 + e + e^2), e = 1 - x y: 0.12, 2e-3, 6e-9
            e = builder.fma(builder.fneg(x), y, number(1))
            y = builder.fma(y, builder.fma(e, e, e), y)
        return y

    return x(x), codegen


def array_pointer(context, builder, array_type, value):
    return context.make_array(array_type)(context, builder, value).data


def vector_ops(builder, element, bits, width):
    """Return (vector type, load, store, splat, fma) for vectors that are `bits` bits long."""
    lanes = bits // width
    vec = ir.VectorType(element, lanes)
    fma_function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vec, [vec] * 3), f"llvm.fma.v{lanes}f{width}"
    )
    undefined = ir.Constant(vec, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)

    def load(pointer, offset):
        out = builder.load(builder.bitcast(builder.gep(pointer, [offset]), vec.as_pointer()))
        out.align = width // 8
        return out

    def store(v, pointer, offset):
        builder.store(
            v, builder.bitcast(builder.gep(pointer, [offset]), vec.as_pointer())
        ).align = width // 8

    def splat(scalar):
        first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, undefined, zeros)

    return vec, load, store, splat, lambda a, b, c: builder.call(fma_function, [a, b, c])


def masked_ops(builder, element, bits, width, left):
    """Return (load, store), like those of `vector_ops`, but for the first `left` lanes only: the
    other lanes are neither read nor written."""
    lanes = bits // width
    vec = ir.VectorType(element, lanes)
    many = ir.VectorType(left.type, lanes)
    bit = ir.VectorType(ir.IntType(1), lanes)
    pointer = vec.as_pointer()
    align = ir.Constant(ir.IntType(32), width // 8)
    undefined = ir.Constant(many, ir.Undefined)
    first = builder.insert_element(undefined, left, ir.Constant(ir.IntType(32), 0))
    lefts = builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    )
    mask = builder.icmp_signed("<", ir.Constant(many, list(range(lanes))), lefts)
    place = lambda array, offset: builder.bitcast(builder.gep(array, [offset]), pointer)

    def declared(name, to, *of):
        kind = f"llvm.masked.{name}.v{lanes}f{width}.p0v{lanes}f{width}"
        return cgutils.get_or_insert_function(builder.module, ir.FunctionType(to, of), kind)

    def load(array, offset):
        read = declared("load", vec, pointer, align.type, bit, vec)
        return builder.call(
            read, [place(array, offset), align, mask, ir.Constant(vec, [0.0] * lanes)]
        )

    def store(v, array, offset):
        builder.call(
            declared("store", ir.VoidType(), vec, pointer, align.type, bit),
            [v, place(array, offset), align, mask],
        )

    return load, store


def open_loop(builder, n, start):
    """Open a loop that runs n >= 1 rounds and carries values from one round to the next. Return
    (counter, carried, close); close(new) ends the loop and returns the values after its last
    round."""
    before = builder.block
    body = builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    counter = builder.phi(n.type)
    carried = {g: builder.phi(v.type) for g, v in start.items()}

    def close(new):
        following = builder.add(counter, ir.Constant(n.type, 1))
        inside = builder.block
        counter.add_incoming(ir.Constant(n.type, 0), before)
        counter.add_incoming(following, inside)
        for g, phi in carried.items():
            phi.add_incoming(start[g], before)
            phi.add_incoming(new[g], inside)
        after = builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("<", following, n), body, after)
        builder.position_at_end(after)
        return new

    return counter, carried, close


def each(builder, element, width, n, body, together=(4, 1), halves=False, masked=False):
    """Emit body(ops, k) for k = 0 .. n in vectors: first `together` vectors at a time, then one by
    one. The numbers that remain form one `masked` vector, or are computed singly. `ops` work on
    vectors of the current length. With `halves`, a loop over half vectors comes before the last
    one, for n that are often half a vector. Each loop adds to compile time."""
    k = ir.Constant(n.type, 0)
    half = [(VECTOR_BITS // 2, 1)] * (halves and VECTOR_BITS // 2 > width)
    rest = [] if masked else [(width, 1)]
    for bits, unroll in (*((VECTOR_BITS, m) for m in together), *half, *rest):
        ops = vector_ops(builder, element, bits, width)
        lanes = bits // width
        step = ir.Constant(n.type, unroll * lanes)
        before = builder.block
        loop = builder.append_basic_block()
        after = builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("<=", builder.add(k, step), n), loop, after)
        builder.position_at_end(loop)
        at = builder.phi(n.type)
        at.add_incoming(k, before)
        body(ops, [builder.add(at, ir.Constant(n.type, m * lanes)) for m in range(unroll)])
        following = builder.add(at, step)
        inside = builder.block
        at.add_incoming(following, inside)
        builder.cbranch(builder.icmp_signed("<=", builder.add(following, step), n), loop, after)
        builder.position_at_end(after)
        end = builder.phi(n.type)
        end.add_incoming(k, before)
        end.add_incoming(following, inside)
        k = end
    if masked:
        left = builder.sub(n, k)
        with builder.if_then(builder.icmp_signed(">", left, ir.Constant(n.type, 0))):
            ops = vector_ops(builder, element, VECTOR_BITS, width)
            load, store = masked_ops(builder, element, VECTOR_BITS, width, left)
            body((ops[0], load, store, *ops[3:]), [k])


def mapped(matrix: np.ndarray):
    """Return a function (x, i, si, y, o, so, n) that multiplies a constant matrix by the numbers in
    flat arrays, for n adjacent numbers at once:

        y[o + r so + m] = sum_j matrix[r, j] x[i + j si + m]        m < n

    The matrix has 5 or 8 rows or columns, for the points 0, 1, -1, 2, -2, ... and infinity. Terms
    that the points p and -p share are summed once. A pair of rows is the even columns plus the odd
    ones, and the even columns minus the odd ones. With a pair of columns, even rows use their sum
    and odd rows use their difference.
    """
    pairs = np.eye(8)
    for n in (1, 3, 5):
        pairs[n : n + 2, n : n + 2] = [[1, 1], [1, -1]]
    apart = pairs / (pairs @ pairs).diagonal()  # the inverse
    factors = (apart @ matrix, pairs) if len(matrix) == 8 else (pairs, matrix @ apart)

    @intrinsic
    def map_points(typingctx, x, i, si, y, o, so, n):
        def codegen(context, builder, sig, args):
            dtype = sig.args[0].dtype
            element = context.get_value_type(dtype)
            px, py = (array_pointer(context, builder, sig.args[m], args[m]) for m in (0, 3))
            i, si, o, so, n = (args[m] for m in (1, 2, 4, 5, 6))
            number = lambda k: ir.Constant(n.type, k)
            sources = [builder.add(i, builder.mul(si, number(k))) for k in range(matrix.shape[1])]
            places = [builder.add(o, builder.mul(so, number(k))) for k in range(len(matrix))]

            def body(ops, steps):
                vec, load, store, _, fma = ops
                constant = lambda a: ir.Constant(vec, [a] * vec.count)

                def weighed(weights, v):
                    """sum a v"""
                    terms = [term for term in zip(weights, v) if term[0]]
                    (a, total), *rest = sorted(terms, key=lambda term: term[0] != 1)
                    total = total if a == 1 else builder.fmul(total, constant(a))
                    for a, one in rest:
                        add = {1: builder.fadd, -1: builder.fsub}.get(a)
                        total = add(total, one) if add else fma(one, constant(a), total)
                    return total

                for k in steps:
                    v = [load(px, builder.add(at, k)) for at in sources]
                    for factor in factors:
                        v = [weighed(row, v) for row in factor.tolist()]
                    for at, one in zip(places, v):
                        store(one, py, builder.add(at, k))

            each(builder, element, dtype.bitwidth, n, body, (1,))
            return context.get_dummy_value()

        return types.void(x, INDEX, INDEX, y, INDEX, INDEX, INDEX), codegen

    return map_points


def cached(make: Callable) -> Callable:
    """Return a function that returns the addresses from `make`, which is called once for each key.
    Nothing is cached while kernels are only recorded (`threads.noting`), because they have no
    addresses then."""
    kept = lru_cache(None)(make)

    def found(*key: Any) -> Any:
        return make(*key) if shares.noted is not None else kept(*key)

    return found


def address_of(kernel, signature) -> Any:
    """Return the address of a kernel's machine code for these types, valid as long as the kernel
    exists."""
    if shares.noted is not None:
        shares.noted.append((kernel, signature.args))
        return 0
    kernel.compile(signature.args)
    found = kernel.overloads[signature.args]
    address = found.library.get_pointer_to_function(found.fndesc.llvm_func_name)
    if not address:
        raise TypeError(f"{kernel.py_func.__qualname__} is not `apart`, so it has no address")
    return address


@intrinsic
def call_at(typingctx, address, arguments):
    """Call an address from `address_of` with a tuple of arguments; their types must be those for
    which it was compiled."""

    def codegen(context, builder, sig, args):
        kinds = tuple(sig.args[1])
        kind = context.call_conv.get_function_type(types.none, kinds)
        called = builder.inttoptr(args[0], kind.as_pointer())
        given = cgutils.unpack_tuple(builder, args[1])
        context.call_conv.call_function(builder, called, types.none, kinds, given)
        return context.get_dummy_value()

    return types.none(address, arguments), codegen
