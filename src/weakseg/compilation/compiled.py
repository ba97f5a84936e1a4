"""How kernels are compiled: once for each processor, kept on disk, free of the interpreter lock."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import unwrap
from threading import Timer

from numba import njit
from numba.core.event import Event, Listener, install_listener

from weakseg.compilation.cache import kept

_PATIENCE_S = 2.0
"""Before it is told that kernels are compiled."""


def compiled(kernel: Callable) -> Callable:
    """numba's compiler, on the bare function: what a test's shape checks wrap around it could not be cached."""
    return kept(unwrap(kernel))


def compiled_without_arrays(kernel: Callable) -> Callable:
    """The same where no array is made or returned: numba does not count who holds one, a quarter of the time of moves.

    Its switch has no documentation. Without it kernels are as right, and slower.
    """
    return kept(unwrap(kernel), _nrt=False)


def compiled_fast(kernel: Callable) -> Callable:
    """That, for loops over floats whose order of summation is free; no number in them may be NaN."""
    return kept(unwrap(kernel), fastmath=True, _nrt=False)


def compiled_numpy(kernel: Callable) -> Callable:
    """The same where a division by 0 is no error but infinite or NaN, as in numpy."""
    return kept(unwrap(kernel), error_model="numpy")


def inlined(kernel: Callable) -> Callable:
    """Copied into its callers: in an inner loop, a call would hand over every field of every array."""
    return njit(inline="always")(unwrap(kernel))


@contextmanager
def told_of_compiling(what: str) -> Iterator[None]:
    """Say on stderr that kernels are compiled, where they are, and not merely loaded, and it takes long."""
    listener = _Teller(what)
    try:
        with install_listener("numba:compile", listener):
            yield
    finally:
        listener.timer.cancel()


class _Teller(Listener):
    """Starts its clock when the first kernel is compiled."""

    def __init__(self, what: str):
        self.timer = Timer(_PATIENCE_S, lambda: print(f"compiling {what}, once (half a minute)", file=sys.stderr))
        self.timer.daemon = True
        self.started = False

    def on_start(self, event: Event):
        if not self.started:
            self.started = True
            self.timer.start()

    def on_end(self, event: Event):
        pass
