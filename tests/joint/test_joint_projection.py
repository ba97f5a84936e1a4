"""The joint problem: its special cases, its certificate, and an independent solver of the same dual."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from batches import CLASSES, batch_of, mixed
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_problems import as_off_the_cpu
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from weakseg import DualProjection, Evidence, JointProjection, Memory
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import All, SizesWithin
from weakseg.constraints.linear_rows import class_row, rows_of
from weakseg.energies import GridPotts
from weakseg.errors import RecipeInvalid
from weakseg.grids.pooling import side_in_cells
from weakseg.types import UNLABELED, WeakLabels

PIXELS = (4, 4)

on_pixels = partial(JointProjection, cell_px=1)


class Share:
    """One class has at least so many cells, at a price."""

    def __init__(self, least: float, price: float):
        self.least, self.price = least, price

    def rows(self, weak: WeakLabels, grid: tuple[int, int]):
        """The row of each image."""
        weights = torch.zeros(weak.tags.shape[1], dtype=torch.float64)
        weights[0] = 1
        return [class_row(weights, self.least, None, self.price, "share", grid=grid) for _ in weak.tags]


def small(seed: int, classes: int = 3, seeds: int = 3) -> Evidence:
    """One image of 4 x 4 pixels, with marks of classes from 0."""
    generator = torch.Generator().manual_seed(seed)
    marks = torch.full((1, *PIXELS), UNLABELED)
    places = torch.randperm(16, generator=generator)[:seeds]
    marks.view(-1)[places] = torch.arange(seeds) % classes
    batch = batch_of(marks, classes=classes)
    image = torch.rand((1, 3, *PIXELS), generator=generator)
    log_probs = (2 * torch.randn((1, classes, *PIXELS), generator=generator, dtype=torch.float64)).log_softmax(1)
    return Evidence(image, log_probs.float(), batch.weak)


def pairs(evidence: Evidence, potts: GridPotts) -> list[tuple[int, int, float]]:
    """Every pair of neighbours and its Potts weight, cell by cell."""
    costs = potts.edge_costs(evidence.image[0].numpy(), evidence.weak.valid[0].numpy())
    height, width = PIXELS
    found = []
    for d, (down, right) in enumerate(potts.steps):
        for row, column in product(range(height - down), range(width)):
            if 0 <= column + right < width:
                other = (row + down) * width + column + right
                found.append((row * width + column, other, float(costs[d, row, column])))
    return found


def oracle(solver: JointProjection, evidence: Evidence) -> tuple[float, np.ndarray]:
    """Energy per pixel and segmentation, by a general solver of the dual with every multiplier written out."""
    t, potts = solver.temperature, solver.potts
    assert potts is not None
    seeds = evidence.weak.seeds[0].flatten().numpy()
    scores = solver.prediction_weight * evidence.log_probs[0].flatten(1).double().numpy().T
    cells, classes = scores.shape
    scale = solver.edge_weight * float(side_in_cells(evidence.weak, PIXELS)[0])
    edges = pairs(evidence, potts)
    rows = rows_of(solver.constraint, evidence.weak, PIXELS, classes)[0]
    a = rows.coefficients().flatten(2).numpy().transpose(0, 2, 1)
    marked = seeds != UNLABELED
    allowed = np.ones_like(scores, bool)
    allowed[marked] = np.eye(classes, dtype=bool)[seeds[marked]]
    base = np.where(allowed, np.where(marked[:, None], 0, scores), -np.inf)

    def dual(x):
        u, mu = x[: len(edges) * classes].reshape(-1, classes), x[len(edges) * classes :]
        s = base + np.einsum("r,rik->ik", mu, a)
        for (i, j, _), each in zip(edges, u, strict=True):
            s[i] -= each
            s[j] += each
        y = softmax(s / t, 1)
        slope = np.stack([y[i] - y[j] for i, j, _ in edges])
        measured = np.einsum("rik,ik->r", a, y)
        value = mu @ rows.bounds.numpy() - t * logsumexp(s / t, 1).sum()
        return -value, -np.concatenate([slope.ravel(), rows.bounds.numpy() - measured]), y

    box = [(-scale * w / 2, scale * w / 2) for _, _, w in edges for _ in range(classes)]
    box += [(0, None if np.isinf(p) else p) for p in rows.prices.tolist()]
    found = minimize(
        lambda x: dual(x)[:2], np.zeros(len(box)), jac=True, bounds=box, options={"maxiter": 5000, "ftol": 1e-15}
    )
    return -found.fun / cells, dual(found.x)[2].T.reshape(classes, *PIXELS)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
@pytest.mark.parametrize("constraint", [All(()), Share(9.0, 1.5), Share(7.0, np.inf)], ids=["none", "priced", "hard"])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("way", [nullcontext, as_off_the_cpu])
def test_it_finds_what_a_general_solver_finds(way, seed, constraint, temperature):
    """The same energy and the same segmentation, with edges and rows at once."""
    solver = on_pixels(constraint, temperature=temperature, tolerance=1e-7, max_sweeps=600)
    evidence = small(seed)
    with way():
        solution = solver.solve(evidence)
    energy, expected = oracle(solver, evidence)
    assert float(solution.energy[0]) == pytest.approx(energy, abs=2e-5)
    np.testing.assert_allclose(solution.target[0].numpy(), expected, atol=2e-2)
    assert float(solution.certificate["gap"][0]) <= 1e-6


@pytest.mark.parametrize("hardness", [1.0, 4.0])
def test_without_edges_it_is_the_dual_projection(hardness):
    """Bit for bit: target, multipliers, certificate and sentence."""
    logits, batch = mixed(stride=2)
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    joint = JointProjection(SizesWithin(), potts=None, temperature=1 / hardness, only_classes_present=False)
    found, expected = joint.solve(evidence), DualProjection(SizesWithin(), hardness).solve(evidence)
    assert torch.equal(found.target, expected.target)
    assert found.status == expected.status
    assert found.memory.multipliers is not None
    assert expected.memory.multipliers is not None
    assert all(map(torch.equal, found.memory.multipliers, expected.memory.multipliers))


def test_edges_that_weigh_nothing_leave_the_projection():
    """Beside marks: those fill their cells where there are edges, and these are pixels."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    joint = on_pixels(SizesWithin(), edge_weight=0.0, temperature=1.0, only_classes_present=False)
    found, expected = joint.solve(evidence), DualProjection(SizesWithin()).solve(evidence)
    counted = (found.weight > 0)[:, None]
    torch.testing.assert_close(found.target * counted, expected.target * counted, atol=1e-5, rtol=0)


@given(st.integers(0, 10_000), st.sampled_from([2, 3]), st.floats(0.05, 1.0), st.floats(0.0, 0.5))
@settings(max_examples=25, deadline=None)
def test_no_labelling_is_below_the_bound_and_no_gap_is_negative(seed, classes, temperature, edge_weight):
    """The bound at a temperature lies below every labelling's energy by brute force, as their entropy is 0."""
    evidence = small(seed, classes, seeds=16 - (9 if classes == 2 else 6))
    solver = on_pixels(temperature=temperature, edge_weight=edge_weight, constraint=Share(8.0, 1.0))
    certificate = solver.solve(evidence).certificate
    lowest = float(solver.solve(evidence).energy[0]) - float(certificate["gap"][0])
    assert float(certificate["gap"][0]) >= -1e-9
    assert lowest <= best_labelling(solver, evidence, classes) + 1e-6


def best_labelling(solver: JointProjection, evidence: Evidence, classes: int) -> float:
    """The lowest energy per pixel of any labelling, by trying all."""
    assert solver.potts is not None
    seeds = evidence.weak.seeds[0].flatten().numpy()
    free = np.flatnonzero(seeds == UNLABELED)
    tried = np.array(list(product(range(classes), repeat=len(free))))
    labels = np.tile(seeds, (len(tried), 1))
    labels[:, free] = tried
    scores = evidence.log_probs[0].flatten(1).double().numpy()
    energy = -scores[labels[:, free], free].sum(1)
    scale = solver.edge_weight * float(side_in_cells(evidence.weak, PIXELS)[0])
    for i, j, weight in pairs(evidence, solver.potts):
        energy += scale * weight * (labels[:, i] != labels[:, j])
    energy += np.maximum(0, 8.0 - (labels == 0).sum(1))
    return float(energy.min()) / labels.shape[1]


def test_strong_edges_make_an_image_one_region_around_its_marks():
    """Two marks and an undecided network: every pixel follows, and the boundary lies at the image's own edge."""
    seeds = torch.full((1, 16, 16), UNLABELED)
    seeds[0, 8, 2], seeds[0, 8, 13] = 0, 1
    batch = batch_of(seeds, classes=2)
    image = torch.zeros(1, 3, 16, 16)
    image[..., 9:] = 1
    undecided = torch.full((1, 2, 16, 16), 0.5).log()
    found = on_pixels(edge_weight=1.0, temperature=0.1).solve(Evidence(image, undecided, batch.weak)).target[0]
    assert (found[0, :, :9] > 0.9).all()
    assert (found[1, :, 9:] > 0.9).all()


def test_without_rows_the_status_is_about_edges():
    """Solved to the tolerance, or how far from the bound it stopped."""
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn((1, 3, 16, 16), generator=generator).log_softmax(1)
    batch = batch_of(torch.full((1, 16, 16), UNLABELED), classes=3)
    evidence = Evidence(batch.image, log_probs, batch.weak)
    assert on_pixels().solve(evidence).status == ("Solved: within 0.001 nats per pixel of the optimum.",)
    (short,) = on_pixels(edge_weight=1.0, max_sweeps=1).solve(evidence).status
    assert short.startswith("Not converged: ")
    assert "No row" not in short


def test_crops_have_the_boundaries_of_their_image():
    """A crop's edges weigh what they weigh in the whole image, so that its inside is segmented alike."""
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn((1, 2, 32, 32), generator=generator).log_softmax(1)
    batch = batch_of(torch.full((1, 32, 32), UNLABELED), classes=2)
    solver = on_pixels(edge_weight=0.05, tolerance=1e-5, max_sweeps=1000)
    whole = solver.solve(Evidence(batch.image, log_probs, batch.weak))
    inner = batch_of(torch.full((1, 24, 24), UNLABELED), classes=2).weak
    window = torch.tensor([[[1.0, 0, 4], [0, 1.0, 4]]])
    seen = Evidence(
        batch.image[..., 4:28, 4:28],
        log_probs[..., 4:28, 4:28],
        replace(inner, window=window, whole_valid=torch.tensor([32 * 32])),
    )
    crop = solver.solve(seen)
    middle = (whole.target[..., 10:22, 10:22] - crop.target[..., 6:18, 6:18]).abs()
    assert float(middle.mean()) < 0.025, "edges of its own size would give 0.032"


def test_densities_of_scribbles_find_what_the_network_does_not_know():
    """Two colours, one scribble in each, a network that knows nothing: each colour is its scribble's class."""
    seeds = torch.full((1, 24, 24), UNLABELED)
    seeds[0, 3, 2:8], seeds[0, 20, 14:20] = 0, 1
    batch = batch_of(seeds, classes=3)
    image = torch.zeros(1, 3, 24, 24)
    image[:, 0, :12], image[:, 2, 12:] = 1, 1
    undecided = torch.full((1, 3, 24, 24), 1 / 3).log()
    solver = on_pixels(appearance=ScribbleDensities(), edge_weight=0.0)
    target = solver.solve(Evidence(image, undecided, batch.weak)).target[0]
    assert (target[0, :12] > 0.9).all()
    assert (target[1, 12:] > 0.9).all()
    assert (target[2] == 0).all()


def test_contradictory_rows_are_told_beside_edges():
    """More of a class than there are pixels: the sentence says so, and the image is solved at a price."""
    evidence = small(0)
    solution = on_pixels(Share(40.0, np.inf)).solve(evidence)
    assert "Infeasible" in solution.status[0]
    assert float(solution.certificate["contradiction"][0]) > 0
    assert solution.target.isfinite().all()


def test_remembered_multipliers_are_those_of_the_rows():
    """Handed back they begin the next solve where this one ended."""
    solver, evidence = on_pixels(Share(9.0, 5.0)), small(1)
    first = solver.solve(evidence)
    again = solver.solve(evidence, Memory(multipliers=first.memory.multipliers))
    torch.testing.assert_close(again.target, first.target, atol=1e-2, rtol=0)
    assert first.memory.multipliers is not None
    assert len(first.memory.multipliers[0]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": 9e-7},
        {"temperature": float("inf")},
        {"edge_weight": -1.0},
        {"appearance_weight": 1e7},
        {"prediction_weight": float("nan")},
        {"cell_px": 0},
        {"max_sweeps": 0},
        {"constraint": SizesWithin},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_mean_nothing_are_refused(wrong):
    """By name, before anything is solved."""
    with pytest.raises(RecipeInvalid, match=next(iter(wrong))):
        JointProjection(**wrong)


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_the_least_and_the_largest_temperature_have_an_answer_with_a_bound(temperature):
    """A distribution in each cell, and a gap that is a number."""
    solution = on_pixels(Share(9.0, 1.5), temperature=temperature).solve(small(0))
    torch.testing.assert_close(solution.target.sum(1), torch.ones(1, *PIXELS))
    assert -1e-9 <= float(solution.certificate["gap"][0]) < 1


def test_every_class_of_a_network_has_a_place_in_the_target():
    """Classes that may not appear have probability 0."""
    logits, batch = mixed()
    target = on_pixels().solve(Evidence(batch.image, logits.log_softmax(1), batch.weak)).target
    assert target.shape[1] == CLASSES


@pytest.mark.parametrize("constraint", [All(()), Share(5.0, 1.5)], ids=["none", "priced"])
def test_void_pixels_add_nothing_to_energy_and_bound(constraint):
    """An image beside which void was padded costs what it costs alone, per valid pixel."""
    alone = small(3)
    more = lambda values, fill: torch.nn.functional.pad(values, (0, 0, 0, 3), value=fill)  # noqa: E731
    seeds = more(alone.weak.seeds, UNLABELED)
    padded = batch_of(seeds, more(alone.weak.valid, False), classes=3).weak
    noise = torch.randn((1, 3, 7, 4), generator=torch.Generator().manual_seed(0)).log_softmax(1)
    noise[:, :, :4] = alone.log_probs
    solver = JointProjection(constraint, temperature=0.3, cell_px=1)
    one, other = solver.solve(alone), solver.solve(Evidence(more(alone.image, 0.5), noise, padded))
    torch.testing.assert_close(other.target[:, :, :4], one.target, atol=1e-5, rtol=0)
    for found, expected in ((other.energy, one.energy), (other.certificate["gap"], one.certificate["gap"])):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
