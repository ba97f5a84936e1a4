"""One image's joint problem on a grid of cells: what is asked of each cell, of each pair of neighbours, and of rows."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weakseg.kernels.neighbours import ends
from weakseg.solvers.dual_problem import DualProblem
from weakseg.solvers.grid_problem import GridProblem, Known


@dataclass(frozen=True)
class JointGrid:
    """In float64 on the CPU, and in units of the temperature, so that the entropy counts 1."""

    image: GridProblem
    """Rows, and the scores of the classes that each cell may have."""
    scores: Float[np.ndarray, "C h w"]
    """Those scores where something is hidden; elsewhere such that what is settled, and what is void, costs nothing."""
    mass: Float[np.ndarray, "h w"]
    """How much each cell counts, above 0: its hidden share, or where nothing can change its valid one."""
    sure: Bool[np.ndarray, "h w"]
    """Where one class is left."""
    moved: Bool[np.ndarray, "h w"]
    """Where rows can change anything: something is hidden, and more than one class is left for it."""
    half: Float[np.ndarray, "D h w"]
    """Half of what each pair of neighbours pays for differing, at the cell it begins in."""
    steps: tuple[tuple[int, int], ...]

    def edges(self, probs: Float[np.ndarray, "C h w"]) -> float:
        """What a segmentation pays for its boundaries."""
        return sum(
            float((ends(half, step)[0] * np.abs(np.subtract(*ends(probs, step)))).sum())
            for half, step in zip(self.half, self.steps, strict=True)
        )

    def tilted(self, taken: Float[np.ndarray, "C h w"]) -> GridProblem:
        """The projection that is left when edges have taken so much of each cell."""
        scores = self.image.problem.scores + torch.from_numpy((taken / self.mass).reshape(len(taken), -1))
        return replace(self.image, problem=replace(self.image.problem, scores=scores))

    def relaxed(self, problem: DualProblem) -> "JointGrid":
        """The same cells under the rows of another problem."""
        return replace(
            self,
            image=replace(self.image, problem=replace(problem.to(torch.float64), scores=self.image.problem.scores)),
        )


def joint_grid(
    image: GridProblem, known: Known, index: int, half: Float[np.ndarray, "D h w"], steps: tuple[tuple[int, int], ...]
) -> JointGrid:
    """The joint problem of one image, from its projection and the prices of its edges.

    Hidden pixels in a cell with marks have one of the classes marked there: at the width of a cell an edge says so.
    """
    grid = (half.shape[1], half.shape[2])
    problem = image.problem.to(torch.float64)
    scores = problem.scores[0].cpu()
    marks = torch.zeros_like(scores) if known.marked is None else _marks(image, known, index).to(scores)
    hidden, valid = (part[index].flatten().double().cpu() for part in (known.hidden, known.valid))
    fitting = torch.where((hidden > 0)[None], marks > 0, marks >= marks.amax(0).clamp(min=1e-12))
    narrowed = torch.where((marks.sum(0) > 0) & ~fitting, -torch.inf, scores)
    # A mark of a class that was deleted there leaves the cell as it was.
    narrowed = torch.where((narrowed == -torch.inf).all(0), scores, narrowed)
    allowed = narrowed > -torch.inf
    sure, asked = allowed.sum(0) == 1, hidden > 0
    mass = torch.where(asked & ~sure, hidden, valid)
    # No edge leads to a void cell: with its log-sum-exp taken off, it adds nothing to the dual.
    known_or_void = torch.where(valid > 0, 0.0, narrowed.log_softmax(0))
    given = torch.where(sure, 0.0, torch.where(asked, narrowed, known_or_void))
    problem = replace(problem, scores=narrowed[None])
    return JointGrid(
        image=replace(image, problem=problem),
        scores=torch.where(allowed, given, -torch.inf).reshape(-1, *grid).numpy(),
        mass=torch.where(mass > 0, mass, 1.0).reshape(grid).numpy(),
        sure=sure.reshape(grid).numpy(),
        moved=(asked & ~sure).reshape(grid).numpy(),
        half=half,
        steps=steps,
    )


def _marks(image: GridProblem, known: Known, index: int) -> Float[Tensor, "c n"]:
    """Share of each cell that is marked as each class that is left."""
    assert known.marked is not None
    return known.marked[index].flatten(1).index_select(0, image.kept.to(known.marked.device)).cpu()
