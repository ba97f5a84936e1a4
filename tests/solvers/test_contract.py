"""What every solver promises, on images easy and hard.

A published solver is here by itself, with its defaults or the `EXAMPLES` of its own test file.
"""

import copy
from dataclasses import replace
from functools import cache

import pytest
import torch
from batches import CLASSES, mixed, part
from published import missing, published, with_examples
from torch import Tensor

from weakseg import (
    AcrossSlices,
    AlphaExpansion,
    Batch,
    DualProjection,
    Evidence,
    Hardened,
    JointCut,
    JointProjection,
    MeanField,
    SeedsOnly,
    SoftSelfLabels,
)
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import All, SizesWithin, UntaggedClassesAbsent
from weakseg.energies import GridPotts, Quadratic
from weakseg.losses.objectives import share_per_cell
from weakseg.papers import BoxLabels, EmAdapt
from weakseg.types import PRESENT, UNLABELED, Solution, Solver

SOLVERS: list[Solver] = [
    SeedsOnly(),
    DualProjection(All((SizesWithin(), UntaggedClassesAbsent()))),
    EmAdapt(),
    BoxLabels(),
    AlphaExpansion(),
    JointCut(edge_weight=1.0),
    JointCut(All((SizesWithin(), UntaggedClassesAbsent())), appearance=ScribbleDensities(), edge_weight=0.02),
    JointProjection(),
    JointProjection(
        All((SizesWithin(), UntaggedClassesAbsent())), appearance=ScribbleDensities(), temperature=0.1, cell_px=2
    ),
    Hardened(DualProjection(SizesWithin())),
    MeanField(steps=3),
    MeanField(damped=False),
    MeanField(steps=3, constraint=All((SizesWithin(), UntaggedClassesAbsent()))),
    SoftSelfLabels(steps=40),
    SoftSelfLabels(GridPotts(4, relaxation=Quadratic()), steps=40, only_classes_present=False, cell_px=2),
]
SOLVERS += with_examples(published("solve"), SOLVERS)

each_solver = pytest.mark.parametrize("solver", SOLVERS, ids=repr)
apart = [solver for solver in SOLVERS if not isinstance(solver, AcrossSlices)]
"""All but what takes a batch for one volume, whose slices are to influence each other."""
each_stride = pytest.mark.parametrize("stride", [1, 4])


def evidence_of(logits: Tensor, batch: Batch) -> Evidence:
    """What a solver is shown of a batch."""
    return Evidence(batch.image, logits.log_softmax(1), batch.weak)


@cache
def solved(solver: Solver, stride: int) -> Solution:
    """What a solver finds on the batch that most tests look at, once for all of them."""
    return solver.solve(evidence_of(*mixed(stride=stride)))


@each_stride
def test_no_solver_is_tested_in_its_null_mode(stride):
    """Every image with a valid pixel has a tag of a class that is there and a box: without them some do nothing."""
    weak = mixed(stride=stride)[1].weak
    seen = weak.valid.flatten(1).any(1)
    assert ((weak.tags == PRESENT).any(1) == seen).all()
    assert [len(boxes) > 0 for boxes in weak.boxes] == seen.tolist()
    for solver_of_labels in (EmAdapt(), BoxLabels()):
        assert (solver_of_labels.solve(evidence_of(*mixed(stride=stride))).weight.flatten(1).sum(1) > 0)[seen].all()


def test_every_published_solver_is_here():
    """One that needs a setting has `EXAMPLES = [...]` in the test file of its module."""
    assert missing(published("solve"), SOLVERS) == []


@each_solver
@each_stride
def test_target_is_a_distribution_at_every_pixel(solver, stride):
    """Targets are at least 0 and sum to one, on invalid pixels too."""
    target = solved(solver, stride).target
    assert (target >= 0).all()
    torch.testing.assert_close(target.sum(1), torch.ones_like(target[:, 0]))


@each_solver
@each_stride
def test_invalid_pixels_teach_nothing(solver, stride):
    """Weights lie in [0, 1], and are 0 where no part of a cell is valid."""
    batch, weight = mixed(stride=stride)[1], solved(solver, stride).weight
    assert ((weight >= 0) & (weight <= 1)).all()
    assert (weight[share_per_cell(batch.weak.valid, weight.shape[1:]) == 0] == 0).all()


@pytest.mark.parametrize("solver", apart, ids=repr)
@each_stride
def test_images_do_not_influence_each_other(solver, stride):
    """Among other images the answer is the same bit for bit, and alone the same to rounding."""
    logits, batch = mixed(stride=stride)
    together = solved(solver, stride)
    for rows in ([0, 1, 2, 5, 3, 4], [2, 0, 1, 3, 4, 5]):
        beside = solver.solve(evidence_of(logits[rows], part(batch, rows)))
        for i in (place for place, row in enumerate(rows) if place == row):
            assert torch.equal(beside.target[i], together.target[i])
            assert torch.equal(beside.weight[i], together.weight[i])
    for i in range(len(logits)):
        alone = solver.solve(evidence_of(logits[[i]], part(batch, [i])))
        torch.testing.assert_close(alone.target[0], together.target[i])
        torch.testing.assert_close(alone.energy[0], together.energy[i])


@each_solver
@each_stride
def test_relabelled_classes_give_a_relabelled_target(solver, stride):
    """No solver prefers a class because of its index; a background is one by name."""
    logits, batch = mixed(stride=stride)
    order = torch.tensor([2, 0, 3, 1])
    new_index = order.argsort()
    renamed = copy.deepcopy(batch)
    seeds = renamed.weak.seeds
    seeds.copy_(torch.where(seeds == UNLABELED, UNLABELED, new_index[seeds.clamp(min=0)]))
    boxes = tuple(torch.cat([new_index[box[:, :1].long()].float(), box[:, 1:]], 1) for box in batch.weak.boxes)
    tags, areas = batch.weak.tags[:, order], batch.weak.areas[:, order]
    renamed = replace(renamed, weak=replace(batch.weak, seeds=seeds, tags=tags, areas=areas, boxes=boxes))
    plain = solved(solver, stride)
    if isinstance(solver, EmAdapt | BoxLabels):
        assert solver.background is not None
        solver = replace(solver, background=int(new_index[solver.background]))
    other = solver.solve(evidence_of(logits[:, order], renamed))
    # Lattices of mean field, and sweeps over edges, sum in single precision, in the order of the classes.
    torch.testing.assert_close(other.target, plain.target[:, order], rtol=0, atol=1e-4)
    torch.testing.assert_close(other.weight, plain.weight)


@each_solver
@each_stride
def test_same_evidence_gives_the_same_solution(solver, stride):
    """Solving twice gives the same bits: nothing is remembered, nothing is drawn."""
    first, second = solved(solver, stride), solver.solve(evidence_of(*mixed(stride=stride)))
    assert torch.equal(first.target, second.target)
    assert torch.equal(first.weight, second.weight)
    assert first.status == second.status


@each_solver
@each_stride
def test_evidence_is_left_as_it_was(solver, stride):
    """A solver never writes into what it was given."""
    evidence = evidence_of(*mixed(stride=stride))
    before = copy.deepcopy(evidence)
    solver.solve(evidence)
    for name in ("seeds", "valid", "tags", "areas", "window", "whole_valid"):
        assert torch.equal(getattr(evidence.weak, name), getattr(before.weak, name))
    assert torch.equal(evidence.image, before.image)
    assert torch.equal(evidence.log_probs, before.log_probs)


@each_solver
@each_stride
def test_every_image_is_told_how_its_solve_ended(solver, stride):
    """One sentence an image, and one finite energy."""
    solution = solved(solver, stride)
    assert len(solution.status) == len(solution.energy) == 6
    assert all(sentence.endswith(".") for sentence in solution.status)
    assert solution.energy.isfinite().all()


@each_solver
@each_stride
def test_extreme_logits_give_finite_answers(solver, stride):
    """Logits of +-10000, right or wrong, leave every number finite."""
    logits, batch = mixed(stride=stride)
    solution = solver.solve(evidence_of(logits.sign() * 1e4, batch))
    for tensor in (solution.target, solution.weight, solution.energy, *solution.certificate.values()):
        assert tensor.isfinite().all()


@each_solver
@each_stride
def test_seeds_are_never_less_likely_than_before(solver, stride):
    """Where somebody drew, the target agrees at least as much as the network did."""
    logits, batch = mixed(stride=stride)
    target = solved(solver, stride).target
    size = target.shape[2:]
    before = torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False).softmax(1)
    for label in range(CLASSES):
        marked = share_per_cell(batch.weak.seeds == label, size) == 1
        assert (target[:, label][marked] >= before[:, label][marked] - 1e-6).all()


@each_solver
@each_stride
def test_a_warm_start_from_its_own_answer_changes_nothing(solver, stride):
    """`memory` leads back to the solution it came from."""
    first, evidence = solved(solver, stride), evidence_of(*mixed(stride=stride))
    # Solvers that stop within a tolerance of the optimum, a thousandth of a nat, are apart by far less than it.
    torch.testing.assert_close(solver.solve(evidence, first.memory).target, first.target, rtol=0, atol=1e-4)


@each_solver
@each_stride
def test_double_precision_gives_the_same_answer(solver, stride):
    """float32 and float64 log-probabilities lead to the same target within 1e-4."""
    logits, batch = mixed(stride=stride)
    single, double = solved(solver, stride), solver.solve(evidence_of(logits.double(), batch))
    torch.testing.assert_close(double.target.float(), single.target, atol=1e-4, rtol=0)
