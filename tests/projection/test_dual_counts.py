"""Two ways to climb, compiled class counts on a CPU and torch for the rest, lead to the same place."""

import runpy
from math import inf
from pathlib import Path

import numpy as np
import pytest
import torch
from linear_problems import Given, evidence_of

from weakseg import DualProjection
from weakseg.constraints.linear_rows import class_row
from weakseg.grids.known_cells import known_cells
from weakseg.projection.dual_counts import ClassCounts, class_counts
from weakseg.projection.dual_torch import TorchDual
from weakseg.projection.grid_problem import grid_problem

tagged_image = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "projection.py"))["problem"]


def images_of(problems, dtype=torch.float64):
    """What `solve` makes of images before it climbs."""
    evidence = evidence_of(torch.stack([logits for logits, _ in problems]).to(dtype))
    grid = evidence.log_probs.shape[2:]
    known = known_cells(evidence.weak, evidence.log_probs.shape[1], (grid[0], grid[1]))
    return [grid_problem(evidence.log_probs[i], rows, known, i) for i, (_, rows) in enumerate(problems)]


def solver_of(problems) -> DualProjection:
    """For rows made before."""
    return DualProjection(Given(tuple(rows for _, rows in problems)))


@pytest.mark.parametrize("deleted", [False, True])
def test_counts_and_cells_give_the_same_answers(deleted):
    """What is measured, its derivative, the distribution, its normaliser and the reach, anywhere in the box."""
    problem = images_of([tagged_image(12, 3, deleted)])[0].problem
    counts, cells = class_counts(problem), TorchDual(problem)
    assert counts is not None
    multipliers = np.random.default_rng(0).uniform(0, 3, problem.bounds.shape)
    theirs = cells.at(multipliers)
    for mine in (counts.at(multipliers), counts.final_at(multipliers), cells.final_at(multipliers)):
        np.testing.assert_allclose(mine.measured, theirs.measured, atol=1e-10)
        np.testing.assert_allclose(mine.curvature(), theirs.curvature(), atol=1e-10)
        for one, other in zip(mine.distributions(), theirs.distributions(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(counts.support(multipliers), cells.support(multipliers), atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_in_torch_ends_where_each_image_alone_does(dtype):
    """An accelerator's shared steps, run on a CPU: other rows, deleted classes, and one without a solution."""
    problems = [tagged_image(40, seed, seed % 2 == 0) for seed in range(4)]
    logits, rows = problems[0]
    count = torch.eye(21, dtype=torch.float64)[0]
    problems.append((logits, rows + class_row(count, 0.9 * 1600, None, inf, "too much", grid=(40, 40))))
    images, solver = images_of(problems, dtype), solver_of(problems)
    assert all(class_counts(image.problem) is not None for image in images)
    together = solver.climb(images, [np.zeros(len(rows)) for _, rows in problems])
    apart = [solver.climb([image], [np.zeros(image.original.bounds.shape[1])])[0] for image in images]
    for answer, alone in zip(together, apart, strict=True):
        assert answer.converged == alone.converged
        if alone.converged:
            torch.testing.assert_close(answer.probs.double(), alone.probs.double(), atol=1e-6, rtol=0)
            np.testing.assert_allclose(answer.multipliers, alone.multipliers, atol=1e-4)
            assert answer.normaliser == pytest.approx(alone.normaliser, rel=1e-6)
    assert [answer.converged for answer in together] == [True] * 4 + [False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opposite_rows_on_one_class_are_climbed_past(dtype):
    """This problem's active set once went in circles: a class with a lower bound, and an upper one above it."""
    problems = [tagged_image(12, 4, True)]
    solver = solver_of(problems)
    found = solver.solve(evidence_of(problems[0][0][None].to(dtype)))
    assert found.certificate["gap"] < 1e-9
    assert found.certificate["violation"] < 1e-9
    assert found.certificate["steps"] < 15
    image = images_of(problems, dtype)[0]
    answer = solver.climb([image, image], [np.zeros(image.original.bounds.shape[1])] * 2)[1]
    assert answer.converged
    assert answer.steps < 15


def test_a_sample_of_the_cells_stands_for_all():
    """It has the whole image's mass, so that bounds in cells mean the same."""
    draw = np.random.default_rng(0)
    counts = ClassCounts(draw.normal(size=(3, 4096)), draw.random(4096), np.eye(3))
    sample = counts.sampled(500)
    assert 400 < sample.scores.shape[1] < 600
    assert sample.mass.sum() == pytest.approx(counts.mass.sum())
    np.testing.assert_allclose(sample.at(np.zeros((1, 3))).measured, counts.at(np.zeros((1, 3))).measured, rtol=0.1)
