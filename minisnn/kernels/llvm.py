"""Pieces that kernels written in LLVM are put together from: vectors as long as the processor's, and loops over them."""

import llvmlite.binding as llvm
import llvmlite.ir as ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR_BITS = 512 if llvm.get_host_cpu_features().get("avx512f") else 256
INDEX = types.intp


@intrinsic
def _wide(typingctx):
    def codegen(context, builder, sig, args):
        set.add(builder.function.attributes, f'"prefer-vector-width"="{VECTOR_BITS}"')  # llvmlite's own `add` knows it not
        return context.get_dummy_value()

    return types.void(), codegen


def wide():
    """Called in a kernel: its loops become vectors as long as the processor's, where LLVM would stay at half of 512 bits."""


wide = wide if config.DISABLE_JIT else _wide


@intrinsic
def _reciprocal(typingctx, x):
    def codegen(context, builder, sig, args):
        (x,), kind = args, args[0].type
        number, bits = lambda a: ir.Constant(kind, a), ir.IntType(32)
        if sig.args[0].bitwidth != 32:
            return builder.fdiv(number(1), x)
        x = builder.select(builder.fcmp_ordered(">", x, number(1e18)), number(1e18), x)
        y = builder.bitcast(builder.sub(ir.Constant(bits, 0x7EF311C3), builder.bitcast(x, bits)), kind)
        for _ in range(2):  # y (1 + e + e^2), e = 1 - x y: 0.12, 2e-3, 6e-9
            e = builder.fma(builder.fneg(x), y, number(1))
            y = builder.fma(y, builder.fma(e, e, e), y)
        return y

    return x(x), codegen


def reciprocal(x):
    """1 / x for x >= 1. In float32 by multiplications alone, to a unit in the last place and up to 1e18, the first guess from
    its exponent: a vector of divisions takes as long as the rest of a membrane's step back."""
    return 1 / x


reciprocal = reciprocal if config.DISABLE_JIT else _reciprocal


def array_pointer(context, builder, array_type, value):
    return context.make_array(array_type)(context, builder, value).data


def vector_ops(builder, element, bits, width):
    """(vector type, load, store, splat, fma) for vectors of `bits` bits."""
    lanes = bits // width
    vec = ir.VectorType(element, lanes)
    fma_function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vec, [vec] * 3), f"llvm.fma.v{lanes}f{width}")
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


def open_loop(builder, n, start):
    """Open a loop of n >= 1 rounds over values that are carried round: (counter, carried, close(new) -> values at the end)."""
    before, body = builder.block, builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    counter = builder.phi(n.type)
    carried = {g: builder.phi(v.type) for g, v in start.items()}

    def close(new):
        following, inside = builder.add(counter, ir.Constant(n.type, 1)), builder.block
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


def each(builder, element, width, n, body, together=(4, 1)):
    """Emit body(ops, k) for k = 0 .. n in vectors, so many `together` while they last, then one by one; ops of that length."""
    k = ir.Constant(n.type, 0)
    for bits, unroll in (*((VECTOR_BITS, m) for m in together), (width, 1)):
        ops, lanes = vector_ops(builder, element, bits, width), bits // width
        step = ir.Constant(n.type, unroll * lanes)
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("<=", builder.add(k, step), n), loop, after)
        builder.position_at_end(loop)
        at = builder.phi(n.type)
        at.add_incoming(k, before)
        body(ops, [builder.add(at, ir.Constant(n.type, m * lanes)) for m in range(unroll)])
        following, inside = builder.add(at, step), builder.block
        at.add_incoming(following, inside)
        builder.cbranch(builder.icmp_signed("<=", builder.add(following, step), n), loop, after)
        builder.position_at_end(after)
        end = builder.phi(n.type)
        end.add_incoming(k, before)
        end.add_incoming(following, inside)
        k = end
