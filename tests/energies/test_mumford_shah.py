"""Mumford-Shah and total variation: what they cost, and what they pull to."""

from dataclasses import replace
from math import inf

import pytest
import torch
from batches import batch_of
from hypothesis import given
from hypothesis import strategies as st

from weakseg import Evidence, Regularize
from weakseg.energies import ColorContrast, GridPotts, MumfordShah, TotalVariation
from weakseg.types import UNLABELED


def photo(seed, size=(3, 4), channels=3, classes=3, void=0.2):
    """One random image in double precision: its probabilities, and the evidence."""
    generator = torch.Generator().manual_seed(seed)
    valid = torch.rand((1, *size), generator=generator) >= void
    batch = batch_of(torch.full((1, *size), UNLABELED), valid, classes)
    image = torch.rand((1, channels, *size), generator=generator, dtype=torch.float64)
    probs = torch.randn((1, classes, *size), generator=generator, dtype=torch.float64).softmax(1)
    return probs, Evidence(image, probs.log(), batch.weak)


@given(seed=st.integers(0, 2**31), channels=st.sampled_from([1, 3, 6]))
def test_it_is_the_colour_variance_within_classes_over_that_of_the_image(seed, channels):
    """Equation `mumford-shah` written out, with boundaries at no price."""
    probs, evidence = photo(seed, channels=channels)
    pixels = [(i, j) for i in range(3) for j in range(4) if evidence.weak.valid[0, i, j]]
    colors = {at: evidence.image[0, :, at[0], at[1]] for at in pixels}
    mean = sum(colors.values()) / max(len(pixels), 1)
    within = torch.zeros((), dtype=torch.float64)
    for p in probs[0]:
        center = sum(p[at] * colors[at] for at in pixels) / max(sum(p[at] for at in pixels), 1e-9)
        within += sum(p[at] * (colors[at] - center).square().sum() for at in pixels)
    total = sum((colors[at] - mean).square().sum() for at in pixels)
    expected = within / total if len(pixels) > 1 else torch.zeros_like(within)
    found = MumfordShah(boundary_weight=0.0)(probs, evidence)[0]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-12)


def test_classes_of_one_colour_each_cost_only_their_boundary():
    """Two columns of two colours: nothing is left within, and of four pixels the border is two long."""
    image = torch.tensor([[[[0.2, 0.7], [0.2, 0.7]]]], dtype=torch.float64)
    probs = torch.eye(2, dtype=torch.float64)[None, :, None].expand(1, 2, 2, 2)
    batch = batch_of(torch.full((1, 2, 2), UNLABELED), classes=2)
    evidence = Evidence(image, probs, batch.weak)
    assert MumfordShah(boundary_weight=0.0)(probs, evidence).item() == pytest.approx(0, abs=1e-12)
    assert MumfordShah(boundary_weight=0.5)(probs, evidence).item() == pytest.approx(0.5 * 2 / 4**0.5)


def test_brightness_and_contrast_of_the_image_do_not_matter():
    """Variance is measured in the image's own: a dark copy of an image costs the same."""
    probs, evidence = photo(0)
    dark = replace(evidence, image=0.1 + 0.02 * evidence.image)
    torch.testing.assert_close(MumfordShah()(probs, dark), MumfordShah()(probs, evidence), rtol=1e-6, atol=0)


def test_rounding_does_not_make_two_colours_of_one():
    """An image of one colour, averaged over cells in single precision, has no variance to explain."""
    probs = torch.rand((1, 3, 5, 5)).softmax(1)
    batch = batch_of(torch.full((1, 23, 17), UNLABELED), classes=3)
    evidence = Evidence(torch.full((1, 3, 23, 17), 0.7), probs.log(), batch.weak)
    assert MumfordShah(boundary_weight=0.0)(probs, evidence).item() < 1e-3


def test_total_variation_is_half_the_absolute_differences_over_the_root_of_the_pixels():
    """An infinite colour variance makes all neighbours alike, so the relaxation is all there is."""
    probs, evidence = photo(1, void=0.0)
    rule = GridPotts(4, ColorContrast(variance=inf), TotalVariation())
    p = probs[0]
    expected = ((p[:, 1:] - p[:, :-1]).abs().sum() + (p[..., 1:] - p[..., :-1]).abs().sum()) / 2 / 12**0.5
    torch.testing.assert_close(rule(probs, evidence)[0], expected)


def test_descent_gives_each_colour_its_class():
    """From a hint in one corner, all pixels of that colour follow, touching or not."""
    batch = batch_of(torch.full((1, 8, 12), UNLABELED), classes=2)
    image = torch.zeros((1, 1, 8, 12))
    image[..., :3], image[..., 8:] = 1.0, 1.0
    logits = torch.zeros((1, 2, 8, 12))
    logits[0, 1, :2, :2] = 1.0
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(30):
        optimizer.zero_grad()
        Regularize(MumfordShah())(logits, replace(batch, image=image)).backward()
        optimizer.step()
    assert torch.equal(logits.argmax(1)[0], image[0, 0].long())
