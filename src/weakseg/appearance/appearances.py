"""Sums of several appearances of one image."""

from dataclasses import dataclass
from functools import reduce
from operator import add

from jaxtyping import Float
from torch import Tensor

from weakseg.appearance.scribble_densities import Appearance
from weakseg.errors import RecipeInvalid
from weakseg.types import Evidence


@dataclass(frozen=True)
class Appearances:
    """Sum of several appearances, as if independent.

    Raises:
        RecipeInvalid: none at all, or a part that is no appearance.
    """

    parts: tuple[Appearance, ...]
    """The appearances; each costs nothing on images without its kind of annotation."""

    def __post_init__(self):
        # A class is callable too, and no appearance until it is made.
        if not self.parts or any(isinstance(part, type) or not isinstance(part, Appearance) for part in self.parts):
            found = f"Appearances({self.parts!r:.200})"
            raise RecipeInvalid(found, expected="appearances, such as (ScribbleDensities(), BoxColors())")

    def __call__(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Costs of all classes in each cell, in nats."""
        # Costs in nats add up as the logarithms of independent densities do.
        return reduce(add, [part(evidence, grid) for part in self.parts])
