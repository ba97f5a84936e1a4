"""Eight floats in one vector register, for numba functions.

Numba leaves vectorisation to LLVM, and LLVM gives up on rows that are looked up by an index, because two rows might
overlap. `Lanes` is explicit: `load(values, row, first)` takes eight neighbouring floats of a row, `store` puts them
back, and arithmetic works on all eight.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.extending import models, register_model

LANES = 8

_VECTOR = ir.VectorType(ir.FloatType(), LANES)


class Lanes(types.Type):
    """Numba's type of eight floats."""

    def __init__(self):
        super().__init__(name="Lanes")


_lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _VECTOR)


def intrinsic(code: Callable[..., Any]) -> Callable[..., Any]:
    """numba's `intrinsic`, applied to the bare function.

    numba passes the first argument, users do not.
    """
    return extending.intrinsic(unwrap(code))


def _pointer(context, builder, array_type, array, row, first):
    """Address of eight neighbouring floats of a row.

    Rows are contiguous.
    """
    values = context.make_array(array_type)(context, builder, array)
    # `wraparound=False`: indices are never negative here, and the test for it would stand in the innermost loop.
    place = cgutils.get_item_pointer(context, builder, array_type, values, [row, first], wraparound=False)
    return builder.bitcast(place, _VECTOR.as_pointer())


@intrinsic
def load(typing, values, row, first):
    """`values[row, first : first + 8]`."""

    def code(context, builder, signature, args):
        row, first = (_index(context, builder, *pair) for pair in zip(args[1:], signature.args[1:], strict=True))
        # Aligned to four bytes only: a row of a slice may begin anywhere, and the instruction for aligned vectors would
        # crash there.
        return builder.load(_pointer(context, builder, signature.args[0], args[0], row, first), align=4)

    return _lanes(values, row, first), code


@intrinsic
def store(typing, values, row, first, lanes):
    """`values[row, first : first + 8] = lanes`."""

    def code(context, builder, signature, args):
        row, first = (_index(context, builder, *pair) for pair in zip(args[1:3], signature.args[1:3], strict=True))
        builder.store(args[3], _pointer(context, builder, signature.args[0], args[0], row, first), align=4)
        return context.get_dummy_value()

    return types.void(values, row, first, lanes), code


def _index(context, builder, value, number_type):
    return context.cast(builder, value, number_type, types.intp)


@intrinsic
def spread(typing, number):
    """One number in all lanes."""

    def code(context, builder, signature, args):
        return _spread(builder, context.cast(builder, args[0], signature.args[0], types.float32))

    return _lanes(number), code


def _spread(builder, number):
    # LLVM's own idiom for a broadcast, which becomes a single instruction.
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _call(builder, name, result, *args):
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(result, [value.type for value in args]), name
    )
    return builder.call(function, args)


@intrinsic
def multiply_add(typing, factor, lanes, total):
    """`factor * lanes + total`, lane by lane."""

    def code(context, builder, signature, args):
        return _call(builder, "llvm.fmuladd.v8f32", _VECTOR, *args)

    return _lanes(factor, lanes, total), code


@intrinsic
def add(typing, left, right):
    """Sum, lane by lane."""
    return _lanes(left, right), lambda context, builder, signature, args: builder.fadd(*args)


@intrinsic
def subtract(typing, left, right):
    """Difference, lane by lane."""
    return _lanes(left, right), lambda context, builder, signature, args: builder.fsub(*args)


@intrinsic
def multiply(typing, left, right):
    """Product, lane by lane."""
    return _lanes(left, right), lambda context, builder, signature, args: builder.fmul(*args)


@intrinsic
def larger(typing, left, right):
    """Maximum, lane by lane.

    Neither may be NaN.
    """

    def code(context, builder, signature, args):
        # A comparison and a choice: LLVM makes one instruction of it, which `maxnum` with its rules for nan is not.
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return _lanes(left, right), code


@intrinsic
def smaller(typing, left, right):
    """Minimum, lane by lane.

    Neither may be NaN.
    """

    def code(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return _lanes(left, right), code


@intrinsic
def lowest(typing, lanes):
    """Smallest of the eight; none may be NaN."""

    def code(context, builder, signature, args):
        return _folded(builder, args[0], lambda a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))

    return types.float32(lanes), code


@intrinsic
def highest(typing, lanes):
    """Largest of the eight; none may be NaN."""

    def code(context, builder, signature, args):
        return _folded(builder, args[0], lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))

    return types.float32(lanes), code


@intrinsic
def total(typing, lanes):
    """Sum of the eight, in pairs of pairs."""
    return types.float32(lanes), lambda context, builder, signature, args: _folded(builder, args[0], builder.fadd)


def _folded(builder, lanes, combine):
    width = LANES
    while width > 1:
        width //= 2
        kind = ir.VectorType(ir.IntType(32), width)
        halves = [builder.shuffle_vector(lanes, lanes, ir.Constant(kind, [*range(s, s + width)])) for s in (0, width)]
        lanes = combine(*halves)
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))


@intrinsic
def exponential(typing, lanes):
    """exp of each lane for x <= 0.

    Below -87 it is next to nothing. The relative error is below 2e-7.

    exp(x) = 2^n exp(r) with |r| <= log(2) / 2, and exp(r) by its Taylor polynomial of degree 7.
    """

    def code(context, builder, signature, args):
        constant = lambda number: ir.Constant(_VECTOR, [float(number)] * LANES)  # noqa: E731
        fused = lambda a, b, c: _call(builder, "llvm.fmuladd.v8f32", _VECTOR, a, b, c)  # noqa: E731
        low = constant(-87.0)
        x = builder.select(builder.fcmp_ordered(">", args[0], low), args[0], low)
        doublings = _call(builder, "llvm.rint.v8f32", _VECTOR, builder.fmul(x, constant(1.44269504)))
        # log(2) in two parts, of which the first has so few digits that its product with n is exact.
        rest = fused(doublings, constant(2.12194440e-4), fused(doublings, constant(-0.693359375), x))
        value = constant(1 / 5040)
        for factorial in (720, 120, 24, 6, 2, 1, 1):
            value = fused(value, rest, constant(1 / factorial))
        whole = ir.VectorType(ir.IntType(32), LANES)
        # 2^n is added to the exponent's bits of exp(r), which is cheaper than a product.
        exponent = builder.shl(builder.fptosi(doublings, whole), ir.Constant(whole, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(value, whole), exponent), _VECTOR)

    return _lanes(lanes), code
