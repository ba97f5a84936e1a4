"""The dense CRF: an energy of all pairs, by the book on small images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import batch_of, mixed, part
from hypothesis import given, settings
from hypothesis import strategies as st

from weakseg import Evidence, Regularize
from weakseg.energies import DenseCRF
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.types import UNLABELED

CRF = DenseCRF(sxy=0.5, srgb=0.3, smooth_sxy=0.3)


def case(seed: int, size=(8, 10), classes: int = 3, channels: int = 3, void: float = 0.2):
    """Random probabilities, and what goes with them, of one image."""
    generator = torch.Generator().manual_seed(seed)
    valid = torch.rand(1, *size, generator=generator) >= void
    probs = (2 * torch.randn(1, classes, *size, generator=generator)).softmax(1)
    image = torch.rand(1, channels, *size, generator=generator)
    return probs, Evidence(image, probs.log(), batch_of(torch.full((1, *size), UNLABELED), valid).weak)


def written_out(probs, evidence, crf: DenseCRF) -> float:
    """Equation `dense-crf` as it reads, pair by pair, with true Gaussians."""
    valid = evidence.weak.valid[0].numpy()
    p = probs[0].double().numpy()[:, valid]
    places = np.argwhere(valid) / float(evidence.weak.whole_valid[0]) ** 0.5
    colours = evidence.image[0].double().numpy()[:, valid].T
    apart = lambda features: ((features[:, None] - features) ** 2).sum(-1)  # noqa: E731
    energy = 0.0
    for strength, square in (
        (crf.compat, apart(places / crf.sxy) + apart(colours / crf.srgb)),
        (crf.smooth_compat, apart(places / crf.smooth_sxy)),
    ):
        weights = np.exp(-square / 2)
        weights /= np.sqrt(np.outer(weights.sum(0), weights.sum(0)))
        energy += strength / 2 * sum(p[k] @ weights @ (1 - p[k]) for k in range(len(p)))
    return energy / valid.sum()


@pytest.mark.parametrize("void", [0.0, 0.3])
def test_energy_is_near_the_sum_over_all_pairs(void):
    """Within the lattice's error; with and without void."""
    for seed in range(5):
        probs, evidence = case(seed, void=void)
        assert CRF(probs, evidence).item() == pytest.approx(written_out(probs, evidence, CRF), rel=0.05)


@given(seed=st.integers(0, 2**31), channels=st.sampled_from([1, 3, 6, 9]), void=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=20)
def test_energy_is_at_least_zero_and_finite(seed, channels, void):
    """For grey, colour and many channels; and 0 where no pixel is valid."""
    probs, evidence = case(seed, channels=channels, void=void)
    energy = CRF(probs, evidence)
    assert energy.isfinite().all()
    assert (energy >= 0).all()
    assert energy.item() > 0 or not evidence.weak.valid.any()


def test_one_class_everywhere_costs_nothing():
    """Everybody agrees."""
    probs, evidence = case(0)
    agreed = torch.zeros_like(probs)
    agreed[:, 1] = 1
    assert CRF(agreed, evidence).item() == pytest.approx(0, abs=1e-6)


def test_what_is_void_does_not_count():
    """Neither its colour nor its labels."""
    probs, evidence = case(0)
    void = ~evidence.weak.valid[:, None]
    other = replace(evidence, image=torch.where(void, 0.123, evidence.image))
    assert torch.equal(CRF(probs, evidence), CRF(torch.where(void, 1 / 3, probs), other))


def test_enlarged_images_cost_about_the_same():
    """The energy is resolution-free, and so is each normalisation."""
    probs, evidence = case(0, (24, 30), void=0.0)
    twice = lambda values: values.repeat_interleave(2, -1).repeat_interleave(2, -2)  # noqa: E731
    weak = batch_of(torch.full((1, 48, 60), UNLABELED)).weak
    large = CRF(twice(probs), Evidence(twice(evidence.image), twice(probs).log(), weak))
    torch.testing.assert_close(large, CRF(probs, evidence), rtol=0.03, atol=0)


def test_coarse_probabilities_see_the_mean_colours():
    """On a grid of half the resolution, the energy is that of the image at half the resolution."""
    probs, evidence = case(0, (8, 10), void=0.0)
    weak = batch_of(torch.full((1, 4, 5), UNLABELED)).weak
    halves = torch.nn.functional.avg_pool2d
    small = Evidence(halves(evidence.image, 2), halves(probs, 2).log(), weak)
    torch.testing.assert_close(CRF(halves(probs, 2), evidence), CRF(halves(probs, 2), small))


def test_renamed_classes_cost_the_same():
    """No class is special."""
    probs, evidence = case(0)
    torch.testing.assert_close(CRF(probs[:, [2, 0, 1]], evidence), CRF(probs, evidence))


def test_images_of_a_batch_do_not_see_each_other():
    """The energy of each is what it is alone, bit for bit."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    together = CRF(logits.softmax(1), evidence)
    alone = [CRF(logits[i : i + 1].softmax(1), Evidence(b.image, evidence.log_probs[i : i + 1], b.weak))
             for i in range(len(logits)) for b in [part(batch, [i])]]  # fmt: skip
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("channels", [3, 9])
@pytest.mark.parametrize("stride", [1, 4])
def test_images_looked_at_together_cost_what_each_costs_alone(stride, channels):
    """As devices other than CPUs look at them: one lattice in torch for all, against one in numba for each."""
    logits, batch = mixed(stride=stride)
    image = torch.rand(6, channels, *batch.image.shape[2:], generator=torch.Generator().manual_seed(1))
    grid = (logits.shape[2], logits.shape[3])
    alone, together = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    energies = CRF(alone.softmax(1), Evidence(image, logits.log_softmax(1), batch.weak))
    energies.sum().backward()
    found = CRF.built(Evidence(image, logits, batch.weak), grid)(together.softmax(1))
    found.sum().backward()
    torch.testing.assert_close(found, energies, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(together.grad, alone.grad, rtol=1e-4, atol=1e-6)
    some = part(replace(batch, image=image), [2, 3])
    two = CRF.built(Evidence(some.image, logits[2:4], some.weak), grid)(logits[2:4].softmax(1))
    torch.testing.assert_close(two, found[2:4], rtol=1e-6, atol=0)


def test_gradient_agrees_with_differences():
    """The quadratic form's gradient is exact, because the matrix is symmetric."""
    probs, evidence = case(3, (5, 6))
    probs = probs.double().requires_grad_()
    (gradient,) = torch.autograd.grad(CRF(probs, evidence).sum(), probs)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        way = torch.randn(probs.shape, generator=generator, dtype=torch.float64)
        ahead, behind = (CRF((probs + step * way).detach(), evidence).item() for step in (0.05, -0.05))
        assert (ahead - behind) / 0.1 == pytest.approx((gradient * way).sum().item(), rel=2e-3, abs=1e-4)


def test_as_a_loss_it_is_finite_without_seeds():
    """Dense-GD on easy and hard images, one of them all void."""
    logits, batch = mixed()
    logits.requires_grad_()
    loss = Regularize(CRF)(logits, batch)
    loss.backward()
    assert loss.item() >= 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0].abs().sum() > 0


def test_more_classes_than_a_byte_holds():
    """300 of them, as if any other number."""
    probs, evidence = case(0, classes=300)
    assert CRF(probs, evidence).item() > 0


def test_a_image_of_one_pixel_agrees_with_itself_when_sure():
    """One pixel, one class."""
    probs, evidence = case(0, (1, 1), void=0.0)
    assert CRF(torch.tensor([1.0, 0, 0])[None, :, None, None], evidence).item() == pytest.approx(0, abs=1e-6)


def test_values_of_the_literature_are_converted():
    """Pixels to shares of the side of a square as large, 0..255 to 0..1."""
    crf = DenseCRF.from_pixels((375 * 500) ** 0.5, 80.0, 13.0, 10.0, 3.0, 3.0)
    assert crf == DenseCRF()
    assert DenseCRF.ccnn_tuned().srgb == 10 / 255
    assert DenseCRF.rloss().smooth_compat == 0


def test_impossible_settings_and_images_are_refused():
    """Bandwidths of 0, strengths below 0 or both 0, nan in an image, bandwidths too small for it."""
    no_kernel = {"compat": 0.0, "smooth_compat": 0.0}
    for wrong in ({"sxy": 0.0}, {"srgb": -1.0}, {"smooth_sxy": float("nan")}, {"compat": -1.0}, no_kernel):
        with pytest.raises(RecipeInvalid, match="above 0"):
            DenseCRF(**wrong)
    probs, evidence = case(0, void=0.0)
    with pytest.raises(EvidenceInvalid, match="nan or infinite"):
        CRF(probs, replace(evidence, image=evidence.image * torch.nan))
    with pytest.raises(EvidenceInvalid, match="larger bandwidths"):
        DenseCRF(srgb=1e-7)(probs, evidence)
