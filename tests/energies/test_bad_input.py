"""Images and settings that tools choke on: one clear message, or a finite right answer."""

from dataclasses import replace
from math import inf, nan

import pytest
import torch
from batches import batch_of, part

from weakseg import Evidence
from weakseg.energies import (
    DenseCRF,
    EdgeMapContrast,
    Entropy,
    GatedCRF,
    GridPotts,
    LocalKernel,
    MumfordShah,
    NormalizedCut,
)
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.types import UNLABELED

KERNEL = LocalKernel(radius=0.15, position=0.12, color=0.4)
LOOKING = {
    "dense CRF": DenseCRF(),
    "gated CRF": GatedCRF(KERNEL),
    "normalised cut": NormalizedCut(KERNEL),
    "Mumford-Shah": MumfordShah(),
    "grid Potts": GridPotts(),
    "edge map": GridPotts(contrast=EdgeMapContrast()),
}
"""Energies that look at the image."""
ENERGIES = {**LOOKING, "entropy": Entropy()}

each_energy = pytest.mark.parametrize("energy", ENERGIES.values(), ids=ENERGIES.keys())
each_that_looks = pytest.mark.parametrize("energy", LOOKING.values(), ids=LOOKING.keys())


def case(height: int, width: int, classes: int = 3, valid: bool = True) -> tuple[torch.Tensor, Evidence]:
    """Random probabilities that want a gradient, and what goes with them, of two images."""
    generator = torch.Generator().manual_seed(0)
    probs = torch.randn((2, classes, height, width), generator=generator).softmax(1)
    everywhere = torch.full((2, height, width), valid)
    batch = batch_of(torch.full((2, height, width), UNLABELED), everywhere, classes)
    return probs.requires_grad_(), Evidence(batch.image, probs.detach().log(), batch.weak)


def measured(energy, probs, evidence) -> torch.Tensor:
    """The energy of each image, once it and its gradient are known to be finite."""
    found = energy(probs, evidence)
    found.sum().backward()
    assert found.isfinite().all()
    assert (found >= 0).all()
    assert probs.grad.isfinite().all()
    return found.detach()


@each_energy
def test_a_image_of_one_pixel_has_a_finite_energy(energy):
    """There is nobody to differ from."""
    measured(energy, *case(1, 1))


@each_energy
def test_300_classes_are_as_good_as_any_number(energy):
    """More than a byte can tell apart; a class that nobody predicts costs nothing."""
    probs, evidence = case(5, 6)
    more = torch.cat([probs.detach(), torch.zeros(2, 297, 5, 6)], 1).requires_grad_()
    many = replace(evidence, log_probs=more.detach().log())
    torch.testing.assert_close(measured(energy, more, many), measured(energy, probs, evidence), rtol=1e-4, atol=1e-6)


@each_energy
def test_a_image_that_is_all_void_costs_nothing(energy):
    """And pulls nowhere."""
    probs, evidence = case(5, 6, valid=False)
    assert (measured(energy, probs, evidence) == 0).all()
    assert (probs.grad == 0).all()


@each_that_looks
@pytest.mark.parametrize("strange", [nan, inf])
def test_a_pixel_that_is_no_number_is_one_clear_message(energy, strange):
    """It names the image; in void it does not matter."""
    probs, evidence = case(5, 6)
    image = evidence.image.clone()
    image[1, :, 2, 3] = strange
    with pytest.raises(EvidenceInvalid, match="Image 1 of the batch .* nan or infinite"):
        energy(probs, replace(evidence, image=image))
    valid = torch.ones_like(evidence.weak.valid)
    valid[1, 2, 3] = False
    measured(energy, probs, replace(evidence, image=image, weak=replace(evidence.weak, valid=valid)))


@each_that_looks
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("most", [255, 65535])
def test_images_that_nobody_scaled_are_one_clear_message(energy, channels, most):
    """Of 8 or 16 bits, grey or in colour; else all would be unlike all, and no gradient would say so."""
    probs, evidence = case(5, 6)
    image = evidence.image[:, :channels] * most
    with pytest.raises(EvidenceInvalid, match="with values from"):
        energy(probs, replace(evidence, image=image))


def test_numbers_of_pixels_in_the_place_of_shares_are_refused():
    """The literature's numbers under the field's own names, and a window larger than the image."""
    with pytest.raises(RecipeInvalid, match="from_pixels"):
        DenseCRF(sxy=80.0, srgb=13.0)
    with pytest.raises(RecipeInvalid, match="up to 1"):
        LocalKernel(radius=5.0)
    with pytest.raises(RecipeInvalid):
        DenseCRF(compat=inf)


@each_energy
def test_an_empty_batch_has_no_energies(energy):
    """As in loops that filter their images."""
    probs, evidence = case(5, 6)
    none = Evidence(evidence.image[:0], evidence.log_probs[:0], part(batch_of(evidence.weak.seeds), []).weak)
    assert energy(probs[:0], none).shape == (0,)


@pytest.mark.parametrize("wrong", [0.0, -1.0, nan])
@pytest.mark.parametrize(
    ("made", "names"),
    [(DenseCRF, ("sxy", "srgb", "smooth_sxy")), (LocalKernel, ("radius", "position", "color"))],
)
def test_bandwidths_of_zero_or_below_are_refused(made, names, wrong):
    """Before anything is computed, naming the number."""
    for name in names:
        with pytest.raises(RecipeInvalid, match=f"{name}={wrong!r}"):
            made(**{name: wrong})


def test_weights_and_windows_without_meaning_are_refused():
    """A boundary that is rewarded, a window without end."""
    with pytest.raises(RecipeInvalid, match="boundary_weight=-1"):
        MumfordShah(boundary_weight=-1.0)
    with pytest.raises(RecipeInvalid, match="radius=inf"):
        LocalKernel(radius=inf)
