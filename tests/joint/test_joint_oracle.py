"""Random joint problems, hostile ones too, against equation `joint` as it reads.

The campaign of docs/reliability.md: `pytest tests/joint/test_joint_oracle.py --hypothesis-profile=campaign`.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from joint_problems import Asked, as_off_the_cpu, asked_of, one_of, random_joint

from weakseg import Evidence, JointProjection, Solution
from weakseg.errors import EvidenceInvalid
from weakseg.types import UNLABELED

SEEDS = st.integers(0, 2**31)


@pytest.mark.parametrize("way", [nullcontext, as_off_the_cpu])
@given(seed=SEEDS)
@example(seed=8774)
@example(seed=926)
@example(seed=5159)
def test_every_claim_is_true_of_the_problem_as_it_was_put(way, seed):
    """Distribution, marks, deleted classes, violation, energy, gap and bound, each measured by hand."""
    solver, evidence = random_joint(seed)
    with way():
        solution = solver.solve(evidence)
    for tensor in (solution.target, solution.energy, *solution.certificate.values()):
        assert tensor.isfinite().all()
    assert (solution.target >= 0).all()
    torch.testing.assert_close(solution.target.sum(1), torch.ones_like(solution.target[:, 0]))
    for i in range(len(solution.target)):
        relaxed = "Infeasible" in solution.status[i]
        _judge_image(asked_of(solver, evidence, i, relaxed), evidence, solution, i)


def _judge_image(asked: Asked, evidence: Evidence, solution: Solution, i: int) -> None:
    seeds = evidence.weak.seeds[i].where(evidence.weak.valid[i], UNLABELED).flatten().numpy()
    target = solution.target[i].double().flatten(1).numpy()
    marked = np.flatnonzero(seeds != UNLABELED)
    assert (target[seeds[marked], marked] == 1).all()
    cells = float(asked.valid.sum())
    if not cells or not np.isfinite(asked.costs[seeds[marked], marked]).all():
        # Nothing to measure; or somebody drew what somebody else deleted, and no segmentation is what was asked for.
        return
    assert (target[np.isinf(asked.costs) & asked.valid] == 0).all()
    claimed = {name: float(column[i]) for name, column in solution.certificate.items()}
    energy, bound = float(solution.energy[i]), float(solution.energy[i]) - claimed["gap"]
    # Prices of edges, and what is written in single precision, carry no more than its last digits.
    digit = 1e-5 if evidence.log_probs.dtype == torch.float32 else 1e-9
    dearest = max(np.abs(costs[np.isfinite(costs)]).max(initial=1) for costs in (asked.costs, asked.prices))
    rounding = digit * (dearest + abs(energy)) + 1e-6 * sum(price for *_, price in asked.edges)
    assert claimed["gap"] >= -rounding
    hard = np.isinf(asked.prices)
    missed = asked.missed(target)[hard].max(initial=0) / cells
    assert missed == pytest.approx(claimed["violation"], abs=1e-5) or claimed["contradiction"] > 0
    if missed < 1e-7:
        assert asked.energy(target) / cells == pytest.approx(energy, abs=rounding)
    best = asked.best_labelling()
    assert best is None or bound <= best / cells + rounding


@given(SEEDS)
def test_no_image_is_changed_by_the_rest_of_its_batch(seed):
    """Bit for bit, whatever the others say."""
    solver, evidence = random_joint(seed)
    together = solver.solve(evidence)
    for i in range(len(evidence.image)):
        one, seen = one_of(solver, evidence, i)
        alone = one.solve(seen)
        assert torch.equal(alone.target[0], together.target[i])
        assert torch.equal(alone.energy[0], together.energy[i])
        assert alone.status[0] == together.status[i]


@given(SEEDS, st.data())
def test_log_probabilities_that_are_no_numbers_are_refused(seed, data):
    """Naming the image they are in, whatever else is wrong."""
    solver, evidence = random_joint(seed)
    image = data.draw(st.integers(0, len(evidence.image) - 1))
    evidence.log_probs[image, 0, 0, 0] = torch.nan
    with pytest.raises(EvidenceInvalid, match=rf"\b{image}\b"):
        JointProjection(solver.constraint).solve(evidence)
