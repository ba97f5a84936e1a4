"""The hidden segmentation that a run finds for an image.

Its solver takes the weak labels and the trained network's prediction.
"""

from math import ceil

import numpy as np
import torch
from jaxtyping import Int
from torch.nn import functional as F

from weakseg.data.sample import Sample
from weakseg.data.view import view, whole
from weakseg.evaluation.predictor import Predictor
from weakseg.losses.objectives import Fit, Sum
from weakseg.recipe.foreign import foreign_parts
from weakseg.types import UNLABELED, Evidence, Objective

Hidden = tuple[Int[np.ndarray, "H W"], str]


def hidden_segmentation(objective: Objective, predictor: Predictor, sample: Sample) -> Hidden | None:
    """The hidden segmentation of a whole image, with its status.

    It has the image's own resolution, and `UNLABELED` where its weight is 0.

    `None` if the objective has no solver, or parts that only the user's own code can make, or if the solver adds
    nothing to what is drawn. It is solved on a grid as coarse as the network's own.
    """
    solvers = [term.solver for term in terms(objective) if isinstance(term, Fit)]
    if not solvers or any(foreign_parts(objective)):
        return None
    size = sample.valid.shape
    weak = view(sample, whole(), size).weak
    stride = getattr(predictor.network, "stride", 1)
    probs = torch.from_numpy(predictor(sample.image))[None]
    if isinstance(stride, (int, float)) and stride > 1:
        probs = F.interpolate(probs, [ceil(side / stride) for side in size], mode="area")
    image = torch.from_numpy(np.ascontiguousarray(sample.image, dtype=np.float32))[None]
    # Probabilities are at least 1e-8, because minus infinity times a target of 0 would be nan.
    solution = solvers[-1].solve(Evidence(image, probs.clamp(min=1e-8).log(), weak))
    labels = torch.where(solution.weight > 0, solution.target.argmax(1), UNLABELED)
    found = F.interpolate(labels[:, None].float(), size, mode="nearest")[0, 0].long()
    if not ((found != UNLABELED) & weak.hidden[0]).any():
        return None
    best = solution.target.amax(1)[solution.weight > 0]
    sure = "" if (best == 1).all() else f" Mean confidence {best.mean():.2f}."
    return torch.where(weak.valid[0], found, UNLABELED).numpy(), solution.status[0] + sure


def terms(objective: Objective) -> tuple:
    """The terms of an objective, from nested sums too."""
    return (
        tuple(part for term in objective.terms for part in terms(term)) if isinstance(objective, Sum) else (objective,)
    )
