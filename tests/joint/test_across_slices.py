"""The joint problem of a volume: what is drawn on a slice tells of its neighbours, under one certificate."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import batch_of
from hypothesis import given
from hypothesis import strategies as st
from joint_problems import Asked, as_off_the_cpu

from weakseg import Evidence, JointProjection
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import All, SizesWithin
from weakseg.constraints.linear_rows import class_row, rows_of
from weakseg.energies import ColorContrast, GridPotts, VolumePotts
from weakseg.errors import RecipeInvalid
from weakseg.joint.across_slices import AcrossSlices, _placed
from weakseg.types import ABSENT, UNLABELED

on_pixels = JointProjection(cell_px=1, only_classes_present=False, max_sweeps=300, tolerance=1e-5)


def slices_of(seed: int, shape: tuple[int, int, int], classes: int = 2, drawn: float = 0.2) -> Evidence:
    """Slices of a random volume, some voxels of them scribbled, with a random prediction."""
    draw = np.random.default_rng(seed)
    marks = np.where(draw.random(shape) < drawn, draw.integers(0, classes, shape), UNLABELED)
    batch = batch_of(torch.from_numpy(marks), torch.from_numpy(draw.random(shape) > 0.1), classes)
    log_probs = torch.from_numpy(draw.normal(size=(shape[0], classes, *shape[1:])) * 2).log_softmax(1)
    image = torch.from_numpy(draw.random((shape[0], 1, *shape[1:]))).float()
    return Evidence(image, log_probs.float(), batch.weak)


def asked_of(solver: AcrossSlices, evidence: Evidence) -> Asked:
    """Equation `joint` voxel by voxel, without rows or appearance; voxels slice by slice, row by row."""
    joint, weak = solver.solver, evidence.weak
    slices, classes, rows, columns = evidence.log_probs.shape
    grid = (slices * rows, columns)
    valid, seeds = weak.valid.flatten().numpy(), weak.seeds.where(weak.valid, UNLABELED).flatten().numpy()
    costs = -joint.prediction_weight * evidence.log_probs.double().transpose(0, 1).flatten(1).numpy()
    marked = np.flatnonzero(seeds != UNLABELED)
    costs[:, marked] = np.where(np.arange(classes)[:, None] == seeds[marked], 0, np.inf)
    potts = VolumePotts(slices, solver.slice_px)
    image = evidence.image.transpose(0, 1).reshape(1, -1, *grid)
    weights = potts.edge_costs_of(image, weak.valid.reshape(1, *grid), grid)[0].numpy()
    scale = joint.edge_weight * valid.sum() ** 0.5
    edges = [
        (row * columns + column, (row + down) * columns + column + right, scale * float(weights[d, row, column]))
        for d, (down, right) in enumerate(potts.steps_on(grid))
        for row, column in zip(*map(np.ndarray.tolist, weights[d].nonzero()), strict=True)
    ]
    none = np.zeros((0, *costs.shape)), np.zeros(0), np.zeros(0)
    return Asked(costs, seeds == UNLABELED, valid, tuple(edges), *none, joint.temperature)


@pytest.mark.parametrize("way", [nullcontext, as_off_the_cpu])
@given(st.integers(0, 10_000), st.sampled_from([0.2, 1.0, 5.0]), st.sampled_from([0.1, 0.5]))
def test_the_certificate_is_true_of_every_labelling(way, seed, slice_px, temperature):
    """Energy by hand, and no labelling of the voxels that keeps the seeds lies below the bound."""
    evidence = slices_of(seed, (3, 2, 2))
    solver = AcrossSlices(replace(on_pixels, temperature=temperature), slice_px)
    with way():
        found = solver.solve(evidence)
    energy, gap = float(found.energy[0]), float(found.certificate["gap"][0])
    asked = asked_of(solver, evidence)
    voxels = max(int(asked.valid.sum()), 1)
    target = found.target.double().transpose(0, 1).flatten(1).numpy()
    assert energy == pytest.approx(asked.energy(target) / voxels, abs=1e-4)
    assert (found.energy == found.energy[0]).all()
    best = asked.best_labelling()
    assert best is None or best / voxels >= energy - gap - 1e-4


def test_slices_far_apart_are_solved_as_if_alone():
    """Each as `JointProjection` solves it with edges as strong as the volume's."""
    evidence = slices_of(0, (2, 5, 6), classes=3)
    whole = replace(evidence, weak=batch_of(evidence.weak.seeds, classes=3).weak)
    far, potts = 1e5, GridPotts(contrast=ColorContrast(0.1))
    found = AcrossSlices(replace(on_pixels, edge_weight=0.02, potts=potts), far).solve(whole)
    # A voxel's cube is that much wider than a pixel, and roots of the number of voxels differ.
    weight = 0.02 * far ** (1 / 3) * 60 ** (1 / 3) / 30 ** (1 / 2)
    alone = replace(on_pixels, edge_weight=weight, potts=potts).solve(whole)
    torch.testing.assert_close(found.target, alone.target, atol=2e-3, rtol=0)


def test_a_scribble_tells_of_the_slices_beside_its_own():
    """Two halves scribbled on the middle slice alone are found on all, where they are sharply two colours."""
    image = torch.zeros((5, 1, 12, 12))
    image[:, :, :, 6:] = 0.8
    seeds = torch.full((5, 12, 12), UNLABELED)
    seeds[2, 5:7, 1:3], seeds[2, 5:7, 9:11] = 0, 1
    evidence = Evidence(image, torch.full((5, 2, 12, 12), 0.5).log(), batch_of(seeds, classes=2).weak)
    looks = replace(on_pixels, appearance=ScribbleDensities(cell_px=1), max_sweeps=100)
    found = AcrossSlices(looks, 2.0).solve(evidence).target.argmax(1)
    expected = (torch.arange(12) >= 6).long().expand(5, 12, 12)
    assert torch.equal(found, expected)
    assert not torch.equal(looks.solve(evidence).target.argmax(1), expected)


def test_a_volume_upside_down_has_the_same_answer():
    """No end of the volume is special."""
    evidence = slices_of(3, (3, 4, 5), classes=3)
    weak = evidence.weak
    turned = Evidence(
        evidence.image.flip(0),
        evidence.log_probs.flip(0),
        replace(weak, seeds=weak.seeds.flip(0), valid=weak.valid.flip(0), whole_valid=weak.whole_valid.flip(0)),
    )
    solver = AcrossSlices(replace(on_pixels, tolerance=1e-6), 1.5)
    one, other = solver.solve(evidence), solver.solve(turned)
    torch.testing.assert_close(one.target, other.target.flip(0), atol=3e-2, rtol=0)
    assert float(one.energy[0]) == pytest.approx(float(other.energy[0]), abs=1e-4)


def test_tags_and_sizes_are_of_their_own_slice_and_whole_of_the_volume():
    """A class that is absent from one slice may be in the next, and both kinds of bounds hold."""
    evidence = slices_of(1, (3, 6, 6), classes=2, drawn=0.0)
    weak = batch_of(torch.full((3, 6, 6), UNLABELED), classes=2).weak
    tags = weak.tags.clone()
    tags[0, 1] = ABSENT
    areas = weak.areas.clone()
    areas[1, 1] = torch.tensor([0.6, 0.7])
    evidence = replace(evidence, weak=replace(weak, tags=tags, areas=areas))
    solver = AcrossSlices(
        replace(on_pixels, constraint=SizesWithin(), only_classes_present=True),
        whole=_AtLeast(0.5),
    )
    share = solver.solve(evidence).target[:, 1].double().mean((1, 2))
    assert share[0] == 0
    assert 0.6 - 1e-4 <= share[1] <= 0.7 + 1e-4
    assert share.mean() >= 0.5 - 1e-4


class _AtLeast:
    """Class 1 has at least this fraction of the whole."""

    def __init__(self, share: float):
        self.share = share

    def rows(self, weak, grid):
        """One row an image."""
        weights = torch.tensor([0.0, 1.0])
        cells = self.share * grid[0] * grid[1]
        return [class_row(weights, cells, None, float("inf"), "share", grid=grid) for _ in weak.tags]


@given(st.integers(0, 10_000))
def test_rows_of_a_slice_measure_that_slice(seed):
    """Whatever the other slices hold; names say which slice."""
    evidence = slices_of(seed, (3, 4, 5), classes=3)
    weak = replace(evidence.weak, areas=torch.tensor([0.1, 0.6]).expand(3, 3, 2))
    probs = evidence.log_probs.exp().double()
    valid = weak.valid.double()
    each = rows_of(All((SizesWithin(),)), weak, (4, 5), 3)
    for i, rows in enumerate(each):
        placed = _placed(rows, i, (12, 5))
        tall = probs.transpose(0, 1).flatten(1, 2)
        torch.testing.assert_close(placed.values(tall, valid.flatten(0, 1)), rows.values(probs[i], valid[i]))
        assert all(name.endswith(f"on slice {i + 1}") for name in placed.names)


@pytest.mark.parametrize("wrong", [{"slice_px": 0.0}, {"slice_px": float("nan")}])
def test_what_makes_no_sense_is_refused(wrong):
    """Before anything is solved."""
    with pytest.raises(RecipeInvalid, match="a distance above 0 apart"):
        AcrossSlices(**wrong)
    with pytest.raises(RecipeInvalid, match="GridPotts edges"):
        AcrossSlices(JointProjection(potts=None))
