"""Exponential of non-positive numbers and logarithm of positive ones, for compiled loops.

Compilers vectorise them, unlike calls of libm.
"""

from functools import partial
from typing import no_type_check

import numpy as np
from numba import types
from numba.extending import overload

from weakseg.compilation.cache import cached

LOG2_E = 1.4426950408889634


# ln 2 in two parts, of which the first has few digits: its multiples are exact.
LN2_HIGH, LN2_LOW = 6.93145751953125e-1, 1.42860682030941723212e-6


SMALLEST = -708.0
"""Smallest argument with a normal exponential; below it, the result is 0."""


@partial(cached, error_model="numpy", fastmath={"contract"})
@no_type_check
def exponential(x):
    """exp(x) for x <= 0, accurate to 1-2 ulp."""
    # exp(x) = 2^power exp(rest) with |rest| <= ln(2) / 2. The rest is found in two subtractions, of which the first is
    # exact, because x may be hundreds of times larger than it.
    power = np.floor(x * LOG2_E + 0.5)
    rest = (x - power * LN2_HIGH) - power * LN2_LOW
    value = 1 / 6227020800.0
    # Taylor's series up to 13: at most 4e-18 is left out of it for |rest| <= ln(2) / 2.
    for factorial in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        value = value * rest + 1 / factorial
    value = (value * rest + 1.0) * rest + 1.0
    # The exponent is written into the bits of a float64 directly. Below -1022 it would not fit and make a negative
    # number, so it is held there and the result replaced by 0.
    two_to_power = np.int64((np.int64(max(power, -1022.0)) + 1023) << 52).view(np.float64)
    return value * two_to_power if x > SMALLEST else 0.0


SMALLEST_SINGLE = np.float32(-87.0)
LOG2_E_SINGLE = np.float32(LOG2_E)
# ln 2 in two parts again, for a mantissa of 24 bits.
LN2_HIGH_SINGLE, LN2_LOW_SINGLE = np.float32(0.693359375), np.float32(-2.12194440e-4)
FACTORIALS = tuple(np.float32(1 / factorial) for factorial in (720.0, 120.0, 24.0, 6.0, 2.0))
HALF, ONE = np.float32(0.5), np.float32(1)


@partial(cached, error_model="numpy", fastmath={"contract"})
@no_type_check
def exponential_single(x):
    """exp(x) for x <= 0 in float32, accurate to 2 ulp; 0 below -87."""
    # As above, with Taylor's series up to 7.
    power = np.floor(x * LOG2_E_SINGLE + HALF)
    rest = (x - power * LN2_HIGH_SINGLE) - power * LN2_LOW_SINGLE
    value = np.float32(1 / 5040)
    for factorial in FACTORIALS:
        value = value * rest + factorial
    value = (value * rest + ONE) * rest + ONE
    two_to_power = np.int32((np.int32(max(power, np.float32(-126))) + np.int32(127)) << np.int32(23)).view(np.float32)
    return value * two_to_power if x > SMALLEST_SINGLE else np.float32(0)


LN2_SINGLE = np.float32(0.6931471805599453)
ODD = tuple(np.float32(2 / n) for n in (9.0, 7.0, 5.0, 3.0, 1.0))
MANTISSA, ONE_BITS, ROOT_HALF_BITS = np.int32(0x007FFFFF), np.int32(0x3F800000), np.int32(0x3F3504F3)


@partial(cached, error_model="numpy", fastmath={"contract"})
@no_type_check
def logarithm_single(x):
    """ln(x) for normal x > 0 in float32, to 2e-7 of it or of 1."""
    # x = 2^power m with m between sqrt(1/2) and sqrt(2), so that the series of artanh is short.
    bits = np.int32(np.float32(x).view(np.int32) - ROOT_HALF_BITS)
    power = bits >> np.int32(23)
    m = np.int32((bits & MANTISSA) + ROOT_HALF_BITS).view(np.float32)
    # ln m = 2 artanh((m - 1) / (m + 1)), with |s| <= 0.172: six terms are enough.
    s = (m - ONE) / (m + ONE)
    square = s * s
    value = np.float32(2 / 11)
    for odd in ODD:
        value = value * square + odd
    return value * s + np.float32(power) * LN2_SINGLE


def exponential_of(x):
    """exp(x) for x <= 0 in the precision of x."""
    return np.exp(x)


def logarithm_of(x):
    """ln(x) for normal x > 0 in the precision of x."""
    return np.log(x)


@overload(exponential_of)
def _exponential_of(x):
    return (lambda x: exponential_single(x)) if x is types.float32 else (lambda x: exponential(x))


@overload(logarithm_of)
def _logarithm_of(x):
    return (lambda x: logarithm_single(x)) if x is types.float32 else (lambda x: np.log(x))
