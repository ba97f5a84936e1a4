"""The most likely class of another solver's answer."""

import torch
from batches import mixed

from weakseg import DualProjection, Evidence, Hardened
from weakseg.constraints import SizesWithin


def test_only_the_most_likely_class_is_left():
    """One-hot, with the weight, energy, proof and memory of the soft answer."""
    logits, batch = mixed(stride=4)
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    soft, hard = (
        solver.solve(evidence) for solver in (DualProjection(SizesWithin()), Hardened(DualProjection(SizesWithin())))
    )
    assert (soft.target.amax(1) < 1).any()
    assert torch.equal(hard.target.sum(1), torch.ones_like(hard.weight))
    assert torch.equal(hard.target.amax(1), torch.ones_like(hard.weight))
    assert torch.equal(hard.target.argmax(1), soft.target.argmax(1))
    assert torch.equal(hard.weight, soft.weight)
    assert torch.equal(hard.energy, soft.energy)
    assert hard.status == soft.status
    assert all(torch.equal(hard.certificate[name], soft.certificate[name]) for name in soft.certificate)
