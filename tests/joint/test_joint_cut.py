"""The graph cut under rows: every labelling tried, its special cases, and how it answers what cannot be."""

from dataclasses import replace
from itertools import product
from math import inf

import numpy as np
import pytest
import torch
from batches import CLASSES, batch_of, mixed
from hypothesis import given
from hypothesis import strategies as st
from images import Squares, Tiny, tiny_recipe
from joint_problems import asked_of, one_of, random_joint
from linear_problems import Given

from weakseg import AlphaExpansion, Evidence, Fit, JointCut, JointProjection, Memory, Phase
from weakseg.appearance import ScribbleDensities
from weakseg.constraints import SizesWithin, UntaggedClassesAbsent
from weakseg.constraints.linear_rows import class_row
from weakseg.cuts import alpha_expansion
from weakseg.data.images.label_file import read_labels
from weakseg.energies import GridPotts
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.joint.cut_multipliers import ascend
from weakseg.joint.repair import repaired
from weakseg.simulate import Clicks, Simulated
from weakseg.train.loop import train_recipe
from weakseg.types import ABSENT, UNLABELED

SEEDS = st.integers(0, 2**31)


def cut_of(soft: JointProjection) -> JointCut:
    """The same problem over labellings."""
    assert soft.potts is not None
    return JointCut(
        constraint=soft.constraint,
        potts=soft.potts,
        edge_weight=soft.edge_weight,
        prediction_weight=soft.prediction_weight,
        appearance=soft.appearance,
        appearance_weight=soft.appearance_weight,
        only_classes_present=soft.only_classes_present,
    )


def random_cut(seed: int) -> tuple[JointProjection, Evidence]:
    """A hostile problem; beyond 100 nats nothing is more surprising to a cut."""
    soft, evidence = random_joint(seed)
    return soft, replace(evidence, log_probs=evidence.log_probs.clamp(min=-100))


def shares(evidence: Evidence, low: float, high: float, price: float = inf) -> SizesWithin:
    """Class 1 covers a share of each image."""
    evidence.weak.areas[:, 1] = torch.tensor([low, high])
    return SizesWithin(price)


def evidence_of(seed: int, size: tuple[int, int] = (12, 12), classes: int = 2) -> Evidence:
    """One image of noise with a mark of each class in its corners."""
    generator = torch.Generator().manual_seed(seed)
    marks = torch.full((1, *size), UNLABELED)
    marks[0, 0, 0], marks[0, -1, -1] = 0, classes - 1
    batch = batch_of(marks, classes=classes)
    weak = replace(batch.weak, areas=batch.weak.areas.clone())
    logits = torch.randn((1, classes, *size), generator=generator)
    return Evidence(torch.rand((1, 3, *size), generator=generator), logits.log_softmax(1), weak)


@given(SEEDS)
def test_no_bound_is_above_the_best_labelling_and_no_energy_below(seed):
    """Labels, marks, deleted classes, violation, energy and bound, by trying every labelling."""
    soft, evidence = random_cut(seed)
    solution = cut_of(soft).solve(evidence)
    for tensor in (solution.target, solution.energy, *solution.certificate.values()):
        assert tensor.isfinite().all()
    for i, sentence in enumerate(solution.status):
        asked = asked_of(soft, evidence, i, "Infeasible" in sentence)
        asked = replace(asked, free=np.ones_like(asked.free), temperature=0.0)
        seeds = evidence.weak.seeds[i].where(evidence.weak.valid[i], UNLABELED).flatten().numpy()
        target = solution.target[i].double().flatten(1).numpy()
        marked, cells = np.flatnonzero(seeds != UNLABELED), float(asked.valid.sum())
        assert (target[seeds[marked], marked] == 1).all()
        if not cells or not np.isfinite(asked.costs[seeds[marked], marked]).all():
            # Nothing to measure; or somebody drew what somebody else deleted.
            continue
        assert (target[np.isinf(asked.costs) & asked.valid] == 0).all()
        claimed = {name: float(column[i]) for name, column in solution.certificate.items()}
        dearest = np.abs(asked.costs[np.isfinite(asked.costs)]).max(initial=1)
        rounding = 1e-5 * (dearest + abs(claimed["energy"])) + 1e-6 * sum(price for *_, price in asked.edges) / cells
        missed = asked.missed(target)[np.isinf(asked.prices)].max(initial=0) / cells
        assert missed == pytest.approx(claimed["violation"], abs=1e-5) or claimed["contradiction"] > 0
        if missed < 1e-7:
            assert asked.energy(target) / cells == pytest.approx(claimed["energy"], abs=rounding)
        best = asked.best_labelling()
        assert best is None or claimed["bound"] <= best / cells + rounding


@given(SEEDS)
def test_no_image_is_changed_by_the_rest_of_its_batch(seed):
    """Bit for bit, whatever the others say."""
    soft, evidence = random_cut(seed)
    together = cut_of(soft).solve(evidence)
    for i in range(len(evidence.image)):
        one, seen = one_of(soft, evidence, i)
        alone = cut_of(one).solve(seen)
        assert torch.equal(alone.target[0], together.target[i])
        for name, column in alone.certificate.items():
            assert torch.equal(column[0], together.certificate[name][i])
        assert alone.status[0] == together.status[i]


def test_a_image_too_large_is_told_of_with_its_own_cells(monkeypatch):
    """And not with those of another solver; following the advice helps."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    height, width = batch.image.shape[2:]
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 400 * height * width)
    with pytest.raises(EvidenceInvalid, match=r"\(JointCut\.cell_px\)"):
        JointCut().solve(evidence)
    assert JointCut(cell_px=4).solve(evidence).energy.isfinite().all()


@pytest.mark.parametrize("cell_px", [1, 2])
@pytest.mark.parametrize("stride", [1, 4])
def test_without_rows_it_is_the_cut(stride, cell_px):
    """Labels and target bit for bit; energy and bound but for the rounding of costs in single precision."""
    logits, batch = mixed(stride=stride)
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    found = JointCut(edge_weight=1.0, prediction_weight=3.0, cell_px=cell_px).solve(evidence)
    expected = AlphaExpansion(prediction_weight=3.0, cell_px=cell_px).solve(evidence)
    assert found.memory.labels is not None
    assert expected.memory.labels is not None
    assert torch.equal(found.memory.labels, expected.memory.labels)
    assert torch.equal(found.target, expected.target)
    for name in ("energy", "bound"):
        torch.testing.assert_close(found.certificate[name], expected.certificate[name], rtol=1e-6, atol=1e-6)


def test_rows_that_the_cut_obeys_change_nothing():
    """One cut, and its labels."""
    evidence = evidence_of(0)
    plain = JointCut().solve(evidence)
    held = JointCut(shares(evidence, 0.0, 0.99)).solve(evidence)
    assert torch.equal(held.target, plain.target)
    assert held.certificate["cuts"] == 1
    assert held.status[0].startswith("Every constraint holds.")


@pytest.mark.parametrize("price", [inf, 50.0])
@pytest.mark.parametrize("share", [0.1, 0.45, 0.8])
def test_a_size_that_is_far_from_the_cut_is_reached(share, price):
    """Within the bounds, or at a price above all costs; the gap is small beside the energy."""
    for seed in range(4):
        evidence = evidence_of(seed)
        solution = JointCut(shares(evidence, share, share + 0.01, price), edge_weight=0.03).solve(evidence)
        found = float((solution.target[0, 1] == 1).double().mean())
        assert share - 1e-6 <= found <= share + 0.01 + 1e-6
        assert float(solution.certificate["gap"][0]) <= 0.03 * float(solution.energy[0])


def test_the_bound_is_that_of_the_multipliers_by_hand():
    """Equation `joint-cut-bound`, with the smallest value over all labellings in the place of what the cut proves."""
    evidence = evidence_of(3, (3, 3))
    solver = JointCut(shares(evidence, 0.6, 0.7, 1.0), GridPotts(4), edge_weight=0.3)
    solution = solver.solve(evidence)
    assert solution.memory.multipliers is not None
    mu, bound = solution.memory.multipliers[0].numpy(), float(solution.certificate["bound"][0])
    free = np.array(list(product([0, 1], repeat=7)))
    labels = np.concatenate([np.zeros((128, 1), int), free, np.ones((128, 1), int)], 1)
    energy = -evidence.log_probs[0].flatten(1).double().numpy()[labels, np.arange(9)].sum(1)
    costs = GridPotts(4).edge_costs(evidence.image[0].numpy(), evidence.weak.valid[0].numpy()).astype(float)
    for cost, (down, right) in zip(costs, GridPotts(4).steps, strict=True):
        for row, column in zip(*np.nonzero(cost), strict=True):
            one, other = 3 * row + column, 3 * (row + down) + column + right
            energy += 0.3 * 3 * cost[row, column] * (labels[:, one] != labels[:, other])
    count = labels.sum(1)
    by_hand = (energy + mu[0] * (0.6 * 9 - count) + mu[1] * (count - 0.7 * 9)).min() / 9
    assert bound == pytest.approx(by_hand, abs=2e-6)


def test_repair_never_makes_a_labelling_worse_and_says_what_it_is_worth():
    """Energies that are kept step by step are those of the whole labelling."""
    evidence = evidence_of(1, (9, 9), 3)
    solver = JointCut(shares(evidence, 0.3, 0.35, 2.0), edge_weight=0.5, only_classes_present=False)
    image = next(solver._images(evidence, evidence.weak, Memory()))
    problem = image._under(image.image)
    ascent = ascend(problem, image.cut.begin, np.zeros(len(problem.bounds)), 1e-6, 4, 10)
    generator = np.random.default_rng(0)
    for _ in range(20):
        noise = generator.integers(0, 3, (9, 9)).astype(np.int32)
        start = problem.evaluated(np.where(image.cut.seeds >= 0, image.cut.seeds, noise))
        better = repaired(problem, start, ascent.labellings, ascent.multipliers)
        assert better.energy <= start.energy
        assert better.energy == problem.evaluated(better.labels).energy


def test_hard_rows_that_contradict_each_other_are_named_and_priced():
    """By the proof that `DualProjection` gives, beside seeds and edges."""
    evidence = evidence_of(0)
    rows = [
        class_row(torch.tensor([1.0, 0.0]), 100.0, None, inf, "much of one", grid=(12, 12)),
        class_row(torch.tensor([0.0, 1.0]), 80.0, None, inf, "much of other", grid=(12, 12)),
    ]
    solution = JointCut(Given((rows[0] + rows[1],))).solve(evidence)
    assert solution.status[0].startswith("Infeasible: 'much of one at least 100 cells'")
    assert float(solution.certificate["contradiction"][0]) > 0
    assert solution.energy.isfinite().all()


def test_hard_rows_that_no_labelling_meets_are_told_with_the_smallest_miss():
    """Half a cell more than one and less than two: there are segmentations, and no labelling."""
    evidence = evidence_of(0, (1, 4))
    rows = class_row(torch.tensor([0.0, 1.0]), 1.5, 1.75, inf, "between", grid=(1, 4))
    solution = JointCut(Given((rows,))).solve(evidence)
    assert solution.status[0].startswith("Not satisfied: 'between at most 1.75 cells' by 6.25 %")
    assert float(solution.certificate["violation"][0]) == pytest.approx(0.25 / 4)
    assert float(solution.certificate["contradiction"][0]) == 0


def test_what_is_drawn_counts_where_its_class_is_said_to_be_absent():
    """The mark stays, and nothing else has its class."""
    evidence = evidence_of(0)
    evidence.weak.tags[0, 1] = ABSENT
    target = JointCut(UntaggedClassesAbsent(), only_classes_present=False).solve(evidence).target
    assert float(target[0, 1].sum()) == 1
    assert float(target[0, 1, -1, -1]) == 1


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.0, 1e6), (1e6, 0.0), (1e6, 1e6)])
def test_weights_of_nothing_and_huge_ones_give_answers(weights):
    """All of it finite, and rows obeyed."""
    evidence = evidence_of(2)
    solver = JointCut(shares(evidence, 0.3, 0.4), edge_weight=weights[0], prediction_weight=weights[1])
    solution = solver.solve(evidence)
    assert all(column.isfinite().all() for column in solution.certificate.values())
    assert float(solution.certificate["violation"][0]) == 0


def test_images_of_one_pixel_and_void_ones():
    """Nothing to decide, or nothing at all."""
    evidence = evidence_of(0, (1, 1))
    evidence.weak.seeds[:] = UNLABELED
    row = class_row(torch.tensor([0.0, 1.0]), 1.0, None, inf, "all", grid=(1, 1))
    assert float(JointCut(Given((row,))).solve(evidence).target[0, 1]) == 1
    evidence.weak.valid[:] = False
    solution = JointCut(Given((row,))).solve(evidence)
    assert solution.status == ("No pixel is valid; no constraint applies.",)
    assert float(solution.weight.sum()) == 0


def test_a_warm_start_has_its_own_answer():
    """With the multipliers it found, it needs fewer cuts for labels that are no worse."""
    evidence = evidence_of(5, (16, 16))
    solver = JointCut(shares(evidence, 0.7, 0.75))
    first = solver.solve(evidence)
    again = solver.solve(evidence, first.memory)
    assert float(again.certificate["cuts"]) <= float(first.certificate["cuts"])
    assert float(again.energy[0]) <= float(first.energy[0]) + 1e-6


def test_appearance_is_weighed_against_the_prediction():
    """With no weight on the prediction the labels are those that colours and places say."""
    evidence = evidence_of(0)
    image = torch.zeros(1, 3, 12, 12)
    image[..., 6:] = 1
    evidence.weak.seeds[0, 0, :6], evidence.weak.seeds[0, 0, 6:] = 0, 1
    seen = replace(evidence, image=image)
    labels = JointCut(appearance=ScribbleDensities(cell_px=1), prediction_weight=0.0).solve(seen).memory.labels
    assert labels is not None
    assert torch.equal(labels[0], (image[0, 0] > 0.5).long())


def test_bad_input_is_refused_by_name():
    """Settings, log-probabilities and labels to start from."""
    with pytest.raises(RecipeInvalid, match="edge_weight=-1"):
        JointCut(edge_weight=-1.0)
    with pytest.raises(RecipeInvalid, match="max_cuts=0"):
        JointCut(max_cuts=0)
    with pytest.raises(RecipeInvalid, match="constraint"):
        JointCut(constraint=SizesWithin)  # pyright: ignore
    logits, batch = mixed()
    log_probs = logits.log_softmax(1)
    log_probs[3, 0, 0, 0] = torch.nan
    with pytest.raises(EvidenceInvalid, match="image3"):
        JointCut().solve(Evidence(batch.image, log_probs, batch.weak, batch.keys))
    strange = torch.full_like(batch.weak.seeds, CLASSES)
    with pytest.raises(EvidenceInvalid, match="labels to start from"):
        JointCut().solve(Evidence(batch.image, logits.log_softmax(1), batch.weak), Memory(labels=strange))


def test_training_remembers_its_labels_as_those_of_a_cut(tmp_path):
    """Stage A every second epoch, whole images, and a sentence of the rows in the log."""
    clicked = Simulated(Squares(), (Clicks(),))
    fit = Fit(JointCut(SizesWithin(2.0), max_cuts=3))
    recipe = tiny_recipe(
        training=clicked,
        phases=(Phase(fit, epochs=2, learning_rate=1e-2, update_targets_every=2),),
        network=Tiny(dropout=0.0),
    )
    lines = train_recipe(recipe, tmp_path / "run", device="cpu").metrics
    files = sorted((tmp_path / "run" / "targets" / "epoch_00000").iterdir())
    assert [file.stem for file in files] == sorted(clicked.keys)
    assert {*np.unique(read_labels(files[0])).tolist()} <= {0, 1}
    assert lines[0]["targets_bound"] <= lines[0]["targets_energy"] + 1e-6
