"""The solver that infers nothing: targets are the seeds."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from weakseg.types import UNLABELED, Evidence, Memory, Solution


@dataclass(frozen=True)
class SeedsOnly:
    """Labelled pixels as targets; unlabelled ones have weight 0.

    `Fit(SeedsOnly(), CrossEntropy())` is partial cross entropy (equation `partial-cross-entropy`), and full supervision
    when every pixel is labelled. Marin and Boykov 2021, equation (6).
    """

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The seeds; elsewhere a uniform target of weight 0."""
        seeds = evidence.weak.seeds
        batch, classes = evidence.log_probs.shape[:2]
        labelled = seeds != UNLABELED
        target = F.one_hot(seeds.clamp(min=0), classes).permute(0, 3, 1, 2).to(evidence.log_probs.dtype)
        target = torch.where(labelled[:, None], target, 1 / classes)
        return Solution(
            target=target,
            weight=(labelled & evidence.weak.valid).to(target.dtype),
            energy=torch.zeros(batch, device=seeds.device),
            status=("The target is the labelled pixels.",) * batch,
        )
