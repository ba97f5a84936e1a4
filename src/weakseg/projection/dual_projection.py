"""Exact projection onto linear constraints, with a certificate.

It is stage A of the constrained CNN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.constraints.linear_rows import Constraint, LinearRows, is_constraint, rows_of
from weakseg.errors import RecipeInvalid
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import Known, known_cells, with_seeds
from weakseg.projection.certificate import Answer, certificate, relaxed, status
from weakseg.projection.dual_counts import ClassCounts, class_counts
from weakseg.projection.dual_problem import DualProblem
from weakseg.projection.dual_torch import TorchDual
from weakseg.projection.grid_problem import GridProblem, grid_problem, places, stacked
from weakseg.projection.infeasibility import contradiction
from weakseg.projection.interior_point import ascend_interior
from weakseg.projection.newton import ascend, bound_constraints, proven_infeasible
from weakseg.projection.presolve import presolved
from weakseg.types import Evidence, Memory, Solution

COARSE_TOLERANCE, COARSE_STEPS = 1e-5, 20
"""Tolerance and steps after which float32 hands over to float64: above float32's noise, one Newton step from the
end."""

PATIENCE = 15
"""Newton steps after which the interior point method takes over; usual problems take three to ten."""

SAMPLE, MANY, SAMPLE_TOLERANCE = 500, 60_000, 1e-3
"""Number of sampled cells on which a starting point is found, number of scores from which on that pays (below, a step
costs more than a pass over all), and tolerance of the sample, which is inexact anyway."""

SOFT, SHARPER = 50.0, 4
"""Range of scores, in nats, at which a problem is easy from any start, and factor between successive ranges."""

RELAXED_PRICE = 20.0
"""Price that replaces infinity where hard rows are infeasible, in nats per cell above the largest finite price."""


@dataclass(frozen=True)
class DualProjection:
    r"""KL projection of the prediction onto linear rows, equation `projection`.

    .. math:: \min_{P, \xi \ge 0} \sum_i v_i KL(p_i \| q_i) + \beta^\top \xi \quad s.t. \quad A P \ge c - \xi

    Found through its dual, equation `dual`, with one multiplier for each row. Labelled pixels are known: they count
    towards every row, and only the rest is solved for. Each image is solved on its own, on the logits' grid.

    `certificate`: `gap` (nats) and `violation` of hard rows (fraction), both per valid pixel; `slack`, the cost of
    violated rows in nats per valid pixel; `contradiction`, above 0 where the hard rows are infeasible: the cells per
    valid cell by which the Farkas multipliers (summing to one) exclude every segmentation, or the fraction of cells in
    which every class was deleted; `steps`. `memory.multipliers` are in nats, from 0 to the price. Where a hard row can
    hold in one way only, presolve deletes what it forbids, and it has no multiplier; docs/theory.md says below equation
    `infeasible` how to check that. On another number of threads torch sums rows about regions in another order, and
    answers differ by its rounding.

    Pathak, Krähenbühl and Darrell 2015, equations (3), (4) and (6).
    """

    constraint: Constraint
    """The constraint that the answer satisfies, or several in `All`."""
    hardness: float = 1.0
    """Factor on P's log-odds, above 0; 1 is the paper's problem. Above 1, P's entropy counts 1/hardness, as in their
    code's size mode (1000), and stage B's gradient Q - P is that of this other objective, no longer of
    KL(P || Q)."""
    tolerance: float = 1e-10
    """Gap and violation per valid pixel at which an image has converged. In single precision it is at least the last
    digit."""
    max_steps: int = 100
    """Largest number of interior point steps; at most fifteen Newton steps precede them."""

    def __post_init__(self):
        if not is_constraint(self.constraint):
            raise RecipeInvalid(
                f"DualProjection({self.constraint!r:.200})", expected="a constraint, or All((one, other))"
            )
        if not 0 < self.hardness < inf:
            raise RecipeInvalid(f"DualProjection(hardness={self.hardness})", expected="a number above 0")

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The projection of each image, certified in float64.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite (the images are named), or rows are for other
                classes.
        """
        require_finite(evidence)
        classes, grid = evidence.log_probs.shape[1], (evidence.log_probs.shape[2], evidence.log_probs.shape[3])
        rows = rows_of(self.constraint, evidence.weak, grid, classes)
        known = known_cells(evidence.weak, classes, grid)
        scores = evidence.log_probs if self.hardness == 1 else evidence.log_probs * self.hardness
        images = [self.image(scores[i], rows[i], known, i) for i in range(len(rows))]
        return self.solution(scores, images, rows, self.answers(images, start), known)

    def solution(
        self,
        scores: Float[Tensor, "B C h w"],
        images: Sequence[GridProblem],
        rows: Sequence[LinearRows],
        answers: Sequence[Answer],
        known: Known,
    ) -> Solution:
        """A batch's `Solution` from its projections.

        `scores` are log-probabilities times hardness.
        """
        numbers = [certificate(*both, self.hardness) for both in zip(images, answers, strict=True)]
        target = torch.stack([_with_deleted(*each, like=scores) for each in zip(images, answers, strict=True)])
        column = lambda name: torch.tensor([n[name] for n in numbers], dtype=torch.float64, device=scores.device)  # noqa: E731
        return Solution(
            target=with_seeds(target.reshape(scores.shape), known),
            weight=(known.valid > 0).to(scores.dtype),
            energy=column("energy").to(scores.dtype),
            status=tuple(status(*each) for each in zip(images, rows, answers, numbers, strict=True)),
            certificate={name: column(name) for name in numbers[0] if name != "energy"},
            memory=Memory(
                multipliers=tuple(
                    torch.from_numpy(answer.multipliers[0] / self.hardness).to(scores.device) for answer in answers
                )
            ),
        )

    def answers(self, images: Sequence[GridProblem], start: Memory = Memory()) -> list[Answer]:
        """Projection of each image.

        A CPU's cache holds one image and not a batch, so images are solved one by one there; elsewhere they share
        steps.
        """
        begins = [self._start(image, start, i) for i, image in enumerate(images)]
        if images[0].original.scores.is_cpu:
            # An image at a time keeps its scores in the cache through all steps.
            found = [self.climb([image], [begin])[0] for image, begin in zip(images, begins, strict=True)]
        else:
            found = self.climb(images, begins)
        return [self._checked(image, answer) for image, answer in zip(images, found, strict=True)]

    def climb(self, images: Sequence[GridProblem], begins: Sequence[Float[np.ndarray, " _"]]) -> list[Answer]:
        """Solve images side by side, in rising precision.

        The precision given serves far from the end, float64 near it.
        """
        problems = [image.problem for image in images]
        together, rows = (problems[0], None) if len(images) == 1 else (stacked(problems), places(problems))
        begin = np.zeros(together.bounds.shape)
        for i, values in enumerate(begins):
            # Images of a batch have different numbers of rows; `places` says where each one's lie among all.
            begin[i, slice(None) if rows is None else rows[i]] = values
        cells = np.array([image.cells for image in images])
        counted = class_counts(together)
        begin, taken = self._starting_point(together, counted, begin, cells)
        dual = counted or TorchDual(together.to(torch.float64))
        # Probabilities in single precision cannot be more accurate than their last digit.
        digit = 0.0 if together.scores.dtype == torch.float64 else torch.finfo(torch.float32).eps
        limits, tolerance = bound_constraints(together, cells), max(self.tolerance, digit)
        fine = ascend(dual, limits, begin, tolerance, min(self.max_steps, PATIENCE))
        # Infeasible rows have no maximum: the interior point method would only run to the same end more slowly.
        left = ~(fine.converged | proven_infeasible(dual, limits, fine.multipliers))
        probs, normaliser = fine.point.distributions()
        answers = []
        for i, problem in enumerate(problems):
            row = slice(None) if rows is None else rows[i]
            answers.append(
                Answer(
                    problem=problem,
                    multipliers=fine.multipliers[[i]][:, row],
                    probs=probs[i, : problem.scores.shape[1]],
                    measured=fine.point.measured[[i]][:, row],
                    normaliser=float(normaliser[i]),
                    steps=int(fine.steps[i] + taken[i]),
                    converged=bool(fine.converged[i]),
                )
            )
            if left[i]:
                answers[i] = self._by_interior_point(answers[i], cells[[i]], tolerance)
        return answers

    def _by_interior_point(self, answer: Answer, cells: Float[np.ndarray, " 1"], tolerance: float) -> Answer:
        """The interior point answer, or the old one if it fails."""
        problem = answer.problem
        dual = class_counts(problem) or TorchDual(problem.to(torch.float64))
        found = ascend_interior(dual, bound_constraints(problem, cells), tolerance, self.max_steps)
        steps = answer.steps + int(found.steps[0])
        # Newton's answer is certified too, and its gap is stated; a second answer that is not better is not taken.
        if not found.converged[0]:
            return replace(answer, steps=steps)
        probs, normaliser = found.point.distributions()
        return Answer(problem, found.multipliers, probs[0], found.point.measured, float(normaliser[0]), steps, True)

    def _starting_point(
        self,
        problem: DualProblem,
        counted: ClassCounts | None,
        begin: Float[np.ndarray, "B N"],
        cells: Float[np.ndarray, " B"],
    ):
        """Starting multipliers from cheaper problems, and the steps taken."""
        taken = np.zeros(len(begin), dtype=int)
        # A remembered start is nearer than any sample.
        if counted and not begin.any() and counted.scores.size > MANY:
            coarse = ascend(
                counted.sampled(SAMPLE), bound_constraints(problem, cells), begin, SAMPLE_TOLERANCE, COARSE_STEPS
            )
            # Rows that are infeasible on the sample lead far away.
            begin, taken = (coarse.multipliers if coarse.converged.all() else begin), taken + coarse.steps
        for share in _continuation(problem):
            softer = problem.to(torch.float64).scaled(torch.from_numpy(share))
            dual = class_counts(softer) or TorchDual(softer)
            steps = min(self.max_steps, PATIENCE)
            coarse = ascend(dual, bound_constraints(softer, cells), begin * share[:, None], COARSE_TOLERANCE, steps)
            begin, taken = coarse.multipliers / share[:, None], taken + coarse.steps
        if not counted and problem.scores.dtype != torch.float64:
            coarse = ascend(
                TorchDual(problem), bound_constraints(problem, cells), begin, COARSE_TOLERANCE, COARSE_STEPS
            )
            begin, taken = coarse.multipliers, taken + coarse.steps
        return begin, taken

    def image(self, scores: Float[Tensor, "C h w"], rows: LinearRows, known: Known, index: int) -> GridProblem:
        """One image's problem after presolve."""
        image = grid_problem(scores, rows, known, index)
        # Scores were multiplied by the hardness already, so multipliers are in that unit throughout; prices have to be
        # too. They are divided by it again where they leave this file.
        original = replace(image.original, prices=image.original.prices * self.hardness)
        return replace(image, original=original, problem=presolved(original))

    def _start(self, image: GridProblem, start: Memory, index: int) -> Float[np.ndarray, " N"]:
        """Remembered multipliers if they fit these rows, else zeros."""
        count = image.original.bounds.shape[1]
        remembered = None if start.multipliers is None else start.multipliers[index]
        if remembered is None or len(remembered) != count or not remembered.isfinite().all():
            return np.zeros(count)
        return remembered.double().cpu().numpy() * self.hardness

    def _checked(self, image: GridProblem, answer: Answer) -> Answer:
        """The answer, or its relaxation with a proof of infeasibility."""
        # An answer that converged satisfies the hard rows, so the linear programme is solved after failures only.
        proof = None if answer.converged else contradiction(image.original, 1e-9 * image.cells)
        if proof is None:
            return answer
        prices = image.original.prices
        price = RELAXED_PRICE * self.hardness + float(torch.where(prices.isinf(), 0, prices).max())
        softer = replace(image, problem=relaxed(image.original, price))
        return replace(self.climb([softer], [np.zeros(prices.shape[1])])[0], proof=proof)


def _with_deleted(image: GridProblem, answer: Answer, like: Float[Tensor, "B C h w"]) -> Float[Tensor, "C n"]:
    """Distribution over all classes; deleted ones have probability 0."""
    probs, classes = answer.probs.to(like.dtype), like.shape[1]
    if len(image.active) == classes:
        return probs
    return probs.new_zeros(classes, probs.shape[1]).index_copy_(0, image.active, probs)


def _continuation(problem: DualProblem) -> list[Float[np.ndarray, " B"]]:
    """Continuation: factors of each image's scores, easiest problem first.

    Where scores are far apart the dual is nearly piecewise linear, and Newton's method diverges unless it starts near
    the maximum.
    """
    scores = problem.scores
    highest, lowest = scores.amax((1, 2)), scores.amin((1, 2))
    if (lowest == -torch.inf).any():
        lowest = scores.where(scores > -torch.inf, torch.inf).amin((1, 2))
    share, shares = (SOFT / (highest - lowest).double()).clamp(max=1).cpu().numpy(), []
    # The last problem, at share 1, is the caller's own and is not in the list.
    while (share * SHARPER < 1).any():
        shares.append(share)
        share = np.minimum(SHARPER * share, 1)
    return shares
