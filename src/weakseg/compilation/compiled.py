"""Compilers of kernels: cached, without the interpreter lock.

The cache is per CPU model.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import unwrap
from threading import Timer

from numba import njit
from numba.core.event import Event, Listener, install_listener

from weakseg.compilation.cache import cached

_PATIENCE_S = 2.0
"""Seconds until a message says that kernels are being compiled."""


def compiled(kernel: Callable) -> Callable:
    """numba's compiler, applied to the bare function.

    The wrapper of a test's shape checks could not be cached.
    """
    return cached(unwrap(kernel))


def compiled_without_arrays(kernel: Callable) -> Callable:
    """The compiler for kernels that make no array.

    Without numba's reference counts, expansion moves take a quarter less time.

    The switch `_nrt` is undocumented. Without it kernels give the same results, more slowly.
    """
    return cached(unwrap(kernel), _nrt=False)


def compiled_fast(kernel: Callable) -> Callable:
    """The compiler for loops with free summation order.

    No number in them may be NaN.
    """
    return cached(unwrap(kernel), fastmath=True, _nrt=False)


def compiled_numpy(kernel: Callable) -> Callable:
    """The compiler with numpy's division by 0.

    It gives infinity or NaN instead of an error.
    """
    return cached(unwrap(kernel), error_model="numpy")


def inlined(kernel: Callable) -> Callable:
    """The compiler for functions copied into their callers.

    In an inner loop, a call would hand over every field of every array.
    """
    return njit(inline="always")(unwrap(kernel))


@contextmanager
def report_compiling(what: str) -> Iterator[None]:
    """Report on stderr if compilation takes long.

    Loading from disk is not reported.
    """
    listener = _Reporter(what)
    try:
        with install_listener("numba:compile", listener):
            yield
    finally:
        listener.timer.cancel()


class _Reporter(Listener):
    """Listener that starts a timer at the first compilation."""

    def __init__(self, what: str):
        # A thread and no check afterwards: the message has to appear while the compiler holds the caller.
        self.timer = Timer(_PATIENCE_S, lambda: print(f"compiling {what}, once (half a minute)", file=sys.stderr))
        # Otherwise a process that ends early would wait for it.
        self.timer.daemon = True
        self.started = False

    def on_start(self, event: Event):
        if not self.started:
            self.started = True
            self.timer.start()

    def on_end(self, event: Event):
        pass
