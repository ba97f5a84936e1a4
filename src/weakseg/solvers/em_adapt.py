"""EM-Adapt, the baseline of the constrained CNN."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from weakseg.constraints.cells import require_class
from weakseg.grids.finite_logits import require_finite
from weakseg.grids.known_cells import known_cells, with_seeds
from weakseg.losses.divergences import precise
from weakseg.types import ABSENT, PRESENT, Evidence, Memory, Solution


@dataclass(frozen=True)
class EmAdapt:
    """Best classes after biases that enforce minimum sizes.

    Each present class is raised until it is the best at its fraction of the pixels; the target is then the best class.

    Papandreou, Chen, Murphy and Yuille 2015, after their released layer: absent classes are lowered below the others,
    then `sweeps` over the present ones, the background first, each add to a bias what the class lacks at the last
    pixel it needs. Lower bounds only: biases never fall again, later classes may take from earlier ones, and there
    is no slack. Their order is random after the background; here it is that of the classes.

    Classes without a tag take part and are not raised. Invalid cells do not count; fully labelled cells keep their
    labels. `memory.multipliers` are the biases.
    """

    background: int | None = 0
    """Index of the class that is raised first and has a fraction of its own, counted from 0; `None` where there is
    none."""
    background_share: float = 0.4
    """Fraction of the valid cells at which the background is made the best, in [0, 1]; at least one cell."""
    share: float = 0.2
    """Fraction of the valid cells at which each other present class is made the best, in [0, 1]; at least one cell."""
    sweeps: int = 5
    """Number of sweeps over the present classes, 0 or more; 0 raises none."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """Best biased class of each cell.

        It is on the logits' grid, and always starts cold.

        Raises:
            EvidenceInvalid: log-probabilities are NaN or infinite, or the background is not a class.
        """
        require_finite(evidence)
        require_class(self.background, evidence.log_probs.shape[1], "background of EmAdapt")
        # Half precision cannot hold the sum of many pixels' costs.
        log_probs, weak = precise(evidence.log_probs), evidence.weak
        known = known_cells(weak, log_probs.shape[1], (log_probs.shape[2], log_probs.shape[3]))
        valid = known.valid > 0
        found = [self._biases(log_probs[i].flatten(1), weak.tags[i], valid[i].flatten()) for i in range(len(log_probs))]
        lowered = log_probs.masked_fill((weak.tags == ABSENT)[:, :, None, None] & _some_left(weak.tags), -torch.inf)
        best = (lowered + torch.stack(found)[:, :, None, None]).argmax(1)
        target = with_seeds(F.one_hot(best, log_probs.shape[1]).movedim(-1, 1).to(log_probs.dtype), known)
        cost = -torch.where(target > 0, target * log_probs, 0).sum(1) * valid
        return Solution(
            target=target,
            weight=valid.to(log_probs.dtype),
            energy=cost.flatten(1).sum(1) / valid.flatten(1).sum(1).clamp(min=1),
            status=(f"{self.sweeps} sweeps over the present classes.",) * len(log_probs),
            memory=Memory(multipliers=tuple(found)),
        )

    def _biases(self, scores: Float[Tensor, "C n"], tags: Tensor, valid: Bool[Tensor, " n"]) -> Float[Tensor, " C"]:
        """Biases of the classes of one image, in nats."""
        bias, scores = scores.new_zeros(len(scores)), scores[:, valid]
        if not scores.shape[1]:
            return bias
        present = (tags == PRESENT).nonzero().flatten().tolist()
        # The background first: the order matters where several classes compete.
        present.sort(key=lambda label: label != self.background)
        allowed = scores.masked_fill((tags == ABSENT)[:, None] & bool((tags != ABSENT).any()), -torch.inf)
        for label in present * self.sweeps:
            share = self.background_share if label == self.background else self.share
            needed = min(max(1, round(share * scores.shape[1])), scores.shape[1])
            biased = allowed + bias[:, None]
            # The smallest bias at which the class is best, or ties, at `needed` pixels. It is at least 0, so a bias
            # never falls.
            bias[label] += (biased.amax(0) - biased[label]).kthvalue(needed).values
        return bias


def _some_left(tags: Tensor) -> Bool[Tensor, "B 1 1 1"]:
    """Whether any class is not absent.

    If all are absent, none can be lowered below the others.
    """
    return (tags != ABSENT).any(1)[:, None, None, None]
