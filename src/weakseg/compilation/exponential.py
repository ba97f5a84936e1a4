"""Exponential of non-positive numbers, for compiled loops."""

from functools import partial
from typing import no_type_check

import numpy as np

from weakseg.compilation.cache import cached

LOG2_E = 1.4426950408889634


# ln 2 in two parts, of which the first has few digits: its multiples are exact.
LN2_HIGH, LN2_LOW = 6.93145751953125e-1, 1.42860682030941723212e-6


SMALLEST = -708.0
"""Smallest argument with a normal exponential; below it, the result is 0."""


@partial(cached, error_model="numpy", fastmath={"contract"})
@no_type_check
def exponential(x):
    """exp(x) for x <= 0, accurate to 1-2 ulp.

    Compilers vectorise it, unlike calls of libm.
    """
    power = np.floor(x * LOG2_E + 0.5)
    rest = (x - power * LN2_HIGH) - power * LN2_LOW
    value = 1 / 6227020800.0
    # Taylor's series up to 13: at most 4e-18 is left out of it for |rest| <= ln(2) / 2.
    for factorial in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        value = value * rest + 1 / factorial
    value = (value * rest + 1.0) * rest + 1.0
    two_to_power = np.int64((np.int64(max(power, -1022.0)) + 1023) << 52).view(np.float64)
    return value * two_to_power if x > SMALLEST else 0.0
