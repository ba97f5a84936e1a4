"""One image's integral joint problem, solved and certified."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from weakseg.constraints.linear_rows import LinearRows
from weakseg.cuts.cut_problem import CutProblem
from weakseg.joint.cut_multipliers import Ascent, ascend
from weakseg.joint.cut_under_rows import MET, CutUnderRows, Labelling
from weakseg.joint.repair import repaired
from weakseg.projection.certificate import NO_ROW, contradicted, relaxed, unsatisfied, violated
from weakseg.projection.dual_projection import RELAXED_PRICE
from weakseg.projection.grid_problem import GridProblem
from weakseg.projection.infeasibility import contradiction

STARTS = 4
"""Number of labellings that are repaired, best first."""


@dataclass(frozen=True)
class Effort:
    """Stopping criteria of an image."""

    tolerance: float
    """Gap in nats per valid cell at which an image has converged."""
    max_cuts: int
    max_sweeps: int


@dataclass(frozen=True)
class RowAnswer:
    """Answer for one image, on the grid of its cut."""

    labels: Int32[np.ndarray, "h w"]
    """Labels, as indices of the active classes."""
    multipliers: Float[np.ndarray, " N"]
    numbers: dict[str, float]
    status: str


@dataclass(frozen=True)
class RowCut:
    """The problem of one image."""

    rows: LinearRows
    image: GridProblem
    """Rows on the unlabelled part, and the classes they delete."""
    cut: CutProblem
    root: float
    """Root of the number of valid cells, n."""
    before: Float[np.ndarray, " N"] | None
    """Multipliers of an earlier solve."""

    def answered(self, effort: Effort) -> RowAnswer:
        """The best labelling found.

        Where the hard rows are infeasible, they have a price instead.
        """
        problem = self._under(self.image)
        ascent, best = self._found(problem, effort)
        # Only after a search has failed: most images have labellings that satisfy their rows, and need no linear
        # programme.
        proof = contradiction(self.image.original, 1e-9 * self.image.cells) if best.missed > MET else None
        if proof is not None:
            prices = self.image.original.prices
            price = RELAXED_PRICE + float(torch.where(prices.isinf(), 0, prices).max())
            problem = self._under(replace(self.image, problem=relaxed(self.image.original, price)))
            ascent, best = self._found(problem, effort)
        numbers = self._numbers(problem, ascent, best, proof)
        return RowAnswer(best.labels, ascent.multipliers, numbers, self._status(ascent, best, proof, numbers))

    def _under(self, image: GridProblem) -> CutUnderRows:
        deleted = (image.problem.scores[0] == -torch.inf).reshape(self.cut.unary.shape).numpy()
        return CutUnderRows(self.cut, deleted & (self.cut.seeds < 0), image.problem, self.root)

    def _found(self, problem: CutUnderRows, effort: Effort) -> tuple[Ascent, Labelling]:
        begin = np.zeros(len(problem.bounds))
        if self.before is not None and len(self.before) == len(begin) and np.isfinite(self.before).all():
            # Remembered multipliers may lie beyond the prices of a relaxed problem.
            begin = self.before.clip(0, problem.prices)
        tolerance = effort.tolerance * self.root
        ascent = ascend(problem, self.cut.begin, begin, tolerance, effort.max_cuts, effort.max_sweeps)
        order = sorted(ascent.labellings, key=lambda each: (each.missed, each.energy))
        best = order[0]
        # Local search is only worth its time while the labelling is not known to be the best.
        if best.missed > MET or best.energy - ascent.value > tolerance:
            for labelling in order[:STARTS]:
                tried = repaired(problem, labelling, order, ascent.multipliers)
                best = tried if tried.better(best) else best
        return ascent, best

    def _numbers(
        self, problem: CutUnderRows, ascent: Ascent, best: Labelling, proof: Tensor | None
    ) -> dict[str, float]:
        cells = max(self.image.cells, 1e-9)
        original = self.image.original
        hard, missed = original.prices[0].isinf().numpy(), self._missed(best)
        excess = self.image.all_deleted
        if proof is not None:
            excess = float((proof[None] * original.bounds).sum() - original.support(proof[None]))
        energy, bound = best.energy / self.root, ascent.bound / self.root
        if best.missed <= MET:
            # Rounding may lift the bound above the energy of a feasible labelling, never more than that. The energy of
            # an infeasible one proves nothing, and the bound stays.
            bound = min(bound, energy)
        return {
            "energy": energy,
            "bound": bound,
            "gap": max(0.0, energy - bound),
            "violation": float(missed[hard].max(initial=0)) / cells,
            "slack": (best.energy - best.own) / self.root,
            "contradiction": excess / cells,
            "cuts": float(len(ascent.labellings)),
        }

    def _missed(self, best: Labelling) -> Float[np.ndarray, " N"]:
        """Violation of each original row, in cells."""
        measured = self.image.original.measured(best.one_hot(len(self.cut.unary)))[0]
        return (self.image.original.bounds[0] - measured).clamp(min=0).numpy()

    def _status(self, ascent: Ascent, best: Labelling, proof: Tensor | None, numbers: dict[str, float]) -> str:
        """Sentence on how the solve ended."""
        if not self.image.cells:
            return "No pixel is valid; no constraint applies."
        names, share = self.rows.names, self._missed(best) / max(self.image.cells, 1e-9)
        hard = self.image.original.prices[0].isinf().numpy()
        if proof is not None:
            sentence = contradicted(names, proof)
        elif best.missed > MET:
            sentence = unsatisfied(names, np.where(hard, share, 0))
        elif len(names):
            sentence = violated(names, share)
        else:
            sentence = NO_ROW
        ignored = f" Every class is forbidden in {self.image.all_deleted:.4g} cells; the prohibition is ignored there."
        proven = (
            "" if best.missed > MET else f" The lower bound is {numbers['gap']:.1e} nats per pixel below the energy."
        )
        return sentence + (ignored if self.image.all_deleted else "") + proven
