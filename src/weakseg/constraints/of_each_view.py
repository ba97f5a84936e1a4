"""What is said of an image, taken to be true of its crops."""

from dataclasses import dataclass, replace

import torch

from weakseg.constraints.linear_rows import Constraint, LinearRows, is_constraint
from weakseg.errors import RecipeInvalid
from weakseg.types import WeakLabels


@dataclass(frozen=True)
class OfEachView:
    """A constraint that takes each view for an image itself.

    A crop is then said to show every tagged class, in the shares that the image has of it: an assumption, where the
    rules alone weaken what they demand until it is true of every crop (`Cells.bounds_here`). On msrc_things 3 crops of
    87 showed fewer classes than their image (docs/results.md).
    """

    constraint: Constraint
    """Of tags and sizes; what boxes demand is true of crops as it stands."""

    def __post_init__(self):
        if not is_constraint(self.constraint):
            raise RecipeInvalid(f"OfEachView({self.constraint!r:.200})", expected="a constraint, or All((one, other))")

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """The constraint's rows for images that end where these views do."""
        # With an identity window and its own valid pixels, a view is a whole image to every rule.
        windows = torch.eye(2, 3).to(weak.window).expand_as(weak.window)
        whole = replace(weak, window=windows, whole_valid=weak.valid.flatten(1).sum(1))
        return self.constraint.rows(whole, grid)
