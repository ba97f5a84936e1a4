"""Eight floats in one vector register, and up to four registers at once, for numba functions.

Numba leaves it to LLVM to find vector instructions, and LLVM gives up on rows that are looked up by an index, because
two rows might overlap. `Lanes` says outright what is meant: `load(values, row, first, registers)` takes neighbouring
floats of a row, `store` puts them back, and arithmetic works on all of them.

`registers` is a tuple of as many zeros: of a tuple numba knows the length while it compiles, so that all registers of a
row are straight-line code.
"""

from collections.abc import Callable
from functools import reduce
from inspect import unwrap
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.extending import models, register_model

from weakseg.kernels import vector_code
from weakseg.kernels.vector_code import LANES, VECTOR

_MOST = 4
"""Registers at once; with more, some would have to be put aside."""


def registers_for(channels: int) -> tuple[int, ...]:
    """The fewest registers that take so many channels in the fewest rounds."""
    needed = max(-(-channels // LANES), 1)
    rounds = -(-needed // _MOST)
    return (0,) * -(-needed // rounds)


class Lanes(types.Type):
    """Numba's type of so many registers of eight floats."""

    def __init__(self, count: int):
        super().__init__(name=f"Lanes({count})")
        self.count = count


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.ArrayType(VECTOR, fe_type.count))


def intrinsic(code: Callable[..., Any]) -> Callable[..., Any]:
    """What numba calls with its first argument, and users without."""
    return extending.intrinsic(unwrap(code))


@intrinsic
def load(typing, values, row, first, registers):
    """`values[row, first : first + 8 * len(registers)]`."""

    def code(context, builder, signature, args):
        places = _places(context, builder, signature, args, registers.count)
        return _joined(builder, [builder.load(place, align=4) for place in places])

    return Lanes(registers.count)(values, row, first, registers), code


@intrinsic
def store(typing, values, row, first, lanes):
    """`values[row, first : first + 8 * count] = lanes`."""

    def code(context, builder, signature, args):
        places = _places(context, builder, signature, args, lanes.count)
        for vector, place in zip(_split(builder, args[3]), places, strict=True):
            builder.store(vector, place, align=4)
        return context.get_dummy_value()

    return types.void(values, row, first, lanes), code


def _places(context, builder, signature, args, count):
    """Where each register begins in a row, which is contiguous."""
    values = context.make_array(signature.args[0])(context, builder, args[0])
    at = [context.cast(builder, args[i], signature.args[i], types.intp) for i in (1, 2)]
    place = cgutils.get_item_pointer(context, builder, signature.args[0], values, at, wraparound=False)
    start = builder.bitcast(place, VECTOR.as_pointer())
    return [builder.gep(start, [ir.Constant(ir.IntType(32), i)]) for i in range(count)]


def _split(builder, lanes):
    return [builder.extract_value(lanes, i) for i in range(lanes.type.count)]


def _joined(builder, vectors):
    lanes = ir.Constant(ir.ArrayType(VECTOR, len(vectors)), ir.Undefined)
    for i, vector in enumerate(vectors):
        lanes = builder.insert_value(lanes, vector, i)
    return lanes


def _each(combine):
    """Code that does the same with every register."""

    def code(context, builder, signature, args):
        together = zip(*(_split(builder, lanes) for lanes in args), strict=True)
        return _joined(builder, [combine(builder, *vectors) for vectors in together])

    return code


def _folded(combine):
    """Code that combines all registers, and the lanes of what they come to."""

    def code(context, builder, signature, args):
        together = reduce(lambda left, right: combine(builder, left, right), _split(builder, args[0]))
        return vector_code.folded(builder, together, combine)

    return code


@intrinsic
def spread(typing, number, registers):
    """One number in all lanes."""

    def code(context, builder, signature, args):
        value = context.cast(builder, args[0], signature.args[0], types.float32)
        everywhere = vector_code.spread(builder, value)
        return _joined(builder, [everywhere] * registers.count)

    return Lanes(registers.count)(number, registers), code


@intrinsic
def multiply_add(typing, factor, lanes, total):
    """`factor * lanes + total`, all of them lanes."""
    return lanes(factor, lanes, total), _each(vector_code.fused)


@intrinsic
def add(typing, left, right):
    """Lane by lane."""
    return left(left, right), _each(vector_code.plus)


@intrinsic
def subtract(typing, left, right):
    """Lane by lane."""
    return _lanes(left, right), lambda context, builder, signature, args: builder.fsub(*args)


@intrinsic
def multiply(typing, left, right):
    """Lane by lane."""
    return left(left, right), _each(lambda builder, a, b: builder.fmul(a, b))


@intrinsic
def larger(typing, left, right):
    """The larger of each pair of lanes; neither may be nan."""
    return left(left, right), _each(vector_code.larger)


@intrinsic
def smaller(typing, left, right):
    """The smaller of each pair of lanes; neither may be nan."""

    def code(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return _lanes(left, right), code


@intrinsic
def lowest(typing, lanes):
    """The smallest of the eight; none may be nan."""

    def code(context, builder, signature, args):
        return _folded(builder, args[0], lambda a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))

    return types.float32(lanes), code


@intrinsic
def highest(typing, lanes):
    """The largest of all; none may be nan."""
    return types.float32(lanes), _folded(vector_code.larger)


@intrinsic
def total(typing, lanes):
    """The sum of all, register by register, then in pairs of pairs."""
    return types.float32(lanes), _folded(vector_code.plus)


@intrinsic
def exponential(typing, lanes):
    """exp of each lane, which must not be above 0; below -87 it is next to nothing. Relative error below 2e-7."""
    return lanes(lanes), _each(vector_code.exponential)
