"""Bounds on weighted fractions of classes.

Sizes, background bounds and ratios are special cases.
"""

from dataclasses import dataclass, replace
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.cells import Cells, cells_of
from weakseg.constraints.linear_rows import LinearRows, class_row
from weakseg.errors import RecipeInvalid
from weakseg.types import WeakLabels


@dataclass(frozen=True)
class ClassShares:
    """Weighted class fractions lie between bounds in every image.

    It is one row of any A on class counts.
    """

    weights: tuple[float, ...]
    """One finite number per class, for instance (0, 1, 1, 0): the second and third class together."""
    lower: float = -inf
    """Smallest weighted fraction of the whole image's valid pixels; `-inf` for none."""
    upper: float = inf
    """Largest weighted fraction of the whole image's valid pixels; `inf` for none."""
    price: float = inf
    """Nats for each cell that is missing or too much, of the class that weighs most; 0 or above, and `inf` where a
    bound must hold."""

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """At most two rows per image.

        Equal bounds are an equation.
        """
        weights = torch.tensor(self.weights, dtype=torch.float64)
        name = f"share weighted {self.weights}"
        return [
            share_rows(cells, weights, (self.lower, self.upper), self.price, name) for cells in cells_of(weak, grid)
        ]


def share_rows(
    cells: Cells, weights: Float[Tensor, " C"], bounds: tuple[float, float], price: float, name: str
) -> LinearRows:
    """Rows for bounds on a weighted fraction, equation `crop-bounds`.

    The bounds concern the whole image; the rows are their valid form for this view.

    Raises:
        RecipeInvalid: bounds are NaN, or infinite so that no fraction can satisfy them.
    """
    if not (bounds[0] < inf and bounds[1] > -inf):
        raise RecipeInvalid(
            f"bounds of {bounds[0]} and {bounds[1]} on a fraction", expected="numbers; -inf and inf for none"
        )
    # A bound that every segmentation satisfies is vacuous on the whole image too, so no crop drops it.
    # Demands of the whole image, of which this view may drop some: the difference is what crops lose.
    count = int(bounds[0] > weights.min()) + int(bounds[1] < weights.max())
    low, high = cells.bounds_here(weights, *bounds)
    rows = class_row(weights, low, high, price, name, grid=(cells.valid.shape[0], cells.valid.shape[1]))
    # Users know the bound on the image, not how many cells of this view that is.
    texts = ((low, f"{name} at least {100 * bounds[0]:.5g} %"), (high, f"{name} at most {100 * bounds[1]:.5g} %"))
    return replace(rows, names=tuple(text for bound, text in texts if bound is not None), dropped=count - len(rows))


def one_class(index: int, classes: int) -> Float[Tensor, " C"]:
    """Weights that count one class.

    Raises:
        RecipeInvalid: there is no such class.
    """
    if not 0 <= index < classes:
        raise RecipeInvalid(f"a constraint on class {index} of {classes}", expected=f"a class from 0 to {classes - 1}")
    return torch.nn.functional.one_hot(torch.tensor(index), classes).double()
