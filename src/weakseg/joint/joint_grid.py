"""The joint problems of images on a grid of cells.

Costs of cells, of pairs of neighbours, and rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.grids.known_cells import Known
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.grid_problem import GridProblem, places, stacked


@dataclass(frozen=True)
class JointGrid:
    """Joint problems of images side by side.

    They are in float64 and in units of the temperature, so that the entropy counts 1.
    """

    images: tuple[GridProblem, ...]
    """Projection problem of each image: its rows, and the scores of its active classes."""
    rows: DualProblem
    """The rows of all images."""
    places: tuple[Int[np.ndarray, " _"], ...]
    """Index of each image's own rows among those."""
    scores: Float[Tensor, "B C h w"]
    """Scores of the classes in unlabelled cells. Fixed and void cells have scores that cost nothing."""
    mass: Float[Tensor, "B h w"]
    """Weight of each cell, above 0: its unlabelled fraction, or its valid fraction where nothing can change."""
    sure: Bool[Tensor, "B h w"]
    """True where one class is left."""
    moved: Bool[Tensor, "B h w"]
    """True where rows can change anything: in unlabelled cells with more than one class left."""
    half: Float[Tensor, "B D h w"]
    """Half the cost of a label change between neighbours, at the cell where the pair begins."""
    steps: tuple[tuple[int, int], ...]

    @property
    def cells(self) -> Float[np.ndarray, " B"]:
        """Number of valid cells per image."""
        return np.array([image.cells for image in self.images])

    @cached_property
    def moving(self) -> Float[Tensor, "B h w"]:
        """Weight of each cell where more than one class is left; 0 elsewhere."""
        return self.mass * ~self.sure

    @cached_property
    def lift(self) -> Float[Tensor, " B"]:
        """More than all edges of a cell together can add to its scores."""
        return 8 * len(self.steps) * (self.half.amax(1) / self.mass).amax((1, 2))

    def tilted(self, taken: Float[Tensor, "B C h w"]) -> list[GridProblem]:
        """Projection problems that remain at some edge multipliers."""
        # Edge multipliers are per cell and scores per unit of mass.
        more = (taken / self.mass[:, None]).flatten(2)
        found = []
        for i, image in enumerate(self.images):
            scores = image.problem.scores + more[[i], : image.problem.scores.shape[1]]
            found.append(replace(image, problem=replace(image.problem, scores=scores)))
        return found

    def side_of(self, values: Sequence[Float[np.ndarray, "1 _"]]) -> Float[np.ndarray, "B N"]:
        """Values per image, placed among the rows of all."""
        found = np.zeros(self.rows.bounds.shape)
        for i, (row, own) in enumerate(zip(self.places, values, strict=True)):
            found[i, row] = own[0]
        return found


def joint_grid(
    image: GridProblem,
    known: Known,
    index: int,
    half: Float[Tensor, "D h w"],
    steps: tuple[tuple[int, int], ...],
    rows: DualProblem | None,
) -> JointGrid:
    """The joint problem of one image, with `rows` if given.

    Unlabelled pixels in a cell with seeds have one of the classes labelled there, since an edge would be no wider than
    a cell.
    """
    grid = (half.shape[1], half.shape[2])
    problem = image.problem.to(torch.float64)
    scores = problem.scores[0]
    labelled = torch.zeros_like(scores) if known.labelled is None else _labelled(image, known, index).to(scores)
    unlabelled, valid = (part[index].flatten().double() for part in (known.unlabelled, known.valid))
    # A partly labelled cell may have any of its seeds' classes; a fully labelled one has the class that most of its
    # seeds have, since nothing in it is left to find.
    fitting = torch.where((unlabelled > 0)[None], labelled > 0, labelled >= labelled.amax(0).clamp(min=1e-12))
    narrowed = torch.where((labelled.sum(0) > 0) & ~fitting, -torch.inf, scores)
    # A seed of a class that was deleted there leaves the cell as it was.
    narrowed = torch.where((narrowed == -torch.inf).all(0), scores, narrowed)
    allowed = narrowed > -torch.inf
    sure, has_unlabelled = allowed.sum(0) == 1, unlabelled > 0
    # Fixed cells still have edges, so their weight is that of what they stand for.
    mass = torch.where(has_unlabelled & ~sure, unlabelled, valid)
    # No edge leads to a void cell: with its log-sum-exp taken off, it adds nothing to the dual.
    known_or_void = torch.where(valid > 0, 0.0, narrowed.log_softmax(0))
    given = torch.where(sure, 0.0, torch.where(has_unlabelled, narrowed, known_or_void))
    problem = replace(problem if rows is None else rows.to(torch.float64), scores=narrowed[None])
    return JointGrid(
        images=(replace(image, problem=problem),),
        rows=problem,
        places=(np.arange(problem.bounds.shape[1]),),
        scores=torch.where(allowed, given, -torch.inf).reshape(1, -1, *grid),
        # Void cells have no edge and scores that add nothing, so any mass does; 0 would divide by zero.
        mass=torch.where(mass > 0, mass, 1.0).reshape(1, *grid),
        sure=sure.reshape(1, *grid),
        moved=(has_unlabelled & ~sure).reshape(1, *grid),
        half=half[None],
        steps=steps,
    )


def side_by_side(grids: Sequence[JointGrid]) -> JointGrid:
    """Problems of one grid as a batch.

    Classes that an image lacks are forbidden in it.
    """
    problems = [grid.rows for grid in grids]
    classes = max(grid.scores.shape[1] for grid in grids)
    lacking = lambda scores: (0, 0, 0, 0, 0, classes - scores.shape[1])  # noqa: E731
    return JointGrid(
        images=tuple(image for grid in grids for image in grid.images),
        rows=stacked(problems),
        places=tuple(places(problems)),
        scores=torch.cat([F.pad(grid.scores, lacking(grid.scores), value=-torch.inf) for grid in grids]),
        mass=torch.cat([grid.mass for grid in grids]),
        sure=torch.cat([grid.sure for grid in grids]),
        moved=torch.cat([grid.moved for grid in grids]),
        half=torch.cat([grid.half for grid in grids]),
        steps=grids[0].steps,
    )


def _labelled(image: GridProblem, known: Known, index: int) -> Float[Tensor, "c n"]:
    """Labelled fraction of each cell, by active class."""
    assert known.labelled is not None
    return known.labelled[index].flatten(1).index_select(0, image.active.to(known.labelled.device))
