"""Predictions that are no numbers are refused before anything is solved for them."""

import torch

from weakseg.errors import EvidenceInvalid
from weakseg.types import Evidence


def require_finite(evidence: Evidence) -> None:
    """Log-probabilities are numbers; -inf alone is a class that cannot be.

    Raises:
        EvidenceInvalid: some are NaN or infinite, naming the pictures; or there are none.
    """
    if not evidence.log_probs.numel():
        raise EvidenceInvalid(f"Logits of {tuple(evidence.log_probs.shape)}: there is nothing to solve for.")
    # A sum is one quick pass, and shows whether to look closer.
    total = evidence.log_probs.flatten(1).sum(1)
    if not (total.isnan() | (total == torch.inf)).any():
        return
    broken = (evidence.log_probs.isnan() | (evidence.log_probs == torch.inf)).flatten(1).any(1)
    if broken.any():
        numbers = broken.nonzero().flatten().tolist()
        names = [f"'{evidence.keys[i]}'" if evidence.keys else f"{i} of the batch (counted from 0)" for i in numbers]
        raise EvidenceInvalid(
            f"The logits of image {', '.join(names)} are NaN or infinite.",
            expected="finite numbers",
            mend="Look for a learning rate that is too high, or for half precision that overflowed.",
        )
