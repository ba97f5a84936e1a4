"""Looks at all images of a data folder: at thousands of them by as many processes as there are cores."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from warnings import catch_warnings

from weakseg.data.inventory.inventory import Inventory
from weakseg.data.inventory.one_image import Look, Looks, look

FEW = 2000
"""With fewer images processes are not worth their start."""
_TOGETHER = 32
"""Images that are handed over at once."""


def look_at_all(inventory: Inventory, progress: Callable[[int, int], None]) -> Looks:
    """The results of checking each image, in order.

    Args:
        inventory: the folder.
        progress: called with the number of finished images and the total.
    """
    keys, looks = [*inventory.contents.images], Looks()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if len(keys) >= FEW and cores > 1 and "fork" in get_all_start_methods():
        try:
            for each in _by_processes(inventory, keys, cores):
                looks[keys[len(looks)]] = each
                progress(len(looks), len(keys))
        except BrokenProcessPool:
            # One was killed, for want of memory perhaps: this process goes on alone.
            pass
    for key in islice(keys, len(looks), None):
        looks[key] = look(inventory, key)
        progress(len(looks), len(keys))
    return looks


def _by_processes(inventory: Inventory, keys: Sequence[str], cores: int) -> Iterator[Look]:
    # A fork sees the inventory as it is. It calls neither torch nor anything else that has threads.
    pool = ProcessPoolExecutor(cores, get_context("fork"), _begin, (inventory,))
    parts = [keys[at : at + _TOGETHER] for at in range(0, len(keys), _TOGETHER)]
    try:
        with catch_warnings(action="ignore", category=DeprecationWarning):
            found = pool.map(_look_at_some, parts)
        for content in found:
            yield from _Known(BytesIO(content), inventory).load()
    finally:
        pool.shutdown(cancel_futures=True)


_inventory: Inventory | None = None


def _begin(inventory: Inventory) -> None:
    global _inventory
    _inventory = inventory
    # Ctrl-C is the parent's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _look_at_some(keys: Sequence[str]) -> bytes:
    assert _inventory is not None
    file = BytesIO()
    _ButClasses(file, _inventory).dump([look(_inventory, key) for key in keys])
    return file.getvalue()


class _ButClasses(pickle.Pickler):
    """Looks, whose classes the other side has: with hundreds of names they are most of a look."""

    def __init__(self, file: BytesIO, inventory: Inventory):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.classes = inventory.contents.legend.classes

    def persistent_id(self, obj: object) -> str | None:
        return "classes" if obj is self.classes else None


class _Known(pickle.Unpickler):
    def __init__(self, file: BytesIO, inventory: Inventory):
        super().__init__(file)
        self.classes = inventory.contents.legend.classes

    def persistent_load(self, pid: str) -> object:
        return self.classes
