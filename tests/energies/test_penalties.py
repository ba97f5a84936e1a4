"""Penalties on linear rows: what they cost, and that they pull the right way."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of, mixed

from weakseg import Evidence, Regularize
from weakseg.constraints import SizesWithin, TaggedClassesPresent
from weakseg.constraints.linear_rows import All
from weakseg.constraints.tags import UntaggedClassesAbsent
from weakseg.energies import LogBarrier, QuadraticPenalty
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

ENERGIES = [QuadraticPenalty, LogBarrier]


def evidence_of(tags, size=(4, 4)) -> Evidence:
    """A whole image of which only tags are known."""
    batch = batch_of(torch.full((1, *size), UNLABELED))
    weak = replace(batch.weak, tags=torch.tensor([tags]))
    return Evidence(batch.image, torch.zeros(1, 4, *size).log_softmax(1), weak)


def test_quadratic_penalty_is_the_squared_missing_share():
    """A class with a fifth asked and a tenth there costs .01; one with more than asked costs nothing."""
    probs = torch.tensor([0.6, 0.1, 0.2, 0.1])[None, :, None, None].expand(1, 4, 4, 4)
    energy = QuadraticPenalty(TaggedClassesPresent(share=0.2))
    torch.testing.assert_close(energy(probs, evidence_of([PRESENT, PRESENT, UNTOLD, UNTOLD])), torch.tensor([0.01]))


def test_a_deleted_class_costs_what_there_is_of_it():
    """Absent classes with .1 and .2 of the image: .01 + .04."""
    probs = torch.tensor([0.6, 0.1, 0.2, 0.1])[None, :, None, None].expand(1, 4, 4, 4)
    energy = QuadraticPenalty(UntaggedClassesAbsent())
    torch.testing.assert_close(energy(probs, evidence_of([UNTOLD, ABSENT, ABSENT, UNTOLD])), torch.tensor([0.05]))


def test_barrier_is_a_logarithm_inside_and_a_line_outside_that_meet_smoothly():
    """Value and slope agree at -1/t^2; far inside the logarithm, far outside slope t."""
    barrier = LogBarrier(SizesWithin(), sharpness=5.0)
    z = torch.tensor([[-0.5], [-0.04 - 1e-5], [-0.04 + 1e-5], [0.3]], requires_grad=True)
    values = torch.stack([barrier._mean(each) for each in z])
    slopes = torch.autograd.grad(values.sum(), z)[0]
    torch.testing.assert_close(values[0], -torch.tensor(0.5).log() / 5)
    torch.testing.assert_close(values[1], values[2], atol=2e-4, rtol=0)
    torch.testing.assert_close(slopes[1:].flatten(), torch.full((3,), 5.0), atol=5e-3, rtol=0)


@pytest.mark.parametrize("energy", ENERGIES, ids=lambda energy: energy.__name__)
def test_energies_are_finite_and_at_least_zero_whatever_is_predicted(energy):
    """Sure, unsure, wrong and void images, on fine and coarse grids, with finite gradients."""
    rule = energy(All((UntaggedClassesAbsent(), SizesWithin())))
    for stride in (1, 4):
        logits, batch = mixed(stride=stride)
        logits.requires_grad_()
        value = Regularize(rule)(logits, batch)
        value.backward()
        assert value >= 0
        assert logits.grad is not None
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("energy", ENERGIES, ids=lambda energy: energy.__name__)
def test_descent_reaches_the_bounds(energy):
    """Free logits of an image without the tagged class get their fifth."""
    evidence = evidence_of([UNTOLD, PRESENT, UNTOLD, UNTOLD])
    logits = torch.zeros((1, 4, 4, 4))
    logits[:, 0] = 3.0
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.2)
    for _ in range(40):
        optimizer.zero_grad()
        energy(TaggedClassesPresent(share=0.2))(logits.softmax(1), evidence).sum().backward()
        optimizer.step()
    assert logits.softmax(1)[:, 1].mean() > 0.18


@pytest.mark.parametrize("energy", ENERGIES, ids=lambda energy: energy.__name__)
def test_energy_does_not_depend_on_the_resolution(energy):
    """An image enlarged by two costs the same."""
    probs = torch.rand((1, 4, 4, 4), generator=torch.Generator().manual_seed(0)).softmax(1)
    rule, tags = energy(TaggedClassesPresent(share=0.3)), [PRESENT, PRESENT, UNTOLD, UNTOLD]
    large = probs.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(rule(large, evidence_of(tags, (8, 8))), rule(probs, evidence_of(tags)))
