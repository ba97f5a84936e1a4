"""Promises of the divergences."""

import math
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weakseg.divergences import CollisionCrossEntropy, CrossEntropy, ForwardCorrection, RobustCrossEntropy
from weakseg.errors import RecipeInvalid

SURE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
CONFUSING = ((0.8, 0.2, 0.0), (0.1, 0.6, 0.3), (0.0, 0.1, 0.9))
NOISY = [RobustCrossEntropy(0.0), ForwardCorrection(SURE), CollisionCrossEntropy()]
ALL = [CrossEntropy(), RobustCrossEntropy(0.3), RobustCrossEntropy(0.66), ForwardCorrection(CONFUSING), *NOISY]


def random_pair(seed: int, spread: float = 3.0):
    """A soft target and logits."""
    generator = torch.Generator().manual_seed(seed)
    target, logits = torch.randn((2, 2, 3, 4, 5), generator=generator, dtype=torch.float64) * spread
    return target.softmax(1), logits


def one_hot(target):
    """The likeliest class of a soft target, surely."""
    return torch.nn.functional.one_hot(target.argmax(1), 3).movedim(-1, 1).double()


@given(seed=st.integers(0, 2**31), spread=st.floats(0.1, 50))
def test_never_negative_and_zero_when_both_are_sure_of_the_same_class(seed, spread):
    """A divergence is at least 0, and 0 for a sure prediction of a sure target."""
    target, logits = random_pair(seed, spread)
    sure = one_hot(target)
    for divergence in ALL:
        assert (divergence(target, logits.log_softmax(1)) >= 0).all()
        assert (divergence(sure, (1e4 * sure).log_softmax(1)) == 0).all()


@given(seed=st.integers(0, 2**31))
def test_cross_entropy_is_kl_plus_the_entropy_of_the_target(seed):
    """Equation `cross-entropy`: minimising it over the prediction minimises KL(target || prediction)."""
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


@given(seed=st.integers(0, 2**31), flip=st.floats(1e-6, 0.66))
def test_robust_cross_entropy_is_what_the_paper_writes_less_its_constant(seed, flip):
    """Equation `robust-cross-entropy` in plain numbers: -log(a + b q) expected over the target, 0 at q = 1."""
    target, logits = random_pair(seed)
    a = flip / 2
    b = 1 - 3 * a
    expected = (target * -((a + b * logits.softmax(1)) / (a + b)).log()).sum(1)
    torch.testing.assert_close(RobustCrossEntropy(flip)(target, logits.log_softmax(1)), expected, rtol=1e-7, atol=1e-8)


def test_robust_cross_entropy_depends_on_the_slope_alone():
    """The same b / a with 3 and with 21 classes costs the same for the same probability of the target."""
    slope, log_q = 0.186, torch.linspace(-8, 0, 5)
    values = []
    for classes in (3, 21):
        log_probs = torch.zeros((1, classes, 1, 5))
        log_probs[0, 0, 0] = log_q
        target = torch.zeros_like(log_probs)
        target[0, 0] = 1
        values.append(RobustCrossEntropy((classes - 1) / (classes + slope))(target, log_probs))
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(values[0][0, 0], ((1 + slope) / (1 + slope * log_q.exp())).log(), rtol=1e-4, atol=1e-6)


def test_robust_cross_entropy_hardly_pulls_where_the_network_surely_disagrees():
    """Its cost is bounded and its gradient vanishes there, while cross entropy pulls with all its force: figure 2."""
    logits = torch.tensor([[0.0, 3.0], [0.0, 12.0]]).reshape(2, 2, 1, 1).requires_grad_()
    target = torch.tensor([[1.0, 0.0]] * 2).reshape(2, 2, 1, 1)
    pulls = {}
    for divergence in (CrossEntropy(), RobustCrossEntropy(0.1)):
        value = divergence(target, logits.log_softmax(1))
        pulls[type(divergence)] = torch.autograd.grad(value.sum(), logits)[0][:, 0, 0, 0].abs()
    assert (pulls[CrossEntropy] > 0.95).all()
    assert pulls[RobustCrossEntropy][1] < 1e-4 < pulls[RobustCrossEntropy][0] < 0.4
    assert RobustCrossEntropy(0.1)(target, (1e4 * logits).log_softmax(1)).amax().item() == pytest.approx(math.log(9))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("flip", [1e-4, 0.3, 0.6, 0.66665])
def test_robust_cross_entropy_is_stable_in_half_precision(dtype, flip):
    """Value and gradient are those of float64 for the same rounded numbers, down to probabilities of e^-60000."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((2, 3, 4, 5), generator=generator) * torch.tensor([1.0, 2e4])[:, None, None, None]
    rounded = logits.log_softmax(1).clamp(min=-6e4).to(dtype)
    target = torch.nn.functional.one_hot(torch.randint(0, 3, (2, 4, 5), generator=generator), 3).movedim(-1, 1)
    found = []
    for log_probs in (rounded.clone(), rounded.double()):
        log_probs.requires_grad_()
        value = RobustCrossEntropy(flip)(target.to(log_probs.dtype), log_probs)
        found.append((value.double(), torch.autograd.grad(value.sum(), log_probs)[0].double()))
    (value, gradient), (exact, exact_gradient) = found
    # Few nats are differences of c ~ log(1 / flip), of which float32 knows 7 digits.
    torch.testing.assert_close(value, exact, rtol=1e-5, atol=2e-6)
    assert (value >= 0).all()
    torch.testing.assert_close(gradient, exact_gradient, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("divergence", NOISY, ids=repr)
def test_without_noise_they_are_cross_entropy(divergence):
    """A flip probability of 0, a transition matrix of ones on the diagonal, and collisions with a sure target."""
    target, logits = random_pair(1, spread=30)
    sure = one_hot(target)
    torch.testing.assert_close(divergence(sure, logits.log_softmax(1)), CrossEntropy()(sure, logits.log_softmax(1)))


def test_forward_correction_with_equal_confusions_is_robust_cross_entropy():
    """Equation (23) of the paper contains its (22)."""
    target, logits = random_pair(2)
    transition = tuple(tuple(0.7 if row == column else 0.15 for column in range(3)) for row in range(3))
    expected = RobustCrossEntropy(0.3)(target, logits.log_softmax(1))
    torch.testing.assert_close(ForwardCorrection(transition)(target, logits.log_softmax(1)), expected)


@given(seed=st.integers(0, 2**31))
def test_forward_correction_measures_the_corrupted_prediction(seed):
    """Equation `forward-correction` by a matrix product: cross entropy to T'q, less its smallest value."""
    target, logits = random_pair(seed)
    confusing = torch.tensor(CONFUSING, dtype=torch.float64)
    corrupted = torch.einsum("lk,blhw->bkhw", confusing, logits.softmax(1))
    least = confusing.amax(0)[:, None, None]
    expected = (target * -(corrupted / least).log()).sum(1)
    torch.testing.assert_close(ForwardCorrection(CONFUSING)(target, logits.log_softmax(1)), expected)


def test_under_collision_a_uniform_target_does_not_pull_and_an_unsure_one_pulls_to_its_likeliest_class():
    """Cross entropy instead makes the network as unsure as the target: there it pulls a sure prediction back."""
    logits = torch.tensor([2.0, 0.0, 0.0]).reshape(1, 3, 1, 1).requires_grad_()
    for target, sign in (([1 / 3, 1 / 3, 1 / 3], 0), ([0.5, 0.3, 0.2], -1)):
        value = CollisionCrossEntropy()(torch.tensor(target).reshape(1, 3, 1, 1), logits.log_softmax(1))
        pull = torch.autograd.grad(value.sum(), logits)[0].flatten()[0]
        assert torch.sign(pull.where(pull.abs() > 1e-6, 0)) == sign


@pytest.mark.parametrize("divergence", ALL, ids=repr)
def test_gradients_are_those_of_the_value(divergence):
    """By finite differences through the softmax, soft targets and sure ones."""
    target, logits = random_pair(3)
    for wanted in (target, one_hot(target)):
        assert torch.autograd.gradcheck(
            lambda f, p=wanted[:1, :, :2, :2]: divergence(p, f.log_softmax(1)),
            logits[:1, :, :2, :2].clone().requires_grad_(),
        )


@pytest.mark.parametrize("divergence", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_finite_in_every_precision_even_for_impossible_classes_that_are_not_wanted(divergence, dtype):
    """Probability 0 under both costs nothing, and the gradient is a number."""
    target = torch.tensor([0.0, 1.0, 0.0]).reshape(1, 3, 1, 1).to(dtype)
    log_probs = torch.tensor([-torch.inf, -0.1, -2.4]).reshape(1, 3, 1, 1).to(dtype).requires_grad_()
    value = divergence(target, log_probs)
    value.sum().backward()
    assert value.isfinite().all()
    assert log_probs.grad is not None
    assert log_probs.grad.isfinite().all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: RobustCrossEntropy(-0.1), "flip probability of -0.1"),
        (lambda: RobustCrossEntropy(float("nan")), "flip probability of nan"),
        (lambda: RobustCrossEntropy(2 / 3)(*random_pair(0)), r"below 0.6667; from \(K - 1\) / K"),
        (lambda: ForwardCorrection(((1.0, 0.0), (1.0,))), "row 1 of a transition matrix has 1 entries"),
        (lambda: ForwardCorrection(((0.9, 0.2), (0.0, 1.0))), "row 0 of a transition matrix is"),
        (lambda: ForwardCorrection(((1.5, -0.5), (0.0, 1.0))), "row 0 of a transition matrix is"),
        (lambda: ForwardCorrection(((1.0, 0.0), (1.0, 0.0))), "no class ever appears as 1"),
        (lambda: ForwardCorrection(((1.0, 0.0), (0.0, 1.0)))(*random_pair(0)), "2 classes for a network of 3"),
    ],
)
def test_what_tells_nothing_is_refused(make, told):
    """The message says what was found and what would do."""
    with pytest.raises(RecipeInvalid, match=told):
        make()


def test_classes_are_those_of_the_network_and_not_those_in_the_image():
    """A target that uses two of 21 classes is still flipped among 21: .94 is allowed, and costs as with all of them."""
    log_probs = torch.randn((1, 21, 2, 2), dtype=torch.float64).log_softmax(1)
    target = torch.zeros_like(log_probs)
    target[:, 4] = 1
    a = 0.94 / 20
    b = 1 - 21 * a
    expected = -((a + b * log_probs[:, 4].exp()) / (a + b)).log()
    torch.testing.assert_close(RobustCrossEntropy(0.94)(target, log_probs), expected)


@pytest.mark.parametrize("classes", range(2, 40))
def test_robust_cross_entropy_is_a_number_up_to_its_limits(classes):
    """The last flip probability below (K - 1) / K is finite or refused; the smallest is cross entropy."""
    target, log_probs = torch.eye(classes)[:1, :, None, None], torch.full((1, classes, 1, 1), -math.log(classes))
    last = math.nextafter((classes - 1) / classes, 0)
    with suppress(RecipeInvalid):
        assert RobustCrossEntropy(last)(target, log_probs).isfinite().all()
    torch.testing.assert_close(RobustCrossEntropy(1e-320)(target, log_probs), CrossEntropy()(target, log_probs))
