"""Filled boxes as targets: a baseline for box constraints."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from weakseg.constraints.cells import require_class, require_valid
from weakseg.types import UNLABELED, Evidence, Memory, Solution


@dataclass(frozen=True)
class BoxLabels:
    """Boxes filled with their class, the rest background.

    Smaller boxes lie on top of larger ones.

    The "Bbox-Rect" baseline of Papandreou et al. 2015. A pixel is in a box when its centre is. Labelled pixels keep
    their labels. An image without boxes has weight 0, because it need not be empty.
    """

    background: int = 0
    """Index of the class outside all boxes, counted from 0."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The filled boxes, at the labels' resolution.

        Raises:
            EvidenceInvalid: a box, or the background, is of a class that does not exist.
        """
        weak, dtype = evidence.weak, evidence.log_probs.dtype
        require_valid(weak)
        require_class(self.background, evidence.log_probs.shape[1], "background of BoxLabels")
        painted = torch.stack(
            [self._painted(boxes, seeds) for boxes, seeds in zip(weak.boxes, weak.seeds, strict=True)]
        )
        # Without a box on it an image may be full of objects that were not annotated: nothing is taught there but its
        # seeds.
        known = torch.tensor([len(boxes) > 0 for boxes in weak.boxes], device=painted.device)[:, None, None]
        weight = (weak.valid & (known | (weak.seeds != UNLABELED))).to(dtype)
        target = F.one_hot(painted, evidence.log_probs.shape[1]).movedim(-1, 1).to(dtype)
        return Solution(
            target=torch.where(weight[:, None] > 0, target, 1 / target.shape[1]),
            weight=weight,
            energy=torch.zeros(len(painted), dtype=dtype, device=painted.device),
            status=tuple(f"The target is {len(boxes)} filled boxes." for boxes in weak.boxes),
        )

    def _painted(self, boxes: Tensor, seeds: Int[Tensor, "H W"]) -> Int[Tensor, "H W"]:
        labels = torch.full_like(seeds, self.background)
        area = (boxes[:, 3] - boxes[:, 1]) * (boxes[:, 4] - boxes[:, 2])
        row = torch.arange(seeds.shape[0], device=seeds.device)[:, None]
        column = torch.arange(seeds.shape[1], device=seeds.device)
        # Large boxes are painted first, so that small ones lie on top.
        for label, top, left, bottom, right in boxes[area.argsort(descending=True)].tolist():
            # Edge 0 lies half a pixel before the first centre.
            inside = (row + 0.5 >= top) & (row + 0.5 < bottom) & (column + 0.5 >= left) & (column + 0.5 < right)
            labels[inside] = int(label)
        return torch.where(seeds == UNLABELED, labels, seeds)
