"""The Potts model on a grid: energy of labels, edge costs and relaxations are one thing."""

import json
from dataclasses import replace
from math import exp, hypot, sqrt

import numpy as np
import pytest
import torch
from batches import batch_of, mixed, part
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from weakseg import Evidence, Regularize
from weakseg.energies import ColorContrast, EdgeMapContrast, GridPotts
from weakseg.energies.relaxations import Bilinear, Collision, CollisionDivergence, Normalized, Quadratic, TotalVariation
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.recipe.json_codec import decode, encode
from weakseg.types import UNLABELED

RELAXATIONS = [Bilinear(), Quadratic(), TotalVariation(), Normalized(), Collision(), CollisionDivergence()]
each_relaxation = pytest.mark.parametrize("relaxation", RELAXATIONS, ids=lambda r: type(r).__name__)

AROUND = {4: ((0, 1), (1, 0)), 8: ((0, 1), (1, 0), (1, 1), (1, -1))}


def photo(seed: int, height: int = 6, width: int = 7, void: float = 0.2, channels: int = 3):
    """A random image, validity and labels of three classes."""
    generator = np.random.default_rng(seed)
    image = generator.random((channels, height, width))
    return image, generator.random((height, width)) >= void, generator.integers(0, 3, (height, width))


def evidence_of(image, valid, probs) -> Evidence:
    """What an energy sees of one image."""
    batch = batch_of(torch.full((1, *valid.shape), UNLABELED), torch.tensor(valid)[None])
    return Evidence(torch.tensor(image)[None], probs.log(), batch.weak)


def relaxed(rule: GridPotts, image, valid, probs) -> float:
    """The energy of probabilities (C, h, w)."""
    return rule(probs[None], evidence_of(image, valid, probs[None])).item()


def one_hot(labels) -> torch.Tensor:
    """Sure probabilities (C, H, W) of labels."""
    return F.one_hot(torch.tensor(labels), 3).movedim(-1, 0).double()


def pair_by_pair(image, valid, labels, neighbours: int) -> float:
    """Equation `potts`, written as it reads."""
    height, width = valid.shape
    pairs = [
        ((i, j), (i + down, j + right))
        for i in range(height)
        for j in range(width)
        for down, right in AROUND[neighbours]
        if i + down < height and 0 <= j + right < width and valid[i, j] and valid[i + down, j + right]
    ]
    square = {pair: float(((image[:, *pair[0]] - image[:, *pair[1]]) ** 2).sum()) for pair in pairs}
    variance = sum(square.values()) / max(len(pairs), 1)
    paid = sum(
        exp(-square[a, b] / (2 * variance)) / hypot(a[0] - b[0], a[1] - b[1])
        for a, b in pairs
        if labels[a] != labels[b]
    )
    return paid / sqrt(max(valid.sum(), 1))


@given(seed=st.integers(0, 2**31), void=st.sampled_from([0.0, 0.2, 0.7]), neighbours=st.sampled_from([4, 8]))
def test_energy_of_labels_is_the_sum_over_pairs_written_out(seed, void, neighbours):
    """Both grids, any shape, void here and there."""
    image, valid, labels = photo(seed, 1 + seed % 5, 1 + seed % 7, void)
    rule = GridPotts(neighbours)
    assert rule.energy_of(labels, image, valid) == pytest.approx(
        pair_by_pair(image, valid, labels, neighbours), rel=1e-6
    )


@pytest.mark.parametrize("neighbours", [4, 8])
@each_relaxation
def test_every_relaxation_of_a_hard_labelling_is_its_energy(relaxation, neighbours):
    """On one-hot probabilities the six forms and the label map agree."""
    image, valid, labels = photo(0)
    rule = GridPotts(neighbours, relaxation=relaxation)
    assert relaxed(rule, image, valid, one_hot(labels)) == pytest.approx(rule.energy_of(labels, image, valid), rel=1e-6)


def test_edge_costs_stand_at_the_first_pixel_of_each_pair():
    """Right, down, down-right and down-left; a cost is paid when exactly that pair differs."""
    image, _, _ = photo(1, 3, 4)
    valid = np.ones((3, 4), bool)
    valid[0, 3] = False
    costs = GridPotts(contrast=ColorContrast(variance=0.5)).edge_costs(image, valid)
    assert costs.shape == (4, 3, 4)
    assert costs.dtype == np.float32
    assert costs.flags.c_contiguous
    for direction, (down, right) in enumerate(AROUND[8]):
        for i, j in np.ndindex(3, 4):
            there = i + down < 3 and 0 <= j + right < 4 and valid[i, j] and valid[i + down, j + right]
            square = ((image[:, i, j] - image[:, i + down, j + right]) ** 2).sum() if there else np.inf
            assert costs[direction, i, j] == pytest.approx(np.exp(-square) / hypot(down, right), rel=1e-6)


def test_four_neighbours_are_the_first_two_directions():
    """Their costs differ from those of 8 only through the variance, which is fixed here."""
    image, valid, _ = photo(2)
    contrast = ColorContrast(variance=0.3)
    four, eight = (GridPotts(n, contrast).edge_costs(image, valid) for n in (4, 8))
    np.testing.assert_array_equal(four, eight[:2])


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_a_image_of_one_colour_has_weights_of_one_over_the_distance(channels):
    """A variance of 0 makes all pixels alike, and no NaN."""
    costs = GridPotts().edge_costs(np.full((channels, 3, 3), 0.4, np.float32), np.ones((3, 3), bool))
    assert costs[:2].sum() == 12
    assert costs[2:].sum() == pytest.approx(8 / sqrt(2))


def test_a_image_without_pairs_costs_nothing():
    """One pixel, or nothing valid; a single row has neighbours on the right only."""
    rule = GridPotts()
    assert rule.energy_of(np.zeros((1, 1), int), np.ones((3, 1, 1)), np.ones((1, 1), bool)) == 0
    assert rule.energy_of(np.eye(3, dtype=int), np.ones((3, 3, 3)), np.zeros((3, 3), bool)) == 0
    assert rule.energy_of(np.array([[0, 1, 1]]), np.ones((3, 1, 3)), np.ones((1, 3), bool)) == pytest.approx(
        sqrt(1 / 3)
    )


@each_relaxation
def test_padding_and_what_lies_under_void_change_nothing(relaxation):
    """Neither their colours nor their predictions, nor how many pixels there are of them."""
    image, valid, _ = photo(3)
    probs = torch.rand((3, 6, 7), dtype=torch.float64).softmax(0)
    rule = GridPotts(relaxation=relaxation)
    expected = relaxed(rule, image, valid, probs)
    assert relaxed(rule, np.where(valid, image, 0.9), valid, torch.where(torch.tensor(valid), probs, 1 / 3)) == (
        pytest.approx(expected)
    )
    padded = np.pad(image, ((0, 0), (0, 4), (2, 3)), constant_values=0.5), np.pad(valid, ((0, 4), (2, 3)))
    assert relaxed(rule, *padded, F.pad(probs, (2, 3, 0, 4), value=0.2)) == pytest.approx(expected)


def disc(height: int):
    """A smooth image with a darker last channel, and a round thing in it, drawn with that many rows."""
    rows, columns = (np.mgrid[:height, : height * 3 // 2] + 0.5) / height
    image = np.stack([0.5 + 0.1 * rows, 0.5 + 0.1 * columns, 0.2 + 0.1 * rows * columns])
    return image, np.ones(rows.shape, bool), (np.hypot(rows - 0.5, columns - 0.7) < 0.4).astype(int)


@pytest.mark.parametrize("contrast", [ColorContrast(), EdgeMapContrast()], ids=repr)
@each_relaxation
def test_a_image_and_labels_of_twice_the_size_cost_about_the_same(contrast, relaxation):
    """Within a twentieth, while the plain sum would double."""
    (image, valid, labels), (large, all_of_it, more_labels) = disc(40), disc(80)
    rule = GridPotts(contrast=contrast, relaxation=relaxation)
    small = relaxed(rule, image, valid, one_hot(labels))
    assert small > 1
    assert relaxed(rule, large, all_of_it, one_hot(more_labels)) == pytest.approx(small, rel=0.05)


def test_on_a_coarse_grid_cells_have_their_mean_colour():
    """An image of flat blocks costs there what the small image costs."""
    image, valid, labels = photo(4, 4, 5)
    large, whole = image.repeat(4, 1).repeat(4, 2), valid.repeat(4, 0).repeat(4, 1)
    rule = GridPotts()
    assert relaxed(rule, large, whole, one_hot(labels)) == pytest.approx(rule.energy_of(labels, image, valid), rel=1e-5)


def test_a_cell_counts_as_far_as_it_is_valid_and_its_colour_is_that_of_its_valid_pixels():
    """Two cells of two pixels, one pixel void: half a pair, one and a half cells."""
    image = np.array([[[0.2, 0.2, 0.2, 0.9]]])
    valid = np.array([[True, True, True, False]])
    sure = torch.eye(3, 2, dtype=torch.float64)[:, None]
    assert relaxed(GridPotts(), image, valid, sure) == pytest.approx(0.5 / sqrt(1.5))


def test_an_edge_map_makes_boundaries_free_where_it_is_one():
    """Costs fall with the stronger edge of both ends; a thin line survives on a coarse grid."""
    image = np.zeros((2, 4, 8))
    image[0] = np.random.default_rng(0).random((4, 8))
    image[1, :, 3] = 1.0
    image[1, 1, 6] = 0.25
    rule, valid = GridPotts(4, EdgeMapContrast()), np.ones((4, 8), bool)
    costs = rule.edge_costs(image, valid)
    assert costs[0, 0].tolist() == [1, 1, 0, 0, 1, 1, 1, 0]
    assert costs[0, 1].tolist() == [1, 1, 0, 0, 1, 0.75, 0.75, 0]
    beside = torch.eye(3, 2, dtype=torch.float64)[:, None].expand(3, 2, 2)
    assert relaxed(rule, image, valid, beside) == 0
    with pytest.raises(EvidenceInvalid, match="no channel 3"):
        GridPotts(contrast=EdgeMapContrast(3)).edge_costs(image, valid)


@pytest.mark.parametrize("neighbours", [4, 8])
def test_mirrored_and_turned_images_cost_the_same(neighbours):
    """No direction is preferred."""
    image, valid, labels = photo(5)
    rule = GridPotts(neighbours)
    expected = rule.energy_of(labels, image, valid)
    for turned in (lambda a: a[..., ::-1], lambda a: a[..., ::-1, :], lambda a: a.swapaxes(-1, -2)):
        assert rule.energy_of(*map(np.ascontiguousarray, map(turned, (labels, image, valid)))) == pytest.approx(
            expected
        )


@each_relaxation
def test_gradients_are_those_of_the_value(relaxation):
    """By finite differences, on a fine and on a coarse grid, through the softmax."""
    image, valid, _ = photo(6, 2, 4, void=0.1)
    rule = GridPotts(relaxation=relaxation)
    for size in ((2, 4), (1, 2)):
        logits = torch.randn((1, 3, *size), dtype=torch.float64, requires_grad=True)
        evidence = evidence_of(image, valid, logits.detach().softmax(1))
        assert torch.autograd.gradcheck(lambda f, e=evidence: rule(f.softmax(1), e), logits)


@each_relaxation
@pytest.mark.parametrize("stride", [1, 4])
def test_at_least_zero_and_finite_whatever_is_predicted(relaxation, stride):
    """Sure, unsure, wrong and void images, logits of 1e4 and all alike, and so are the gradients."""
    logits, batch = mixed(stride=stride)
    for scale in (0.0, 1.0, 1e4):
        scaled = (logits * scale).requires_grad_()
        value = Regularize(GridPotts(relaxation=relaxation))(scaled, batch)
        value.backward()
        assert value >= 0
        assert scaled.grad is not None
        assert scaled.grad.isfinite().all()


@each_relaxation
def test_a_image_costs_the_same_in_any_company(relaxation):
    """Its variance is its own."""
    logits, batch = mixed(stride=4)
    together = GridPotts(relaxation=relaxation)(logits.softmax(1), Evidence(batch.image, logits, batch.weak))
    for i in range(len(logits)):
        alone = part(batch, [i])
        value = GridPotts(relaxation=relaxation)(logits[[i]].softmax(1), Evidence(alone.image, logits[[i]], alone.weak))
        torch.testing.assert_close(value, together[[i]], rtol=1e-6, atol=0)


@each_relaxation
def test_descent_moves_a_boundary_to_the_edge_of_the_image(relaxation):
    """Two halves of different colour, the prediction two columns off and unsure: labels end at the colours' edge."""
    seeds = torch.full((1, 8, 12), UNLABELED)
    batch = batch_of(seeds, classes=2)
    image = torch.zeros((1, 3, 8, 12))
    image[..., 6:] = 1.0
    batch = replace(batch, image=image)
    logits = torch.zeros((1, 2, 8, 12))
    logits[:, 0, :, :4], logits[:, 1, :, 8:], logits[:, 1, :, 4:8] = 3.0, 3.0, 0.1
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(25):
        optimizer.zero_grad()
        Regularize(GridPotts(relaxation=relaxation))(logits, batch).backward()
        optimizer.step()
    assert logits.argmax(1)[0].tolist() == [[0] * 6 + [1] * 6] * 8


@pytest.mark.parametrize(("neighbours", "cheapest", "dearest"), [(4, 1, 2**0.5), (8, 2.414, 2.613)])
def test_a_boundary_costs_its_length_in_any_direction(neighbours, cheapest, dearest):
    """Per pixel of length, on ground of one colour: nearly the same with 8 neighbours, up to 1.41 times with 4."""
    rows, columns = np.mgrid[-60:60, -60:60] + 0.5
    valid, image = np.hypot(rows, columns) < 60, np.full((1, 120, 120), 0.5)
    found = []
    for angle in np.radians([0, 11, 22.5, 31, 45, 67.5, 90]):
        half = (rows * np.cos(angle) + columns * np.sin(angle) > 0).astype(int)
        found.append(GridPotts(neighbours).energy_of(half, image, valid) * sqrt(valid.sum()) / 120)
    assert min(found) == pytest.approx(cheapest, rel=0.03)
    assert max(found) == pytest.approx(dearest, rel=0.03)


def test_settings_are_recorded_and_read_again():
    """All parts are in a run's record."""
    rule = Regularize(GridPotts(4, EdgeMapContrast(2), CollisionDivergence(0.1)), weight=0.3)
    assert decode(json.loads(json.dumps(encode(rule)))) == rule


@pytest.mark.parametrize(
    "wrong",
    [lambda: GridPotts(6), lambda: ColorContrast(0.0), lambda: Collision(0.0), lambda: CollisionDivergence(1.0)],
    ids=["neighbours", "variance", "floor", "other floor"],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    """When the recipe is read, not in the middle of training."""
    with pytest.raises(RecipeInvalid, match="Expected"):
        wrong()
