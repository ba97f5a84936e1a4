"""Promises of the training losses: equations `loss`, `partial-cross-entropy` and `partial-dice` of docs/theory.md."""

from dataclasses import dataclass
from math import log

import pytest
import torch
from batches import CLASSES, SIZE, batch_of, mixed, part
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weakseg import (
    AlphaExpansion,
    Batch,
    DualProjection,
    Evidence,
    Fit,
    Memory,
    PartialDice,
    Regularize,
    SeedsOnly,
    Solution,
    Sum,
)
from weakseg.constraints import All
from weakseg.errors import EvidenceInvalid
from weakseg.papers import EmAdapt
from weakseg.types import UNLABELED


@dataclass(frozen=True, eq=False)
class Painted:
    """A solver that knows its answer beforehand, on whatever grid it was painted."""

    target: Float[Tensor, "B C h w"]
    weight: Float[Tensor, "B h w"]

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The painted answer."""
        return Solution(self.target, self.weight, torch.zeros(len(self.target)), ("Painted.",) * len(self.target))


@dataclass(frozen=True)
class ShareOf:
    """An energy: how much of the image is taken for one class."""

    label: int

    def __call__(self, probs: Float[Tensor, "B C h w"], evidence: Evidence) -> Float[Tensor, " B"]:
        """The mean probability."""
        return probs[:, self.label].flatten(1).mean(1)


def painted(labels: Tensor, weight: float = 1.0) -> Painted:
    """A solver that is sure of these labels."""
    target = F.one_hot(labels, CLASSES).movedim(-1, 1).float()
    return Painted(target, torch.full(labels.shape, weight))


def everything_painted(seed: int = 0) -> Painted:
    """Targets for the images of `mixed`, on the labels' grid."""
    return painted(torch.randint(CLASSES, (6, *SIZE), generator=torch.Generator().manual_seed(seed)))


LOSSES = [
    Fit(SeedsOnly()),
    PartialDice(),
    Fit(everything_painted(), weight=0.5),
    Sum((Fit(SeedsOnly()), PartialDice())),
]
losses = pytest.mark.parametrize("loss", LOSSES, ids=["partial-ce", "partial-dice", "hidden", "sum"])


@given(seed=st.integers(0, 2**31), spread=st.floats(0, 100))
def test_partial_cross_entropy_of_one_image_is_torchs_own(seed, spread):
    """Equation `partial-cross-entropy` is `torch.nn.functional.cross_entropy` with `ignore_index`."""
    logits, batch = mixed(seed)
    for i in range(4):
        one, marks = spread * logits[[i]], part(batch, [i])
        expected = F.cross_entropy(one, marks.weak.seeds, ignore_index=UNLABELED)
        torch.testing.assert_close(Fit(SeedsOnly())(one, marks), expected)


def test_full_masks_make_it_full_supervision():
    """With every pixel marked the same objective is plain cross entropy."""
    logits, _ = mixed()
    truth = logits.flip(1).argmax(1)
    torch.testing.assert_close(Fit(SeedsOnly())(logits, batch_of(truth)), F.cross_entropy(logits, truth))


@losses
@pytest.mark.parametrize("stride", [1, 4])
def test_loss_of_a_batch_is_the_mean_over_its_images(loss, stride):
    """An image's loss does not depend on its neighbours; one without marks counts as 0, not as absent."""
    logits, batch = mixed(stride=stride)
    alone = []
    for i in range(6):
        solo = loss
        if isinstance(loss, Fit) and isinstance(loss.solver, Painted):
            solo = Fit(Painted(loss.solver.target[[i]], loss.solver.weight[[i]]), weight=loss.weight)
        alone.append(solo(logits[[i]], part(batch, [i])))
    torch.testing.assert_close(loss(logits, batch), torch.stack(alone).mean())


@losses
def test_nothing_marked_and_nothing_valid_is_zero_with_zero_gradient(loss):
    """No division by a count of zero, forwards or backwards."""
    logits, _ = mixed()
    logits.requires_grad_()
    nothing = batch_of(torch.full((6, *SIZE), UNLABELED), torch.zeros((6, *SIZE), dtype=torch.bool))
    value = loss(logits, nothing)
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


@losses
def test_only_pixels_with_a_target_are_pulled(loss):
    """Unmarked pixels never enter a partial loss, and invalid ones never enter any."""
    logits, batch = mixed()
    logits.requires_grad_()
    loss(logits, batch).backward()
    assert logits.grad is not None
    pulled = logits.grad.abs().sum(1) > 0
    hidden_too = isinstance(loss, Fit) and isinstance(loss.solver, Painted)
    allowed = batch.weak.valid & (hidden_too | (batch.weak.seeds != UNLABELED))
    assert pulled.any()
    assert not (pulled & ~allowed).any()


@losses
def test_loss_is_the_same_at_twice_the_resolution(loss):
    """Doubling rows and columns of an image and of its labels changes a loss by less than 2 percent."""
    logits, batch = mixed(stride=2)
    double = lambda maps: maps.repeat_interleave(2, 1).repeat_interleave(2, 2)  # noqa: E731
    larger = batch_of(double(batch.weak.seeds), double(batch.weak.valid))
    torch.testing.assert_close(loss(logits, larger), loss(logits, batch), rtol=0.02, atol=0)


@losses
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_those_of_the_value(loss, stride):
    """Differences of the loss in double precision agree with its gradient."""
    logits, batch = mixed(stride=stride)
    logits = logits.double().clamp(-5, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: loss(values, batch), logits, fast_mode=True)


@losses
def test_half_precision_logits_are_measured_in_single_precision(loss):
    """bfloat16 logits lose nothing more in the loss than they lost in the network."""
    logits, batch = mixed()
    value = loss(logits.bfloat16(), batch)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits.bfloat16().float(), batch))


@losses
def test_extreme_logits_give_a_finite_loss(loss):
    """Logits of +-10000 give a finite loss >= 0 and finite gradients."""
    logits, batch = mixed()
    logits = (logits.sign() * 1e4).requires_grad_()
    value = loss(logits, batch)
    value.backward()
    assert value.isfinite()
    assert value >= 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_partial_dice_of_a_hand_worked_image():
    """Equation `partial-dice`, with two classes, three marks and one pixel that nobody marked."""
    seeds = torch.tensor([[[0, 0, 1, UNLABELED]]])
    share = torch.tensor([0.9, 0.6, 0.3, 0.5])  # of class 0
    logits = torch.stack([share, 1 - share]).log()[None, :, None]
    softening = 0.1 * 3
    first = (2 * (0.9 + 0.6) + softening) / ((0.9 + 0.6 + 0.3) + 2 + softening)
    second = (2 * 0.7 + softening) / ((0.1 + 0.4 + 0.7) + 1 + softening)
    expected = 1 - (first + second) / 2
    value = PartialDice(weight=2.0, smoothing=0.1)(logits, batch_of(seeds, classes=2))
    assert value.item() == pytest.approx(2 * expected, rel=1e-5)


def test_partial_dice_is_zero_for_a_sure_and_right_prediction():
    """Classes that nobody marked do not enter the mean, not even without smoothing."""
    seeds = torch.tensor([[[0, 0, 2, UNLABELED]]])
    logits = 1000.0 * F.one_hot(seeds.clamp(min=0), CLASSES).movedim(-1, 1)
    for loss in (PartialDice(), PartialDice(smoothing=0.0)):
        assert loss(logits, batch_of(seeds)).item() == pytest.approx(0, abs=1e-6)


def test_hidden_term_is_the_mean_over_hidden_pixels():
    """Equation `loss` on the labels' grid: seeds' mean plus weight times the mean over valid, unmarked pixels."""
    logits, batch = mixed()
    one, batch = logits[[3]], part(batch, [3])
    labels = torch.arange(one[0, 0].numel()).reshape(1, *SIZE) % CLASSES
    each = F.cross_entropy(one, labels, reduction="none")
    seeds = F.cross_entropy(one, batch.weak.seeds, ignore_index=UNLABELED)
    expected = seeds + 0.3 * each[batch.weak.hidden].mean()
    torch.testing.assert_close(Fit(painted(labels), weight=0.3)(one, batch), expected)


def test_a_pixel_that_teaches_half_counts_half():
    """The teaching weight scales the term; it is not normalised away."""
    logits, batch = mixed()
    labels = logits.argmin(1)
    seeds = Fit(SeedsOnly())(logits, batch)
    whole, half = (Fit(painted(labels, weight))(logits, batch) - seeds for weight in (1.0, 0.5))
    torch.testing.assert_close(half, whole / 2)


def test_a_coarse_target_weighs_each_cell_by_the_hidden_pixels_in_it():
    """On the solver's own grid, a cell counts by its share of pixels that are valid and unmarked."""
    seeds = torch.full((1, 4, 8), UNLABELED)
    seeds[0, 0, :2] = 1
    valid = torch.ones((1, 4, 8), dtype=torch.bool)
    valid[0, :, 7] = False
    logits = torch.randn((1, CLASSES, 1, 2), generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[[2, 3]]])
    batch = batch_of(seeds, valid)
    left, right = F.cross_entropy(logits, labels, reduction="none").flatten()
    # 16 pixels a cell: two of the left one are marked, four of the right one are void.
    expected = (14 * left + 12 * right) / 26
    value = Fit(painted(labels))(logits, batch) - Fit(SeedsOnly())(logits, batch)
    torch.testing.assert_close(value, expected)


def test_a_target_on_another_grid_than_the_logits_resizes_the_logits():
    """A solver may answer on a finer grid than the network predicts on."""
    logits, batch = mixed(stride=4)
    labels = torch.randint(CLASSES, (6, SIZE[0] // 2, SIZE[1] // 2), generator=torch.Generator().manual_seed(1))
    finer = F.interpolate(logits, labels.shape[1:], mode="bilinear", align_corners=False)
    loss = Fit(painted(labels), weight=1.0)
    seeds = Fit(SeedsOnly())
    torch.testing.assert_close(loss(logits, batch) - seeds(logits, batch), loss(finer, batch) - seeds(finer, batch))


def test_the_solver_sees_no_gradient():
    """Stage A is not differentiated: the target is a constant of stage B."""
    seen = []

    class Watcher(Painted):
        """Notes whether what it sees could be differentiated."""

        def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
            seen.append((evidence.log_probs.requires_grad, torch.is_grad_enabled()))
            return super().solve(evidence, start)

    logits, batch = mixed()
    answer = everything_painted()
    Fit(Watcher(answer.target, answer.weight))(logits.requires_grad_(), batch)
    assert seen == [(False, False)]


def test_regularize_is_the_weighted_mean_energy_and_can_be_differentiated():
    """An energy becomes a loss; the second paper's baselines."""
    logits, batch = mixed(stride=4)
    logits.requires_grad_()
    value = Regularize(ShareOf(1), weight=3.0)(logits, batch)
    value.backward()
    torch.testing.assert_close(value.detach(), 3 * logits.detach().softmax(1)[:, 1].mean())
    assert logits.grad is not None
    assert (logits.grad != 0).any()


def test_a_sum_is_the_sum_of_its_terms():
    """Weights belong to the terms."""
    logits, batch = mixed()
    terms = (Fit(SeedsOnly()), PartialDice(weight=0.2), Regularize(ShareOf(0), weight=0.1))
    expected = sum(term(logits, batch).item() for term in terms)
    assert Sum(terms)(logits, batch).item() == pytest.approx(expected)


@pytest.mark.parametrize("solver", [DualProjection(All(())), EmAdapt(), AlphaExpansion()])
def test_nan_logits_are_refused_by_the_image_s_name(solver):
    """Whoever trains learns which image to look at."""
    logits, batch = mixed()
    logits[1, 0, 0, 0] = torch.nan
    with pytest.raises(EvidenceInvalid, match="image 'image1' are NaN"):
        Fit(solver)(logits, batch)


def test_void_of_a_batch_made_by_hand_is_not_looked_at():
    """Whatever is drawn there."""
    seeds = torch.tensor([[[0, 255], [1, -1]]])
    valid = torch.tensor([[[True, False], [True, True]]])
    batch = Batch.of(torch.rand(1, 3, 2, 2), 2, seeds=seeds, valid=valid)
    assert batch.weak.whole_valid.tolist() == [3]
    assert Fit(SeedsOnly())(torch.zeros(1, 2, 2, 2), batch) == pytest.approx(log(2))
