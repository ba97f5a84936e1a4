"""LLVM code for one vector register of eight floats: what `lanes` makes of each of its registers."""

from llvmlite import ir
from numba.core import cgutils

LANES = 8
VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INDEX = ir.IntType(32)


def spread(builder, number):
    """One number in all lanes."""
    one = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def fused(builder, factor, vector, total):
    """`factor * vector + total`, rounded once where the processor can."""
    return _call(builder, "llvm.fmuladd.v8f32", factor, vector, total)


def plus(builder, left, right):
    """Lane by lane."""
    return builder.fadd(left, right)


def larger(builder, left, right):
    """Of each pair of lanes; neither may be nan."""
    return builder.select(builder.fcmp_ordered(">", left, right), left, right)


def folded(builder, vector, combine):
    """Both halves combined, and so on until it is one number."""
    width = LANES
    while width > 1:
        width //= 2
        kind = ir.VectorType(_INDEX, width)
        halves = (ir.Constant(kind, [*range(start, start + width)]) for start in (0, width))
        vector = combine(builder, *(builder.shuffle_vector(vector, vector, half) for half in halves))
    return builder.extract_element(vector, ir.Constant(_INDEX, 0))


def exponential(builder, given):
    """exp(x) = 2^n exp(r) with |r| <= log(2) / 2, and exp(r) by its Taylor polynomial of degree 7."""
    constant = lambda number: ir.Constant(VECTOR, [float(number)] * LANES)  # noqa: E731
    x = larger(builder, given, constant(-87.0))
    doublings = _call(builder, "llvm.rint.v8f32", builder.fmul(x, constant(1.44269504)))
    # log(2) in two parts, of which the first has so few digits that its product with n is exact.
    rest = fused(builder, doublings, constant(-0.693359375), x)
    rest = fused(builder, doublings, constant(2.12194440e-4), rest)
    value = constant(1 / 5040)
    for factorial in (720, 120, 24, 6, 2, 1, 1):
        value = fused(builder, value, rest, constant(1 / factorial))
    whole = ir.VectorType(_INDEX, LANES)
    exponent = builder.shl(builder.fptosi(doublings, whole), ir.Constant(whole, [23] * LANES))
    return builder.bitcast(builder.add(builder.bitcast(value, whole), exponent), VECTOR)


def _call(builder, name, *args):
    kind = ir.FunctionType(VECTOR, [value.type for value in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)
