"""Meaning of the values in one folder of label maps.

Each folder may have its own.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from jaxtyping import Int

from weakseg.classes import UNLABELED
from weakseg.data.images.colours import is_painted
from weakseg.files.layout import MASKS

UNDECLARED = -2
"""Class index of an undeclared value; it never leaves `Legend.labels`."""

LEAST, MOST = -32768, 65535
"""Smallest and largest value of label maps that can be declared."""


def key_of_nothing(folder: str) -> str:
    """The key of `dataset.toml` for values without a class."""
    return "void" if folder == MASKS else "unlabeled"


@dataclass(frozen=True)
class FolderDeclaration:
    """The table of one label folder in `dataset.toml`.

    `None` and empty fields mean: as for all folders.
    """

    nothing: tuple[int, ...] | None = None
    """Values that mean "not annotated" (in scribbles) or "not evaluated" (in masks), from -32768 to 65535."""
    first_value: int | None = None
    """Value of the first class, from -32768 to 65535; the other classes follow in steps of 1."""
    values: tuple[int, ...] = ()
    """Value of each class, from -32768 to 65535, where they do not count up from `first_value`."""
    instances: str = ""
    """Class of every undeclared value above 0, for maps in which each object has its own number."""


@dataclass(frozen=True)
class Convention:
    """The meaning of each value in a folder of label maps."""

    folder: str
    nothing: tuple[int, ...]
    """Values that mean no class; they take precedence over a class with the same value."""
    values: tuple[int, ...]
    """Values of the declared classes, in their order."""
    other: int | None = None
    """Index of the declared class of every other value above 0, for maps in which each object has its own number."""
    colours: tuple[tuple[int, int], ...] = ()
    """Pairs (colour number, index of its declared class or `UNLABELED`); the last pair of a colour counts."""

    @property
    def key(self) -> str:
        """The key of `dataset.toml` that lists the values without a class."""
        return key_of_nothing(self.folder)

    @property
    def void(self) -> int:
        """The value without a class in maps that are written.

        It is the first declared one that a PNG can hold and no class has; otherwise 255, or the largest free value.
        """
        # What is declared first, then what everyone uses, then the highest free number.
        candidates = chain(self.nothing, [255], range(MOST, 0, -1))
        taken = {*self.values}
        return next((number for number in candidates if 0 <= number <= MOST and number not in taken), MOST)

    def labels(self, raw: Int[np.ndarray, "H W"], becomes: tuple[int, ...]) -> Int[np.ndarray, "H W"]:
        """Class indices of the values of a map.

        `UNLABELED` for values without a class, `UNDECLARED` for values that are not declared.

        Args:
            raw: the values, or the numbers of colours.
            becomes: index of each declared class.
        """
        if is_painted(raw):
            found = np.full(raw.shape, UNDECLARED)
            for colour, declared in self.colours:
                found[raw == colour] = UNLABELED if declared == UNLABELED else becomes[declared]
            return found
        below, meaning = _meaning(self, becomes)
        # In 64 bits, because the largest values of 32 bits would wrap around.
        return meaning.take(np.subtract(raw, below, dtype=np.int64), mode="clip")


@lru_cache(maxsize=32)  # one per folder: building it anew took longer than reading a small map
def _meaning(convention: Convention, becomes: tuple[int, ...]) -> tuple[int, Int[np.ndarray, " N"]]:
    """A lookup table of class indices, and its first value.

    It covers one value below and one above all those that are declared.
    """
    known = (0, *convention.values, *convention.nothing)
    # One more at either end: what is out of range is clipped to these, which mean "undeclared".
    below, above = min(known) - 1, max(known) + 1
    meaning = np.full(above - below + 1, UNDECLARED)
    if convention.other is not None:
        meaning[1 - below :] = becomes[convention.other]
    meaning[np.array(convention.values, int) - below] = becomes
    # Last, since values that mean no class take precedence over a class of the same value.
    meaning[np.array(convention.nothing, int) - below] = UNLABELED
    return below, meaning
