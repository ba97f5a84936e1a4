"""Training on decisions: the code of docs/discrete_decisions.md, and what it promises."""

import re
from pathlib import Path

import cvxpy
import pytest
import torch
from batches import batch_of

from weakseg import Evidence
from weakseg.types import UNLABELED

PAGE = (Path(__file__).parent.parent / "docs" / "discrete_decisions.md").read_text()


@pytest.fixture(scope="module")
def page() -> dict:
    """All names of the page, after its blocks have run in order."""
    names: dict = {"__name__": "discrete_decisions"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(block, "docs/discrete_decisions.md", "exec"), names)
    return names


def test_training_on_decisions_goes_beyond_the_seeds(page):
    """Nothing differentiable lies between decisions and energy, and the network still learns from it."""
    assert page["after"] > 0.97 > page["before"]


@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_the_distance_is_that_to_the_nearest_scores_which_decide_so(page, margin):
    """Equation `decisions`, by a quadratic programme, at scores of all kinds."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn((1, 4, 1, 12), generator=generator, dtype=torch.float64) * 2
    scores[0, 1, 0, 0] = 9
    wanted = torch.zeros_like(scores)
    wanted[:, 1] = 1
    found = page["DecisionDistance"](margin)(wanted, scores.log_softmax(1)).flatten().tolist()
    for pixel, value in enumerate(found):
        nearest = cvxpy.Variable(4)
        decides = [nearest[1] >= nearest[k] + margin for k in (0, 2, 3)]
        problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(nearest - scores[0, :, 0, pixel].numpy())), decides)
        problem.solve(solver=cvxpy.CLARABEL)
        assert value == pytest.approx(problem.value, abs=1e-6)
    assert min(found) == 0 < max(found)


def test_one_step_down_the_distance_moves_scores_onto_the_nearest_decision(page):
    """The gradient is twice the way there."""
    scores = torch.tensor([0.3, 2.0, 1.1, -4.0], dtype=torch.float64).reshape(1, 4, 1, 1).requires_grad_()
    wanted = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).reshape(1, 4, 1, 1)
    distance = page["DecisionDistance"](0.5)
    gradient = torch.autograd.grad(distance(wanted, scores.log_softmax(1)).sum(), scores)[0]
    moved = scores.detach() - gradient / 2
    assert distance(wanted, moved.log_softmax(1)).item() == pytest.approx(0, abs=1e-20)
    assert moved.flatten()[0] == pytest.approx(moved.flatten()[1].item() + 0.5)


def test_sweeps_never_raise_the_energy_and_keep_the_seeds(page):
    """More sweeps, no higher energy; marked pixels have their marks; the decisions alone matter."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn((2, 3, 8, 9), generator=generator)
    seeds = torch.randint(-8, 3, (2, 8, 9), generator=generator).clamp(min=UNLABELED)
    batch = batch_of(seeds, torch.rand((2, 8, 9), generator=generator) < 0.9, classes=3)
    evidence = Evidence(batch.image, scores.log_softmax(1), batch.weak)
    energies = []
    for sweeps in range(5):
        solution = page["SmoothDecisions"](sweeps=sweeps).solve(evidence)
        energies.append(solution.energy)
        kept = (seeds != UNLABELED) & batch.weak.valid
        assert torch.equal(solution.target.argmax(1)[kept], seeds[kept])
    assert (torch.stack(energies).diff(dim=0) <= 1e-6).all()
    assert (energies[0] - energies[-1] > 0.1).all()
    surer = Evidence(batch.image, (9 * scores).log_softmax(1), batch.weak)
    assert torch.equal(page["SmoothDecisions"](sweeps=4).solve(surer).target, solution.target)
