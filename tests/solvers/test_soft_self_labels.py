"""Soft self-labelling against equation `soft-self-labels` written out, and against a general minimiser."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import CLASSES, batch_of, mixed
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from weakseg import Evidence, Fit, SoftSelfLabels
from weakseg.divergences import CollisionCrossEntropy
from weakseg.energies import Bilinear, CollisionDivergence, GridPotts, Normalized, Quadratic, TotalVariation
from weakseg.errors import RecipeInvalid
from weakseg.types import UNLABELED

RELAXATIONS = [Bilinear(), Quadratic(), Normalized(), CollisionDivergence(1e-6), TotalVariation()]


def tiny(seed: int) -> Evidence:
    """One image of 3 x 4 pixels and three classes, with two marks of two classes, a void pixel and an absent class.

    The window says that the image is twice as large as what is seen of it.
    """
    draw = torch.Generator().manual_seed(seed)
    seeds = torch.full((1, 3, 4), UNLABELED)
    seeds[0, 0, 0], seeds[0, 2, 3] = 0, 2
    valid = torch.ones_like(seeds, dtype=torch.bool)
    valid[0, 0, 3] = False
    weak = batch_of(seeds, valid, 3).weak
    weak = replace(weak, whole_valid=weak.whole_valid * 2)
    logits = torch.randn((1, 3, 3, 4), generator=draw, dtype=torch.float64) * 2
    return Evidence(torch.rand((1, 3, 3, 4), generator=draw), logits.log_softmax(1), weak)


def differ(relaxation, a: np.ndarray, b: np.ndarray) -> float:
    """What two neighbours pay, by the formulas of the table."""
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    if isinstance(relaxation, CollisionDivergence):
        return float(np.log(relaxation.floor + (1 - relaxation.floor) * cosine) / np.log(relaxation.floor))
    costs = {
        Bilinear: a @ (1 - b),
        Quadratic: ((a - b) ** 2).sum() / 2,
        Normalized: 1 - cosine,
        TotalVariation: np.abs(a - b).sum() / 2,
    }
    return float(costs[type(relaxation)])


def by_hand(solver: SoftSelfLabels, evidence: Evidence, y: np.ndarray) -> float:
    """Equation `soft-self-labels` of one image whose cells are its pixels, y (C, H, W), pair by pair."""
    valid, seeds = evidence.weak.valid[0].numpy(), evidence.weak.seeds[0].numpy()
    costs = solver.potts.edge_costs(evidence.image[0].numpy(), valid).astype(float)
    pairs = 0.0
    for cost, (down, right) in zip(costs, solver.potts.steps, strict=True):
        for row, column in np.argwhere(cost > 0):
            pairs += cost[row, column] * differ(
                solver.potts.relaxation, y[:, row, column], y[:, row + down, column + right]
            )
    q = evidence.log_probs[0].exp().numpy()
    present = sorted({*seeds[(seeds != UNLABELED) & valid].tolist()}) if solver.only_classes_present else range(len(q))
    missed = 0.0
    for row, column in np.argwhere(valid & (seeds == UNLABELED)):
        at = q[:, row, column] / q[list(present), row, column].sum()
        missed -= np.log(at @ y[:, row, column])
    whole, here = float(evidence.weak.whole_valid[0]), float(valid.sum())
    return solver.prediction_weight * missed / here + whole**0.5 / here * pairs


def with_seeds(evidence: Evidence, y: Tensor) -> np.ndarray:
    """Distributions of one image with the marks in them."""
    seeds = evidence.weak.seeds
    held = torch.nn.functional.one_hot(seeds.clamp(min=0), y.shape[1]).movedim(-1, 1).to(y)
    return torch.where((seeds != UNLABELED)[:, None], held, y)[0].numpy()


def lowest(solver: SoftSelfLabels, evidence: Evidence) -> float:
    """The lowest energy that a quasi-Newton method finds over logits of all classes, begun at the prediction."""
    shape, absent = evidence.log_probs.shape, torch.tensor([0.0, -1e4 if solver.only_classes_present else 0.0, 0.0])

    def energy(flat: np.ndarray) -> float:
        logits = torch.from_numpy(flat).reshape(shape) + absent[:, None, None]
        return by_hand(solver, evidence, with_seeds(evidence, logits.softmax(1)))

    begin = evidence.log_probs.clamp(min=-4).numpy().ravel()
    return minimize(energy, begin, method="L-BFGS-B", options={"maxfun": 10**5, "maxiter": 300}).fun


@pytest.mark.parametrize("relaxation", RELAXATIONS, ids=repr)
@pytest.mark.parametrize("only_present", [True, False])
def test_energy_is_the_equation(relaxation, only_present):
    """The energy told is that of the target; the first is that of the prediction among the classes that may be."""
    evidence = tiny(0)
    solver = SoftSelfLabels(
        GridPotts(relaxation=relaxation), 1.3, steps=7, only_classes_present=only_present, cell_px=1
    )
    solution = solver.solve(evidence)
    assert solution.energy.item() == pytest.approx(by_hand(solver, evidence, solution.target[0].numpy()), rel=1e-6)
    absent = torch.tensor([0.0, -torch.inf if only_present else 0.0, 0.0])[:, None, None]
    begin = with_seeds(evidence, (evidence.log_probs + absent).softmax(1))
    assert solution.certificate["first_energy"].item() == pytest.approx(by_hand(solver, evidence, begin), rel=1e-6)


@pytest.mark.parametrize(("seed", "weight"), [(0, 0.2), (1, 1.6), (2, 10.0)])
def test_convex_energy_is_minimised(seed, weight):
    """With the quadratic relaxation descent ends within a thousandth of what a general minimiser finds."""
    evidence = tiny(seed)
    solver = SoftSelfLabels(GridPotts(relaxation=Quadratic()), weight, cell_px=1)
    best = lowest(solver, evidence)
    solution = solver.solve(evidence)
    assert best < solution.certificate["first_energy"].item() * 0.98
    assert solution.energy.item() == pytest.approx(best, rel=1e-3)


@given(st.integers(0, 10**6), st.sampled_from(RELAXATIONS), st.sampled_from([0.0, 0.5, 30.0]), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_energy_never_rises(seed, relaxation, weight, steps):
    """However few or however long the steps are, the answer is no worse than the prediction."""
    logits, batch = mixed(seed % 97)
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    solver = SoftSelfLabels(GridPotts(relaxation=relaxation), weight, steps, rate=10.0 ** (seed % 4 - 2))
    solution = solver.solve(evidence)
    assert (solution.energy <= solution.certificate["first_energy"] + 1e-6).all()
    assert (solution.certificate["last_drop"] >= 0).all()


def test_last_drop_is_what_the_last_tenth_gained():
    """It is large where descent was stopped at once, and small where it was done."""
    evidence = tiny(1)
    one, many = (SoftSelfLabels(steps=steps, cell_px=1).solve(evidence) for steps in (1, 400))
    gained = one.certificate["first_energy"] - one.energy
    torch.testing.assert_close(one.certificate["last_drop"], gained)
    assert gained.item() > 0.01 > 1e-4 > many.certificate["last_drop"].item() >= 0


def test_marks_and_absent_classes_are_hard():
    """A marked pixel has its class alone, and what is neither drawn nor tagged has no probability anywhere."""
    evidence = tiny(2)
    target = SoftSelfLabels(cell_px=1).solve(evidence).target[0]
    assert target[:, 0, 0].tolist() == [1, 0, 0]
    assert target[:, 2, 3].tolist() == [0, 0, 1]
    assert (target[1] == 0).all()
    every = SoftSelfLabels(only_classes_present=False, cell_px=1).solve(evidence).target[0]
    assert (every[1, 1] > 0).all()


def test_cells_share_what_is_marked_in_them():
    """Of a cell with marks of two classes each has its share of the marks."""
    seeds = torch.full((1, 4, 4), UNLABELED)
    seeds[0, 0, :2], seeds[0, 1, 0] = 0, 1
    batch = batch_of(seeds, classes=2)
    evidence = Evidence(batch.image, torch.zeros(1, 2, 4, 4).log_softmax(1), batch.weak)
    target = SoftSelfLabels(cell_px=2).solve(evidence).target
    torch.testing.assert_close(target[0, :, 0, 0], torch.tensor([2 / 3, 1 / 3]))


def test_void_pixels_say_nothing():
    """Whatever stands on them, image and prediction, the answer elsewhere is the same."""
    logits, batch = mixed()
    changed = ~batch.weak.valid[:, None]
    image, other = batch.image.where(~changed, 0.5), logits.where(~changed, 3.0 * torch.arange(CLASSES)[:, None, None])
    first = SoftSelfLabels(cell_px=1).solve(Evidence(batch.image, logits.log_softmax(1), batch.weak))
    second = SoftSelfLabels(cell_px=1).solve(Evidence(image, other.log_softmax(1), batch.weak))
    torch.testing.assert_close(first.energy, second.energy)
    torch.testing.assert_close(first.target.where(~changed, 0), second.target.where(~changed, 0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_training_follows_it_in_any_precision(dtype):
    """The loss is finite, and descends along its gradient; half precision is solved as precisely as its digits say."""
    logits, batch = mixed(stride=4)
    logits = logits.to(dtype).requires_grad_()
    objective = Fit(SoftSelfLabels(), CollisionCrossEntropy(), weight=0.3)
    loss = objective(logits, batch)
    (slope,) = torch.autograd.grad(loss, logits)
    assert slope.isfinite().all()
    assert slope.abs().sum() > 0
    assert objective((logits - 0.5 * slope).detach(), batch) < loss
    exact = objective(logits.detach().double(), batch).item()
    assert loss.item() == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize(
    "settings",
    [{"prediction_weight": -1.0}, {"prediction_weight": float("nan")}, {"steps": 0}, {"rate": 0.0}, {"cell_px": 0}],
)
def test_settings_that_mean_nothing_are_refused(settings):
    """With what was given and what is expected."""
    with pytest.raises(RecipeInvalid, match="Expected: a finite weight"):
        SoftSelfLabels(**settings)
