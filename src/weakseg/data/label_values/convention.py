"""What the numbers in the label maps of one folder mean: each folder may count in its own way."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from jaxtyping import Int

from weakseg.data.images.colours import is_painted
from weakseg.types import UNLABELED

UNDECLARED = -2
"""Class index of a value that is neither a class's nor nothing's; never leaves `Legend.labels`."""

LEAST, MOST = -32768, 65535
"""The values of label maps that can be declared."""


@dataclass(frozen=True)
class FolderDeclaration:
    """What `dataset.toml` says about the label maps of one folder alone; `None` and empty: as everywhere."""

    nothing: tuple[int, ...] | None = None
    """Values that mean "not annotated" (in scribbles) or "must not be judged" (in masks), from -32768 to 65535."""
    first_value: int | None = None
    """Value of the first class, from -32768 to 65535; the other classes follow in steps of 1."""
    values: tuple[int, ...] = ()
    """Value of each class, from -32768 to 65535, where they do not count up from `first_value`."""
    instances: str = ""
    """Class of every value above 0 that is not declared otherwise, where each object has a number of its own."""


@dataclass(frozen=True)
class Convention:
    """What each value in the label maps of a folder means."""

    folder: str
    nothing: tuple[int, ...]
    """Values that stand for no class; where one is a class's value too, that class is not drawn."""
    values: tuple[int, ...]
    """Of the declared classes, in their order."""
    other: int | None = None
    """Number of the declared class that every other value above 0 stands for: each object has a number of its own."""
    colours: tuple[tuple[int, int], ...] = ()
    """(number of a colour, number of the declared class it stands for, or `UNLABELED`) pairs; the last of a colour
    counts."""

    @property
    def key(self) -> str:
        """The key of `dataset.toml` that says which values mean nothing."""
        return "void" if self.folder == "masks" else "unlabeled"

    @property
    def void(self) -> int:
        """The number for nothing in label maps that are written.

        The first that is declared, that a PNG holds and no class has; else 255, or the largest that is free.
        """
        candidates = chain(self.nothing, [255], range(MOST, 0, -1))
        taken = {*self.values}
        return next((number for number in candidates if 0 <= number <= MOST and number not in taken), MOST)

    def labels(self, raw: Int[np.ndarray, "H W"], becomes: tuple[int, ...]) -> Int[np.ndarray, "H W"]:
        """Class indices of the values of a map, `UNLABELED` for nothing, `UNDECLARED` for what is neither.

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
        # In 64 bits, where the largest values of 32 do not wrap around.
        return meaning.take(np.subtract(raw, below, dtype=np.int64), mode="clip")


@lru_cache(maxsize=32)  # a folder has one; small maps took less time to read than it took to write it down for each
def _meaning(convention: Convention, becomes: tuple[int, ...]) -> tuple[int, Int[np.ndarray, " N"]]:
    """A value below all that are declared, and the class index of every value from it on to one above all of them."""
    known = (0, *convention.values, *convention.nothing)
    below, above = min(known) - 1, max(known) + 1
    meaning = np.full(above - below + 1, UNDECLARED)
    if convention.other is not None:
        meaning[1 - below :] = becomes[convention.other]
    meaning[np.array(convention.values, int) - below] = becomes
    meaning[np.array(convention.nothing, int) - below] = UNLABELED
    return below, meaning
