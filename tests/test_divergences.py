"""Promises of the divergences."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg import CrossEntropy

DIVERGENCES = [CrossEntropy()]


def random_pair(seed: int, spread: float = 3.0):
    """A soft target and logits."""
    generator = torch.Generator().manual_seed(seed)
    target, logits = torch.randn((2, 2, 3, 4, 5), generator=generator, dtype=torch.float64) * spread
    return target.softmax(1), logits


@given(seed=st.integers(0, 2**31), spread=st.floats(0.1, 50))
def test_never_negative_and_zero_when_both_are_sure_of_the_same_class(seed, spread):
    """A divergence is at least 0, and 0 for a sure prediction of a sure target."""
    target, logits = random_pair(seed, spread)
    sure = torch.nn.functional.one_hot(target.argmax(1), 3).movedim(-1, 1).double()
    for divergence in DIVERGENCES:
        assert (divergence(target, logits.log_softmax(1)) >= 0).all()
        assert (divergence(sure, (1e4 * sure).log_softmax(1)) == 0).all()


@given(seed=st.integers(0, 2**31))
def test_cross_entropy_is_kl_plus_the_entropy_of_the_target(seed):
    """Equation 4: minimising it over the prediction minimises KL(target || prediction)."""
    target, logits = random_pair(seed)
    log_probs = logits.log_softmax(1)
    kl = (target * (target.log() - log_probs)).sum(1)
    entropy = -(target * target.log()).sum(1)
    torch.testing.assert_close(CrossEntropy()(target, log_probs), kl + entropy)


def test_cross_entropy_pulls_logits_by_prediction_minus_target():
    """The gradient in the logits is q - p at every pixel; Pathak et al. 2015, section 4.2."""
    target, logits = random_pair(0)
    logits.requires_grad_()
    CrossEntropy()(target, logits.log_softmax(1)).sum().backward()
    torch.testing.assert_close(logits.grad, logits.detach().softmax(1) - target)


def test_cross_entropy_of_an_impossible_class_that_is_not_wanted_is_zero():
    """Probability 0 under both costs nothing, and its gradient is a number."""
    target = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    log_probs = torch.tensor([0.0, -torch.inf]).reshape(1, 2, 1, 1).requires_grad_()
    value = CrossEntropy()(target, log_probs)
    value.sum().backward()
    assert value.item() == 0
    assert log_probs.grad is not None
    assert log_probs.grad.isfinite().all()


def test_cross_entropy_still_pulls_when_the_network_is_surely_wrong():
    """However small the probability of the target, the gradient does not vanish."""
    logits = torch.tensor([3e4, 0.0]).reshape(1, 2, 1, 1).requires_grad_()
    target = torch.tensor([0.0, 1.0]).reshape(1, 2, 1, 1)
    value = CrossEntropy()(target, logits.log_softmax(1))
    value.sum().backward()
    assert value.item() == 3e4
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.flatten(), torch.tensor([1.0, -1.0]))
