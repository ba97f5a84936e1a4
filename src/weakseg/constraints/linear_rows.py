r"""Linear rows on the segmentation of one image, equation `projection`.

:math:`a_r \cdot P \ge c_r - \xi_r`; docs/theory.md has the details.

The product counts valid cells: :math:`a \cdot P = \sum_i v_i \sum_k a_i^k p_i^k` with v the valid fraction of a cell. A
row is scaled so that its largest coefficient is 1 in size. Its multiplier then is what it adds to a class's logit at
most, in nats, and a price caps it whatever the row's own scale or the stride of the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import inf, isfinite
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weakseg.constraints.cells import ROUNDING
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.types import WeakLabels

WHOLE = -1
"""Value of `LinearRows.region` for rows about the whole image."""


@dataclass(frozen=True)
class LinearRows:
    """Linear rows and deleted classes of one image.

    On the CPU, in float64.

    Factored rows come first, then dense ones; bounds, prices and names follow that order. Build with `class_row`,
    `dense_row` and `deletion`, join with `+`.
    """

    weights: Float[Tensor, "K C"]
    """Class weights of each factored row."""
    region: Int[Tensor, " K"]
    """Index of the map in `regions` that each factored row refers to, or `WHOLE`, which costs nothing."""
    regions: Float[Tensor, "R h w"]
    """Fraction of each cell that belongs to a region; several rows may share a map."""
    dense: Float[Tensor, "D C h w"]
    """Coefficients of the rows that are not factored."""
    bounds: Float[Tensor, " N"]
    """Smallest allowed value of the row, in cells."""
    prices: Float[Tensor, " N"]
    """Nats for each cell of slack; infinite where a row must hold."""
    names: tuple[str, ...]
    """Description of each row, for messages."""
    absent: Bool[Tensor, " C"]
    """Classes deleted from the whole image."""
    forbidden: Bool[Tensor, "C h w"] | None = None
    """Cells from which classes are deleted; `None` where there are none."""
    dropped: int = 0
    """Number of constraints that became vacuous for this crop."""

    def __post_init__(self):
        count = len(self.weights) + len(self.dense)
        if not len(self.bounds) == len(self.prices) == len(self.names) == count:
            raise EvidenceInvalid(
                f"{count} rows with {len(self.bounds)} bounds, {len(self.prices)} prices and {len(self.names)} names.",
                expected="one of each for every row",
            )
        each = (len(self.absent), *self.grid)
        found = [self.weights.shape[1:], self.dense.shape[1:], each if self.forbidden is None else self.forbidden.shape]
        if [tuple(shape) for shape in found] != [each[:1], each, each]:
            expected = f"{each[:1]}, {each} and {each}, by the deleted classes and the regions"
            shapes = ", ".join(str(tuple(shape)) for shape in found)
            raise EvidenceInvalid(f"Weights, coefficients and forbidden cells of {shapes}.", expected=expected)
        for name, bound, price in zip(self.names, self.bounds.tolist(), self.prices.tolist(), strict=True):
            if not (isfinite(bound) and price >= 0):
                expected = "a finite bound, and a price of 0 or above"
                raise EvidenceInvalid(f"Row '{name}' has a bound of {bound} and a price of {price}.", expected=expected)

    def __len__(self) -> int:
        return len(self.bounds)

    def __add__(self, other: "LinearRows") -> "LinearRows":
        """Both sets of rows together."""
        return join((self, other), len(self.absent), self.grid)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the solver's grid."""
        return (self.regions.shape[1], self.regions.shape[2])

    def coefficients(self) -> Float[Tensor, "N C h w"]:
        """Coefficients of every row.

        For tests and inspection, as they take N x C x h x w numbers.
        """
        maps = torch.cat([self.regions, torch.ones((1, *self.grid), dtype=torch.float64)])
        return torch.cat([self.weights[:, :, None, None] * maps[self.region][:, None], self.dense])

    def values(self, probs: Float[Tensor, "C h w"], valid: Float[Tensor, "h w"]) -> Float[Tensor, " N"]:
        """Value of each row on a segmentation, in cells.

        A row holds where its value reaches its bound.

        Differentiable in `probs`, on their device and in their precision.
        """
        counted = probs * valid.to(probs)
        maps = torch.cat([self.regions, torch.ones((1, *self.grid), dtype=torch.float64)]).to(probs)
        # One product for all factored rows: with R maps and C classes, R x C numbers say everything.
        counts = maps.flatten(1) @ counted.flatten(1).T
        factored = (self.weights.to(probs) * counts[self.region]).sum(1)
        return torch.cat([factored, torch.einsum("nchw,chw->n", self.dense.to(probs), counted)])


@runtime_checkable
class Constraint(Protocol):
    """Interface of a constraint from weak labels to rows.

    A frozen dataclass.
    """

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """Rows of each image, for a grid of cells.

        `grid` has its rows and columns.
        """
        ...


def is_constraint(given: object) -> bool:
    """Whether an object is a constraint, not its class."""
    return isinstance(given, Constraint) and not isinstance(given, type)


@dataclass(frozen=True)
class All:
    """Several constraints together."""

    constraints: tuple[Constraint, ...]
    """The constraints that hold together, in any order."""

    def __post_init__(self):
        if not isinstance(self.constraints, tuple) or not all(map(is_constraint, self.constraints)):
            raise RecipeInvalid(f"All({self.constraints!r:.200})", expected="a tuple of constraints: All((one, other))")

    def rows(self, weak: WeakLabels, grid: tuple[int, int]) -> list[LinearRows]:
        """Rows of all constraints, image by image."""
        classes = weak.tags.shape[1]
        found = [rows_of(constraint, weak, grid, classes) for constraint in self.constraints]
        return [join([rows[image] for rows in found], classes, grid) for image in range(len(weak.tags))]


def nothing(classes: int, grid: tuple[int, int], dropped: int = 0) -> LinearRows:
    """No rows and no deletions."""
    return LinearRows(
        weights=torch.zeros((0, classes), dtype=torch.float64),
        region=torch.zeros(0, dtype=torch.long),
        regions=torch.zeros((0, *grid), dtype=torch.float64),
        dense=torch.zeros((0, classes, *grid), dtype=torch.float64),
        bounds=torch.zeros(0, dtype=torch.float64),
        prices=torch.zeros(0, dtype=torch.float64),
        names=(),
        absent=torch.zeros(classes, dtype=torch.bool),
        dropped=dropped,
    )


def class_row(
    weights: Float[Tensor, " C"],
    lower: float | None,
    upper: float | None,
    price: float,
    name: str,
    region: Float[Tensor, "h w"] | None = None,
    grid: tuple[int, int] | None = None,
) -> LinearRows:
    """Bounds on a weighted class count, in cells.

    It concerns a region or, with a `grid`, the whole image.

    None, one or two rows: a bound that is `None` is no row. Equal bounds are an equation.

    Raises:
        EvidenceInvalid: weights are not a vector of finite numbers, or a region is not a map of fractions.
    """
    if weights.ndim != 1 or not weights.isfinite().all():
        raise EvidenceInvalid(f"Row '{name}' has the weights {weights.tolist()}.", expected="a finite number per class")
    if (region is None) == (grid is None):
        found = "neither a region nor a grid" if grid is None else "both a region and a grid"
        raise EvidenceInvalid(f"Row '{name}' has {found}.", expected="one of the two")
    if region is not None and not ((region >= 0) & (region <= 1 + ROUNDING)).all():
        found = f"Row '{name}' has a region from {float(region.min()):.3g} to {float(region.max()):.3g}."
        raise EvidenceInvalid(found, expected="the fraction of each cell that belongs to it, from 0 to 1")
    where = torch.zeros((0, *(grid or ())), dtype=torch.float64) if region is None else region.double()[None]
    start = nothing(len(weights), (where.shape[1], where.shape[2]))
    sides = [
        (sign, bound, word) for sign, bound, word in ((1, lower, "least"), (-1, upper, "most")) if bound is not None
    ]
    if not sides:
        return start
    # Coefficients that are all 0 keep their bound: where it is above 0, the row contradicts itself.
    # A region whose largest fraction is below 1 is scaled up too, so that a price means the same on slivers.
    largest = float(weights.abs().max()) * (1.0 if region is None else float(where.max())) or 1.0
    return replace(
        start,
        weights=torch.stack([weights.double() * sign for sign, _, _ in sides]) / largest,
        region=torch.full((len(sides),), WHOLE if region is None else 0),
        regions=where,
        bounds=torch.tensor([sign * bound / largest for sign, bound, _ in sides], dtype=torch.float64),
        prices=torch.full((len(sides),), float(price), dtype=torch.float64),
        names=tuple(f"{name} at {word} {bound:.4g} cells" for _, bound, word in sides),
    )


def dense_row(coefficients: Float[Tensor, "C h w"], bound: float, name: str, price: float = inf) -> LinearRows:
    """A row with arbitrary coefficients.

    Their product with the segmentation is at least the bound.

    Raises:
        EvidenceInvalid: coefficients that are not finite, or not one for each class and cell.
    """
    if coefficients.ndim != 3 or not coefficients.isfinite().all():
        shape = tuple(coefficients.shape)
        expected = "finite numbers, one for each class, row and column"
        raise EvidenceInvalid(f"Row '{name}' has coefficients of {shape}, some perhaps infinite.", expected=expected)
    # A largest coefficient of 1 makes the price a cap in nats on what the row adds to a logit.
    largest = float(coefficients.abs().max()) or 1.0
    return replace(
        nothing(len(coefficients), (coefficients.shape[1], coefficients.shape[2])),
        dense=coefficients.double()[None] / largest,
        bounds=torch.tensor([bound / largest], dtype=torch.float64),
        prices=torch.tensor([float(price)], dtype=torch.float64),
        names=(name,),
    )


def deletion(absent: Bool[Tensor, " C"], forbidden: Bool[Tensor, "C h w"] | None, grid: tuple[int, int]) -> LinearRows:
    """Deleted classes, in the image or in some cells.

    They have no multiplier; they leave the problem.
    """
    return replace(nothing(len(absent), grid), absent=absent, forbidden=forbidden)


def join(rows: Sequence[LinearRows], classes: int, grid: tuple[int, int]) -> LinearRows:
    """All rows of one image together.

    Raises:
        EvidenceInvalid: some are for other classes or for another grid.
    """
    for each in rows:
        require_fitting(each, classes, grid)
    if not rows:
        return nothing(classes, grid)
    # Factored rows come before dense ones, so the first and the second part of each go together.
    # Bounds, prices and names are cut at the same place as the rows they belong to.
    parts = [(each, slice(None, len(each.weights))) for each in rows]
    parts += [(each, slice(len(each.weights), None)) for each in rows]
    maps_before = [sum(len(each.regions) for each in rows[:i]) for i in range(len(rows))]
    return LinearRows(
        weights=torch.cat([each.weights for each in rows]),
        region=torch.cat(
            [
                # Maps of all constraints are stacked, so each one's indices move by how many come before.
                torch.where(each.region >= 0, each.region + before, WHOLE)
                for each, before in zip(rows, maps_before, strict=True)
            ]
        ),
        regions=torch.cat([each.regions for each in rows]),
        dense=torch.cat([each.dense for each in rows]),
        bounds=torch.cat([each.bounds[part] for each, part in parts]),
        prices=torch.cat([each.prices[part] for each, part in parts]),
        names=tuple(name for each, part in parts for name in each.names[part]),
        absent=torch.stack([each.absent for each in rows]).any(0),
        forbidden=reduce(_either, (each.forbidden for each in rows)),
        dropped=sum(each.dropped for each in rows),
    )


def rows_of(constraint: Constraint, weak: WeakLabels, grid: tuple[int, int], classes: int) -> list[LinearRows]:
    """Validated rows of each image.

    A constraint may be the user's own.

    Raises:
        EvidenceInvalid: it gives something else than one `LinearRows` an image, or rows for other classes or another
            grid.
    """
    rows, images = constraint.rows(weak, grid), len(weak.tags)
    sound = isinstance(rows, (list, tuple)) and all(isinstance(each, LinearRows) for each in rows)
    if not sound or len(rows) != images:
        expected = f"a list with one LinearRows for each of {images} images"
        raise EvidenceInvalid(f"The rows of a constraint are {rows!r:.100}.", expected=expected)
    for each in rows:
        require_fitting(each, classes, grid)
    return rows


def require_fitting(rows: LinearRows, classes: int, grid: tuple[int, int]) -> None:
    """Refuse rows for other classes or another grid.

    They would be about something else.
    """
    if rows.grid != grid or len(rows.absent) != classes:
        which = f"Rows ('{rows.names[0]}' and the like)" if rows.names else "Rows"
        raise EvidenceInvalid(
            f"{which} for {len(rows.absent)} classes on a grid of {rows.grid}.",
            expected=f"{classes} classes on {grid}, like the logits and the other rows",
        )


def _either(mine, theirs):
    return theirs if mine is None else mine if theirs is None else mine | theirs
