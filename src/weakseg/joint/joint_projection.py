"""Joint problem over soft segmentations, with a certificate.

It joins seeds, prediction, appearance, edges and linear rows.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.appearance.scribble_densities import Appearance
from weakseg.constraints.linear_rows import All, Constraint, deletion, is_constraint, rows_of
from weakseg.energies.grid_potts import GridPotts
from weakseg.energies.volume_potts import VolumePotts
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import allowed_classes, known_cells
from weakseg.grids.pooling import side_in_cells
from weakseg.grids.working_grid import FINEST_PX, on_grid, working_grid
from weakseg.joint.ascent import Goal, ascend_apart, ascend_together
from weakseg.joint.joint_grid import joint_grid
from weakseg.projection.certificate import NO_ROW
from weakseg.projection.dual_projection import DualProjection
from weakseg.types import UNLABELED, Evidence, Memory, Solution

HEAVIEST = 1e6
"""Largest weight: beyond it, sums lose the network's prediction in double precision too. Also the largest temperature,
and its inverse the smallest: below, rows take seconds per image and end in NaN."""


@dataclass(frozen=True)
class JointProjection:
    r"""Soft segmentation of least joint energy, equation `joint`.

    It agrees best with seeds, prediction, appearance, edges and constraints together.

    .. math:: \min_{y, \xi \ge 0} \sum_i v_i [ \lambda \langle y_i, -\log q_i \rangle + \alpha \langle y_i, c_i \rangle
              - T H(y_i) ] + \frac{\gamma \sqrt n}{2} \sum_{ij} w_{ij} |y_i - y_j|_1 + \beta^\top \xi
              \quad s.t. \quad A y \ge b - \xi

    Seeds and absent classes are hard. Without edges it is `DualProjection`; at a low temperature without rows it is the
    convex relaxation of what `AlphaExpansion` cuts. Cells with seeds have one of the classes labelled in them. n counts
    the valid cells of the whole image, so crops and zooms have the boundaries that their image has.

    `certificate`: as that of `DualProjection`; `gap` is of the whole problem, `energy` is the value of the objective,
    and `sweeps` the number of sweeps over all edges. Everything is per valid pixel, in nats. `memory.multipliers` are
    those of the rows.

    Raises:
        RecipeInvalid: a weight is negative or NaN, the temperature is below 1e-6, or there is no constraint.

    Pathak et al. 2015, equations (3) and (6); Marin and Boykov 2021, equation (16).
    """

    constraint: Constraint = All(())
    """Linear constraints; none by default."""
    potts: GridPotts | VolumePotts | None = GridPotts()
    """The cost of boundaries between neighbours; `None` for no edges."""
    edge_weight: float = 0.2
    """gamma: weight of the Potts energy relative to the mean nats per pixel."""
    prediction_weight: float = 1.0
    """lambda: weight of the prediction; 0 ignores it."""
    appearance: Appearance | None = None
    """The costs of colours and places, or `None`."""
    appearance_weight: float = 1.0
    """alpha: weight of the appearance relative to the prediction."""
    temperature: float = 0.5
    """T, 1e-6 or more: softness of the segmentation; towards 0 it becomes a labelling."""
    only_classes_present: bool = True
    """Only classes with a seed or a `PRESENT` tag may appear; if there is none, those not tagged `ABSENT`."""
    cell_px: int | None = None
    """Side of the cells in pixels, 1 or more; `None` takes the grid of the logits, or, with edges, cells of 4 pixels
    where that is finer."""
    tolerance: float = 1e-3
    """Gap in nats per valid pixel at which an image has converged."""
    max_sweeps: int = 200
    """Largest number of sweeps over all edges."""

    def __post_init__(self):
        if not is_constraint(self.constraint):
            found = f"JointProjection(constraint={self.constraint!r:.200})"
            raise RecipeInvalid(found, expected="a constraint, or All((one, other))")
        weights = ("edge_weight", "prediction_weight", "appearance_weight", "tolerance")
        wrong = [name for name in weights if not 0 <= getattr(self, name) <= HEAVIEST]
        wrong += [] if 1 / HEAVIEST <= self.temperature <= HEAVIEST else ["temperature"]
        wrong += [] if _whole(self.max_sweeps) else ["max_sweeps"]
        wrong += [] if self.cell_px is None or _whole(self.cell_px) else ["cell_px"]
        if wrong:
            given = ", ".join(f"{name}={getattr(self, name)}" for name in wrong)
            expected = (
                f"weights and a tolerance from 0 to {HEAVIEST:g}, a temperature from {1 / HEAVIEST:g} to {HEAVIEST:g}, "
                "whole numbers from 1"
            )
            raise RecipeInvalid(f"JointProjection({given})", expected=expected)

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The segmentation of each image.

        It is on the grid of the logits or of `cell_px`.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite (the images are named), or rows are for other
                classes.
        """
        require_finite(evidence)
        return self.solve_on(
            evidence, working_grid(evidence, self.cell_px, 1 if self.potts is None else FINEST_PX), start
        )

    def solve_on(self, evidence: Evidence, grid: tuple[int, int], start: Memory = Memory()) -> Solution:
        """The segmentation of each image on a given grid of cells, for finite log-probabilities."""
        scores = self._scores(evidence, grid)
        projection = DualProjection(self.constraint, 1 / self.temperature)
        known = known_cells(evidence.weak, scores.shape[1], grid)
        rows = self._rows(evidence, grid)
        images = [projection.image(scores[i], rows[i], known, i) for i in range(len(rows))]
        # Without edges first. It gives multipliers to begin with, and says whether the hard rows can hold at all, on
        # which edges have no influence.
        firsts = projection.answers(images, start)
        if self.potts is None:
            return projection.solution(scores, images, rows, firsts, known)
        half = self._half(self.potts, evidence, grid)
        # A contradiction was relaxed to prices there; the ascent has to solve the same problem.
        problems = [first.problem if first.proof is not None else None for first in firsts]
        steps = self.potts.steps_on(grid)
        grids = [joint_grid(images[i], known, i, half[i], steps, problems[i]) for i in range(len(images))]
        ascend = ascend_apart if scores.is_cpu else ascend_together
        # Rows are solved again and again inside the ascent, with edges that still change. The last digits of each solve
        # would be lost at the next sweep.
        inner = replace(projection, tolerance=1e-8)
        found = ascend(grids, firsts, Goal(inner, self.tolerance / self.temperature, self.max_sweeps))
        # The relaxed problem has no contradiction of its own; the proof is that of the original.
        answers = [replace(answer.rows, proof=first.proof) for answer, first in zip(found, firsts, strict=True)]
        solution = projection.solution(scores, images, rows, answers, known)
        column = lambda values: torch.tensor(values, dtype=torch.float64, device=scores.device)  # noqa: E731
        each = [self.temperature / max(image.cells, 1e-9) for image in images]
        # The gap of the whole problem replaces that of the inner projection, which knows nothing of edges.
        gap = column([answer.gap * unit for answer, unit in zip(found, each, strict=True)])
        lowest = column([answer.lowest * unit for answer, unit in zip(found, each, strict=True)])
        more = {"gap": gap, "sweeps": column([float(answer.sweeps) for answer in found])}
        return replace(
            solution,
            energy=(lowest + gap).to(scores.dtype),
            status=tuple(map(self._told, solution.status, gap.tolist())),
            certificate=solution.certificate | more,
        )

    def _told(self, sentence: str, gap: float) -> str:
        """Sentence on constraints, if any, and on edges."""
        done = gap <= self.tolerance
        solved = f"Solved: within {self.tolerance:g} nats per pixel of the optimum."
        edges = solved if done else f"Not converged: {gap:.1e} nats per pixel above the lower bound."
        if NO_ROW in sentence:
            return sentence.replace(NO_ROW, edges)
        return sentence if done else f"{sentence} {edges}"

    def _scores(self, evidence: Evidence, grid: tuple[int, int]) -> Float[Tensor, "B C h w"]:
        """Scores of classes before edges and rows.

        In units of the temperature.
        """
        log_probs = on_grid(evidence.log_probs, evidence.weak.valid, grid)
        # 0 times -inf would be NaN.
        scores = log_probs * self.prediction_weight if self.prediction_weight else torch.zeros_like(log_probs)
        if self.appearance is not None and self.appearance_weight:
            scores = scores - self.appearance_weight * self.appearance(evidence, grid).to(scores)
        return scores if self.temperature == 1 else scores / self.temperature

    def _rows(self, evidence: Evidence, grid: tuple[int, int]):
        weak, classes = evidence.weak, evidence.log_probs.shape[1]
        rows = rows_of(self.constraint, weak, grid, classes)
        if not self.only_classes_present:
            return rows
        seeds = torch.where(weak.valid, weak.seeds, UNLABELED)
        allowed = [allowed_classes(seeds[i], weak.tags[i], True) for i in range(len(rows))]
        return [each + deletion(~those, None, grid) for each, those in zip(rows, allowed, strict=True)]

    def _half(
        self, potts: GridPotts | VolumePotts, evidence: Evidence, grid: tuple[int, int]
    ) -> Float[Tensor, "B D h w"]:
        """Half the cost of each edge, in units of temperature."""
        # The root of n in equation `joint`, of the whole image, so that a crop pays for boundaries what its image pays.
        # The 2 is from half an L1 distance.
        sides = side_in_cells(evidence.weak, grid).double() * (self.edge_weight / (2 * self.temperature))
        costs = potts.edge_costs_of(evidence.image.float(), evidence.weak.valid, grid)
        return costs.double() * sides.to(costs.device)[:, None, None, None]


def _whole(number: object) -> bool:
    return isinstance(number, int) and number >= 1
