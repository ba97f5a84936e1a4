"""How kernels are compiled: once for each processor, kept on disk, free of the interpreter lock."""

from collections.abc import Callable
from inspect import unwrap

from numba import njit


def compiled(kernel: Callable) -> Callable:
    """numba's compiler, on the bare function: what a test's shape checks wrap around it could not be cached."""
    return njit(nogil=True, cache=True)(unwrap(kernel))


def compiled_without_arrays(kernel: Callable) -> Callable:
    """The same where no array is made or returned: numba does not count who holds one, a quarter of the time of moves.

    Its switch has no documentation. Without it kernels are as right, and slower.
    """
    return njit(nogil=True, cache=True, _nrt=False)(unwrap(kernel))  # pyright: ignore[reportCallIssue]


def compiled_fast(kernel: Callable) -> Callable:
    """That, for loops over floats whose order of summation is free; no number in them may be NaN."""
    return njit(nogil=True, cache=True, fastmath=True, _nrt=False)(unwrap(kernel))  # pyright: ignore[reportCallIssue]


def compiled_numpy(kernel: Callable) -> Callable:
    """The same where a division by 0 is no error but infinite or NaN, as in numpy."""
    return njit(nogil=True, cache=True, error_model="numpy")(unwrap(kernel))


def inlined(kernel: Callable) -> Callable:
    """Copied into its callers: in an inner loop, a call would hand over every field of every array."""
    return njit(inline="always")(unwrap(kernel))
