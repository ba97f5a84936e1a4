"""Gated CRF and normalised cut, and the local kernel both stand on, against sums over pairs."""

from dataclasses import replace
from math import exp, hypot, inf

import numpy as np
import pytest
import torch
from batches import batch_of
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from weakseg import Evidence, Regularize
from weakseg.energies import GatedCRF, LocalKernel, NormalizedCut
from weakseg.energies.kernel_cut import Kernel
from weakseg.errors import RecipeInvalid
from weakseg.types import UNLABELED


def photo(seed, height, width, channels=3, classes=3, void=0.2):
    """One random image in double precision: its probabilities, and the evidence."""
    generator = torch.Generator().manual_seed(seed)
    valid = torch.rand((1, height, width), generator=generator) >= void
    batch = batch_of(torch.full((1, height, width), UNLABELED), valid, classes)
    image = torch.rand((1, channels, height, width), generator=generator, dtype=torch.float64)
    probs = torch.randn((1, classes, height, width), generator=generator, dtype=torch.float64).softmax(1)
    return probs, Evidence(image, probs.log(), batch.weak)


def written_out(rule: LocalKernel, evidence: Evidence) -> np.ndarray:
    """The matrix of equation `local-kernel` over all pixels of one image, pair by pair."""
    valid, image = evidence.weak.valid[0].numpy(), evidence.image[0].numpy()
    side = max(valid.sum(), 1) ** 0.5
    reach, bandwidth = max(round(rule.radius * side), 1), rule.position * side
    around = [(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1) if (i, j) != (0, 0)]
    window = sum(exp(-(hypot(*step) ** 2) / (2 * bandwidth**2)) for step in around)
    places = list(np.ndindex(*valid.shape))
    matrix = np.zeros((len(places), len(places)))
    for a, (i, j) in enumerate(places):
        for b, (k, m) in enumerate(places):
            if a != b and valid[i, j] and valid[k, m] and max(abs(i - k), abs(j - m)) <= reach:
                far = hypot(i - k, j - m) ** 2 / (2 * bandwidth**2)
                unlike = ((image[:, i, j] - image[:, k, m]) ** 2).sum() / (2 * rule.color**2)
                matrix[a, b] = exp(-far - unlike) / window
    return matrix


RULES = st.builds(
    LocalKernel, radius=st.floats(0.1, 0.9), position=st.floats(0.2, 1.0), color=st.sampled_from([0.2, 1.0, inf])
)


@given(seed=st.integers(0, 2**31), rule=RULES, void=st.sampled_from([0.0, 0.3, 0.8]), channels=st.sampled_from([1, 5]))
def test_the_kernel_is_the_matrix_written_out(seed, rule, void, channels):
    """Any window, also one larger than the image; void here and there."""
    probs, evidence = photo(seed, 1 + seed % 4, 1 + seed % 5, channels, void=void)
    expected = written_out(rule, evidence) @ probs[0].flatten(1).T.numpy()
    np.testing.assert_allclose(rule(probs, evidence)[0].flatten(1).T.numpy(), expected, rtol=1e-5, atol=1e-9)


@given(seed=st.integers(0, 2**31), rule=RULES)
def test_gated_crf_is_the_sum_over_pairs_that_look_alike(seed, rule):
    """Equation `gated-crf` written out."""
    probs, evidence = photo(seed, 3, 4)
    p = probs[0].flatten(1).T.numpy()
    expected = (written_out(rule, evidence) * (1 - p @ p.T)).sum() / max(int(evidence.weak.valid.sum()), 1)
    assert GatedCRF(rule)(probs, evidence).item() == pytest.approx(expected, rel=1e-5, abs=1e-12)


@given(seed=st.integers(0, 2**31), rule=RULES)
def test_normalised_cut_is_each_class_cut_over_its_volume(seed, rule):
    """Equation `normalized-cut` written out."""
    probs, evidence = photo(seed, 3, 4, void=0.0)
    matrix = written_out(rule, evidence)
    cut = [s @ matrix @ (1 - s) / (matrix.sum(1) @ s) for s in probs[0].flatten(1).numpy()]
    assert NormalizedCut(rule)(probs, evidence).item() == pytest.approx(sum(cut), rel=1e-5)


@given(seed=st.integers(0, 2**31))
def test_the_kernel_is_symmetric(seed):
    """x'(Wy) is y'(Wx): the gradient of a cut stands on it."""
    rule = LocalKernel(radius=0.3, position=0.3, color=0.5)
    x, evidence = photo(seed, 5, 7)
    y = photo(seed + 1, 5, 7)[0]
    torch.testing.assert_close((x * rule(y, evidence)).sum(), (y * rule(x, evidence)).sum())


def test_one_class_costs_nothing_and_halves_of_one_colour_cost_their_border():
    """Exactly 0; and in one row of four, window of one cell, the one pair of two pixels that differ."""
    _, evidence = photo(0, 1, 4, void=0.0)
    rule = LocalKernel(radius=0.5, position=inf, color=inf)
    one = torch.eye(2, dtype=torch.float64)[:, [0, 0, 0, 0]][None, :, None]
    halves = torch.eye(2, dtype=torch.float64)[:, [0, 0, 1, 1]][None, :, None]
    # A window of one cell has eight neighbours, and each pair is met from both ends.
    assert GatedCRF(rule)(one, evidence).item() == 0
    assert NormalizedCut(rule)(one, evidence).item() == 0
    assert GatedCRF(rule)(halves, evidence).item() == pytest.approx(2 / 8 / 4)
    assert NormalizedCut(rule)(halves, evidence).item() == pytest.approx(1 / 3 + 1 / 3)


def test_a_crop_sees_the_kernel_of_its_image():
    """Lengths are shares of the whole image's side: away from its border a crop has the same sums."""
    rule = LocalKernel(radius=0.125, position=0.1, color=0.5)
    probs, evidence = photo(0, 16, 16, void=0.0)
    crop = (slice(None), slice(None), slice(2, 14), slice(4, 12))
    view = batch_of(torch.full((1, 12, 8), UNLABELED), classes=3).weak
    window = torch.tensor([[[1.0, 0.0, 2.0], [0.0, 1.0, 4.0]]])
    seen = Evidence(
        evidence.image[crop], probs[crop].log(), replace(view, window=window, whole_valid=torch.tensor([256]))
    )
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(rule(probs[crop], seen)[inside], rule(probs, evidence)[crop][inside])


def test_a_zoomed_view_has_a_larger_window():
    """Each pixel drawn as two by two: the window covers the same part of the image."""
    rule = LocalKernel(radius=0.25, position=0.2, color=inf)
    whole, zoomed = (batch_of(torch.full((1, side, side), UNLABELED), classes=2) for side in (8, 16))
    weak = replace(zoomed.weak, window=torch.eye(2, 3)[None] / 2, whole_valid=torch.tensor([64]))
    reached = []
    for batch in (whole, replace(zoomed, weak=weak)):
        point = torch.zeros((1, 2, *batch.weak.valid.shape[1:]))
        point[..., 0, 0] = 1
        evidence = Evidence(batch.image, point.log(), batch.weak)
        reached.append(int((rule(point, evidence)[0, 0, 0] > 0).sum()))
    assert reached == [2, 4]


def test_any_symmetric_kernel_will_do():
    """Normalised cut with a matrix of ones: all pixels hold together alike."""

    class Everything:
        def __call__(self, values, evidence):
            return values.sum((2, 3), keepdim=True).expand_as(values)

    probs, evidence = photo(0, 2, 3, void=0.0)
    assert isinstance(Everything(), Kernel)
    sizes = probs[0].sum((1, 2))
    expected = (sizes * (6 - sizes) / (6 * sizes)).sum()
    torch.testing.assert_close(NormalizedCut(Everything())(probs, evidence)[0], expected)


def test_the_window_costs_no_memory():
    """What autograd keeps for the backward pass does not grow with the radius."""
    probs, evidence = photo(0, 24, 24, void=0.0)
    kept = []
    for radius in (1 / 24, 10 / 24):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t):
            GatedCRF(LocalKernel(radius=radius))(probs.clone().requires_grad_(), evidence)
        kept.append(sum(sizes))
    assert kept[0] == kept[1] <= 3 * probs.numel()


@pytest.mark.parametrize("energy", [GatedCRF, NormalizedCut], ids=lambda energy: energy.__name__)
def test_descent_moves_a_boundary_to_the_edge_of_the_image(energy):
    """Two halves of different colour, the prediction two columns off and unsure: labels end at the colours' edge."""
    batch = batch_of(torch.full((1, 8, 12), UNLABELED), classes=2)
    image = torch.zeros((1, 3, 8, 12))
    image[..., 6:] = 1.0
    logits = torch.zeros((1, 2, 8, 12))
    logits[:, 0, :, :4], logits[:, 1, :, 8:], logits[:, 1, :, 4:8] = 3.0, 3.0, 0.1
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    rule = energy(LocalKernel(radius=0.2, position=0.2))
    for _ in range(25):
        optimizer.zero_grad()
        Regularize(rule)(logits, replace(batch, image=image)).backward()
        optimizer.step()
    assert logits.argmax(1)[0].tolist() == [[0] * 6 + [1] * 6] * 8


def test_a_coarse_grid_has_the_mean_colours_of_its_cells():
    """Images of one colour a cell and their cells cost the same, as the same image at that size."""
    small, evidence = photo(1, 4, 6, void=0.0)
    image = F.interpolate(evidence.image, scale_factor=3)
    large = batch_of(torch.full((1, 12, 18), UNLABELED), classes=3).weak
    rule = GatedCRF(LocalKernel(radius=0.3, position=0.3))
    found = rule(small, Evidence(image, small.log(), large))
    torch.testing.assert_close(found, rule(small, evidence), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["radius", "position", "color"])
def test_settings_that_mean_nothing_are_refused(name):
    """When the recipe is read, not in the middle of training."""
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(RecipeInvalid, match=name):
            LocalKernel(**{name: wrong})
