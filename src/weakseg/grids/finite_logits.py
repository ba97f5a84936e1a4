"""Checks of predictions before anything is solved."""

import torch
from jaxtyping import Float
from torch import Tensor

from weakseg.errors import EvidenceInvalid
from weakseg.types import Evidence


def require_finite(evidence: Evidence) -> None:
    """Refuse log-probabilities that are NaN or infinite.

    -inf is allowed: such a class is impossible.

    Raises:
        EvidenceInvalid: some are NaN or infinite, naming the images; they are probabilities; or there are none.
    """
    if not evidence.log_probs.numel():
        raise EvidenceInvalid(f"Logits of {tuple(evidence.log_probs.shape)}: there is nothing to solve for.")
    if _are_probabilities(evidence.log_probs):
        raise EvidenceInvalid(
            "The log-probabilities lie in [0, 1] and add up to 1: they are probabilities.",
            expected="the logarithm of probabilities, or logits",
            fix="Give probs.clamp(min=1e-30).log(), or logits.log_softmax(1).",
        )
    # A sum is one quick pass, and shows whether to look closer.
    total = evidence.log_probs.flatten(1).sum(1)
    # -inf alone is allowed: such a class is impossible there.
    if not (total.isnan() | (total == torch.inf)).any():
        return
    broken = (evidence.log_probs.isnan() | (evidence.log_probs == torch.inf)).flatten(1).any(1)
    if broken.any():
        numbers = broken.nonzero().flatten().tolist()
        names = [f"'{evidence.keys[i]}'" if evidence.keys else f"{i} of the batch (counted from 0)" for i in numbers]
        raise EvidenceInvalid(
            f"The logits of image {', '.join(names)} are NaN or infinite.",
            expected="finite numbers",
            fix="Lower the learning rate, or check whether half precision overflowed.",
        )


def _are_probabilities(values: Float[Tensor, "B C h w"]) -> bool:
    # One quick pass decides for true log-probabilities, which are negative.
    return bool(values.amin() >= 0) and bool(((values.sum(1) - 1).abs() < 1e-2).all())
