"""What every energy of probabilities promises.

A published energy is here by itself, with its defaults or the `EXAMPLES` of its own test file.
"""

from dataclasses import replace
from functools import cache
from math import inf

import pytest
import torch
from batches import CLASSES, batch_of, mixed, part
from hypothesis import given
from hypothesis import strategies as st
from published import missing, published, with_examples
from torch.nn import functional as F

from weakseg import Evidence, Regularize
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.energies import (
    ColorContrast,
    DenseCRF,
    Entropy,
    GatedCRF,
    GridPotts,
    LocalKernel,
    LogBarrier,
    MumfordShah,
    NormalizedCut,
    QuadraticPenalty,
    TotalVariation,
)
from weakseg.types import UNLABELED

# A window of a few cells on images as small as these.
KERNEL = LocalKernel(radius=0.15, position=0.12, color=0.4)
ROWS = All((SizesWithin(), UntaggedClassesAbsent()))

ENERGIES = {
    "dense CRF": DenseCRF(sxy=0.4, srgb=0.3, smooth_sxy=0.3),
    "gated CRF": GatedCRF(KERNEL),
    "normalised cut": NormalizedCut(KERNEL),
    "Mumford-Shah": MumfordShah(),
    "entropy": Entropy(),
    "total variation": GridPotts(contrast=ColorContrast(variance=inf), relaxation=TotalVariation()),
    # Not the default, whose cost of soft cells inside a region and measured variance grow with the image's size.
    "Potts with colours": GridPotts(contrast=ColorContrast(variance=0.05), relaxation=TotalVariation()),
    "quadratic penalty": QuadraticPenalty(ROWS),
    "log-barrier": LogBarrier(ROWS),
}
KINDS = published(called_with=("probs", "evidence"))
ENERGIES |= {repr(energy): energy for energy in with_examples(KINDS, [*ENERGIES.values()])}
each_energy = pytest.mark.parametrize("energy", ENERGIES.values(), ids=ENERGIES.keys())
# The dense CRF's lattice sums in single precision; test_dense_crf.py has its gradients.
IN_DOUBLE = {name: energy for name, energy in ENERGIES.items() if name != "dense CRF"}


def test_every_published_energy_is_here():
    """One that needs a setting has `EXAMPLES = [...]` in the test file of its module."""
    assert missing(KINDS, [*ENERGIES.values()]) == []


def value(energy, logits, batch):
    """The energy of each image."""
    return energy(logits.softmax(1), Evidence(batch.image, logits.detach().log_softmax(1), batch.weak))


@cache
def value_and_gradient(energy):
    """Both of the batch at stride 4, once for all orders of its classes."""
    logits, batch = mixed(stride=4)
    found = value(energy, logits.requires_grad_(), batch)
    return found.detach(), torch.autograd.grad(found.sum(), logits)[0]


def lowest(energy) -> float:
    """0, but for a barrier, which rewards room."""
    return -1.0 if isinstance(energy, LogBarrier) else 0.0


@each_energy
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("channels", [1, 3, 7])
def test_at_least_zero_and_finite_with_finite_gradients_whatever_is_predicted(energy, stride, channels):
    """Sure, unsure, wrong, seedless and void images, logits of 1e4 and all alike, any channels."""
    logits, batch = mixed(stride=stride)
    image = torch.rand((6, channels, *batch.image.shape[2:]), generator=torch.Generator().manual_seed(1))
    for scale in (0.0, 1.0, 1e4):
        scaled = (logits * scale).requires_grad_()
        found = value(energy, scaled, replace(batch, image=image))
        found.sum().backward()
        assert (found >= lowest(energy)).all()
        assert found.isfinite().all()
        assert found[5] == 0
        assert scaled.grad is not None
        assert scaled.grad.isfinite().all()


@each_energy
def test_a_image_of_one_colour_is_like_any_other(energy):
    """Neither a NaN nor an infinity, in values or in gradients."""
    logits, batch = mixed(stride=4)
    logits.requires_grad_()
    found = value(energy, logits, replace(batch, image=torch.full_like(batch.image, 0.3)))
    found.sum().backward()
    assert (found >= lowest(energy)).all()
    assert found.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@each_energy
def test_what_invalid_pixels_show_does_not_matter(energy):
    """Not even NaN."""
    logits, batch = mixed(stride=4)
    hole = ~batch.weak.valid[:, None].expand_as(batch.image)
    found = value(energy, logits, replace(batch, image=batch.image.masked_fill(hole, torch.nan)))
    torch.testing.assert_close(found, value(energy, logits, batch), rtol=0, atol=0)


@each_energy
@pytest.mark.parametrize("stride", [1, 4])
def test_padding_changes_nothing(energy, stride):
    """Eight rows below and four columns on the right that are not valid, whatever is predicted there."""
    logits, batch = mixed(stride=stride)
    padded = lambda values, fill, cell=1: F.pad(values, (0, 4 // cell, 0, 8 // cell), value=fill)  # noqa: E731
    weak = replace(batch.weak, valid=padded(batch.weak.valid, False), seeds=padded(batch.weak.seeds, UNLABELED))
    larger = replace(batch, image=padded(batch.image, 0.9), weak=weak)
    found = value(energy, padded(logits, 3.0, stride), larger)
    torch.testing.assert_close(found, value(energy, logits, batch), rtol=1e-5, atol=1e-7)


@each_energy
@pytest.mark.parametrize("stride", [1, 4])
def test_a_image_costs_the_same_in_any_company(energy, stride):
    """Alone, and among the others."""
    logits, batch = mixed(stride=stride)
    together = value(energy, logits, batch)
    for i in range(len(logits)):
        alone = value(energy, logits[[i]], part(batch, [i]))
        torch.testing.assert_close(alone, together[[i]], rtol=1e-5, atol=1e-7)


@each_energy
@given(order=st.permutations(range(CLASSES)))
def test_the_order_of_classes_does_not_matter(energy, order):
    """Energies speak of agreement, never of a certain class; gradients move with their classes."""
    logits, batch = mixed(stride=4)
    plain, gradient = value_and_gradient(energy)
    weak = replace(batch.weak, tags=batch.weak.tags[:, order], areas=batch.weak.areas[:, order])
    leaf = logits[:, order].requires_grad_()
    found = value(energy, leaf, replace(batch, weak=weak))
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(torch.autograd.grad(found.sum(), leaf)[0], gradient[:, order], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("energy", IN_DOUBLE.values(), ids=IN_DOUBLE.keys())
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_those_of_the_value(energy, stride):
    """By finite differences through the softmax in directions at random, in double precision, with void pixels."""
    generator = torch.Generator().manual_seed(3)
    valid = torch.rand((2, 4, 6), generator=generator) > 0.2
    batch = batch_of(torch.full((2, 4, 6), UNLABELED), valid, classes=3)
    areas = torch.tensor([[0.3, 0.6], [0.0, 0.2], [0.0, 1.0]]).expand(2, 3, 2)
    batch = replace(batch, image=batch.image.double(), weak=replace(batch.weak, areas=areas))
    logits = torch.randn((2, 3, 4 // stride, 6 // stride), dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda f: value(energy, f, batch), logits.requires_grad_(), fast_mode=True)


@each_energy
def test_a_image_enlarged_by_two_costs_about_the_same(energy):
    """Patches of colour with twice the pixels a side, predicted softly: within a tenth."""
    small = F.interpolate(torch.randn((1, 3, 3, 4), generator=torch.Generator().manual_seed(5)), (48, 64))
    values = []
    for enlarged in (1, 2):
        logits = 4 * small.repeat_interleave(enlarged, 2).repeat_interleave(enlarged, 3)
        batch = batch_of(torch.full((1, 48 * enlarged, 64 * enlarged), UNLABELED), classes=3)
        image = small.softmax(1).repeat_interleave(enlarged, 2).repeat_interleave(enlarged, 3)
        values.append(value(energy, logits, replace(batch, image=image)).item())
    assert values[1] == pytest.approx(values[0], rel=0.1)


@each_energy
def test_it_trains_in_half_precision(energy):
    """`Regularize` measures half-precision logits in float32."""
    logits, batch = mixed(stride=4)
    half = logits.bfloat16().requires_grad_()
    loss = Regularize(energy, weight=0.5)(half, batch)
    loss.backward()
    torch.testing.assert_close(loss, 0.5 * value(energy, half.detach().float(), batch).mean())
    assert half.grad is not None
    assert half.grad.isfinite().all()
