"""The multiple-instance baselines."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of, mixed

from weakseg.papers import MultipleInstance, SoftMultipleInstance
from weakseg.types import PRESENT, UNLABELED, UNTOLD


def batch_with(tags, valid=None):
    """One image of 2 by 2 pixels and three classes."""
    batch = batch_of(torch.full((1, 2, 2), UNLABELED), valid, classes=3)
    return replace(batch, weak=replace(batch.weak, tags=torch.tensor([tags])))


def test_only_the_best_pixel_of_each_tagged_class_counts():
    """Two tags: the mean of two cross entropies; the gradient touches two pixels."""
    logits = torch.tensor([[[[3.0, 0], [0, 0]], [[0, 2.0], [0, 0]], [[0, 0], [0, 9.0]]]], requires_grad=True)
    loss = MultipleInstance()(logits, batch_with([PRESENT, PRESENT, UNTOLD]))
    log_probs = logits.log_softmax(1)
    torch.testing.assert_close(loss, -(log_probs[0, 0, 0, 0] + log_probs[0, 1, 0, 1]) / 2)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad != 0).any(1)[0].tolist() == [[True, True], [False, False]]


def test_void_pixels_are_never_the_best():
    """The sure pixel is void, so the other one counts."""
    logits = torch.tensor([[[[9.0, 1.0]], [[0.0, 0.0]], [[0.0, 0.0]]]])
    batch = batch_of(torch.full((1, 1, 2), UNLABELED), torch.tensor([[[False, True]]]), classes=3)
    batch = replace(batch, weak=replace(batch.weak, tags=torch.tensor([[PRESENT, UNTOLD, UNTOLD]])))
    torch.testing.assert_close(MultipleInstance()(logits, batch), -logits.log_softmax(1)[0, 0, 0, 1])


@pytest.mark.parametrize(("sharpness", "pooled"), [(1e-3, torch.Tensor.mean), (1e3, torch.Tensor.amax)])
def test_the_smooth_maximum_lies_between_mean_and_maximum(sharpness, pooled):
    """At both ends it is one of them."""
    logits = torch.randn((1, 3, 2, 2), generator=torch.Generator().manual_seed(0))
    loss = SoftMultipleInstance(sharpness)(logits, batch_with([PRESENT, UNTOLD, UNTOLD]))
    torch.testing.assert_close(loss, -pooled(logits.flatten(2), 2).log_softmax(1)[0, 0], atol=2e-2, rtol=0)


@pytest.mark.parametrize("objective", [MultipleInstance(), SoftMultipleInstance()], ids=repr)
def test_losses_and_gradients_are_finite_whatever_the_image(objective):
    """Images without tags or without a valid pixel count 0."""
    logits, batch = mixed(stride=4)
    batch.weak.tags[:5, 1] = PRESENT
    logits.requires_grad_()
    loss = objective(logits, batch)
    loss.backward()
    assert loss >= 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[5].eq(0).all()
