"""What alpha-expansion promises beyond the contract of every solver."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import batch_of, mixed

from weakseg import AlphaExpansion, Evidence, JointProjection, Memory
from weakseg.cuts import alpha_expansion
from weakseg.energies import EdgeMapContrast, GridPotts
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.types import ABSENT, PRESENT, UNLABELED


def evidence_of(seeds, logits, image=None, valid=None, tags=None):
    """One image's evidence."""
    batch = batch_of(seeds[None], None if valid is None else valid[None], logits.shape[0])
    weak = batch.weak if tags is None else replace(batch.weak, tags=torch.tensor([tags]))
    return Evidence(batch.image if image is None else image[None], logits[None].log_softmax(1), weak)


def nothing_drawn(*size):
    """Seeds of an image in which nobody drew."""
    return torch.full(size, UNLABELED)


def random_logits(classes, *size, seed=0):
    """Logits of a network that knows little."""
    return torch.randn((classes, *size), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("stride", [1, 4])
def test_energy_is_the_mean_surprise_plus_the_potts_energy(stride):
    """Equation `labelling`, written out from the labels it answers with, on every image of a mixed batch."""
    logits, batch = mixed(stride=stride)
    solver = AlphaExpansion(prediction_weight=1.3)
    solution = solver.solve(Evidence(batch.image, logits.log_softmax(1), batch.weak))
    fine = torch.nn.functional.interpolate(logits, (16, 24), mode="bilinear", align_corners=False)
    labels = solution.memory.labels
    surprise = -fine.log_softmax(1).gather(1, labels.clamp(min=0)[:, None])[:, 0] * batch.weak.valid
    for i, valid in enumerate(batch.weak.valid):
        mean = surprise[i].double().sum() / valid.sum().clamp(min=1)
        length = solver.potts.energy_of(labels[i].numpy(), batch.image[i].numpy(), valid.numpy())
        assert float(solution.certificate["energy"][i]) == pytest.approx(1.3 * float(mean) + length, abs=1e-5)


def test_seeds_hold_and_invalid_pixels_have_no_label():
    """Wherever somebody drew the answer is what was drawn; void stays unlabelled and teaches nothing."""
    logits, batch = mixed()
    labels = AlphaExpansion().solve(Evidence(batch.image, logits.log_softmax(1), batch.weak)).memory.labels
    marked = batch.weak.valid & (batch.weak.seeds != UNLABELED)
    assert torch.equal(labels[marked], batch.weak.seeds[marked])
    assert (labels[~batch.weak.valid] == UNLABELED).all()


def test_only_classes_that_are_in_the_image_appear():
    """Those with a seed or a tag; without either those not tagged absent; all, if that is switched off."""
    logits, seeds = 5 * random_logits(4, 12, 12), nothing_drawn(12, 12)
    drawn = seeds.clone()
    drawn[2, 2], drawn[8, 8] = 1, 3
    shown = lambda solver, evidence: {*solver.solve(evidence).memory.labels.unique().tolist()}  # noqa: E731
    restricted = AlphaExpansion(prediction_weight=50.0)
    assert shown(restricted, evidence_of(drawn, logits)) == {1, 3}
    assert shown(restricted, evidence_of(drawn, logits, tags=[PRESENT, 0, 0, 0])) == {0, 1, 3}
    assert shown(restricted, evidence_of(seeds, logits, tags=[-1, -1, ABSENT, -1])) == {0, 1, 3}
    assert shown(restricted, evidence_of(seeds, logits, tags=[ABSENT] * 4)) == {0, 1, 2, 3}
    every = replace(restricted, only_classes_present=False)
    assert shown(every, evidence_of(drawn, logits)) == {0, 1, 2, 3}


def test_without_weight_the_prediction_changes_nothing():
    """Fixed proposals: seeds and edges alone decide."""
    seeds = nothing_drawn(10, 14)
    seeds[0, :], seeds[9, :] = 0, 1
    solver = AlphaExpansion(prediction_weight=0.0)
    one, other = (solver.solve(evidence_of(seeds, 9 * random_logits(2, 10, 14, seed=seed))) for seed in (0, 1))
    assert torch.equal(one.target, other.target)


def test_cells_of_pixels_that_are_alike_are_cut_as_if_they_were_pixels():
    """An image enlarged three times, in cells of 3 pixels, has the labels and the energy of the small one."""
    small, image = 2 * random_logits(3, 6, 8), random_logits(3, 6, 8, seed=1).sigmoid()
    seeds = nothing_drawn(6, 8)
    seeds[1, 2], seeds[4, 7] = 0, 2
    valid = torch.ones(6, 8, dtype=torch.bool)
    valid[5, :3] = False
    grown = lambda values: values.repeat_interleave(3, -2).repeat_interleave(3, -1)  # noqa: E731
    solver = AlphaExpansion(only_classes_present=False)
    alone = solver.solve(evidence_of(seeds, small, image, valid))
    cells = replace(solver, cell_px=3).solve(evidence_of(grown(seeds), grown(small), grown(image), grown(valid)))
    assert torch.equal(cells.memory.labels, grown(alone.memory.labels))
    torch.testing.assert_close(cells.energy, alone.energy)
    torch.testing.assert_close(cells.certificate["bound"], alone.certificate["bound"])


def test_a_cell_costs_the_mean_of_its_valid_pixels():
    """Equation `labelling` over cells, written out: one cell of unlike pixels, of which an invalid one pays nothing."""
    logits = random_logits(2, 2, 2)
    valid = torch.tensor([[True, True], [True, False]])
    solver = AlphaExpansion(prediction_weight=1.7, cell_px=2)
    solution = solver.solve(evidence_of(nothing_drawn(2, 2), logits, valid=valid))
    means = -logits.log_softmax(0)[:, valid].mean(1)
    # Three of four pixels: three quarters of a cell count, and are all that counts.
    assert solution.energy == pytest.approx(1.7 * float(means.min()))
    assert solution.memory.labels.tolist() == [[[int(means.argmin())] * 2, [int(means.argmin()), UNLABELED]]]


def test_a_cell_counts_as_far_as_it_is_valid():
    """Two cells, one of them with a single valid pixel, which counts like each of the other four."""
    logits = random_logits(2, 2, 4)
    valid = torch.tensor([[True, True, True, False], [True, True, False, False]])
    solver = AlphaExpansion(GridPotts(contrast=EdgeMapContrast()), prediction_weight=1.7, cell_px=2)
    solution = solver.solve(evidence_of(nothing_drawn(2, 4), logits, torch.ones(3, 2, 4), valid))
    surprise = -logits.log_softmax(0)
    halves = [surprise[:, :, :2][:, valid[:, :2]].sum(1), surprise[:, :, 2:][:, valid[:, 2:]].sum(1)]
    assert solution.energy == pytest.approx(1.7 * float(sum(half.min() for half in halves)) / 5)


@pytest.mark.parametrize("labels", [torch.full((1, 8, 8), 3), torch.full((1, 8, 8), -5), torch.zeros(1, 4, 4).long()])
def test_a_start_of_other_classes_or_another_size_is_refused(labels):
    """As of a damaged file, or of another network."""
    with pytest.raises(EvidenceInvalid, match="to start from"):
        AlphaExpansion().solve(evidence_of(nothing_drawn(8, 8), random_logits(3, 2, 2)), Memory(labels=labels))


def test_cells_help_where_pixels_would_outgrow_memory(monkeypatch):
    """But what is computed at every pixel counts all the same."""
    evidence = evidence_of(nothing_drawn(64, 64), random_logits(3, 16, 16))
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 300_000)
    with pytest.raises(EvidenceInvalid, match="cell_px"):
        AlphaExpansion().solve(evidence)
    assert AlphaExpansion(cell_px=4).solve(evidence).energy.isfinite()
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 100_000)
    with pytest.raises(EvidenceInvalid, match="cell_px"):
        AlphaExpansion(cell_px=4).solve(evidence)


def test_marks_hold_to_the_pixel_in_cells_that_two_of_them_share():
    """The cell goes with most of its marks; a marked pixel keeps its own, and sizes need not be whole cells."""
    seeds = nothing_drawn(7, 10)
    seeds[0, :4], seeds[1, 0] = 1, 0
    valid = torch.ones(7, 10, dtype=torch.bool)
    valid[3, 3] = False
    labels = AlphaExpansion(cell_px=4).solve(evidence_of(seeds, random_logits(2, 2, 3), valid=valid)).memory.labels[0]
    assert torch.equal(labels[seeds != UNLABELED], seeds[seeds != UNLABELED])
    assert labels[3, 3] == UNLABELED
    assert (labels[1:3, 1:3] == 1).all()


def test_a_start_is_kept_through_cells():
    """What was found in cells is where the next solve begins, at its own energy."""
    evidence = evidence_of(nothing_drawn(21, 30), 2 * random_logits(5, 21, 30))
    solver = AlphaExpansion(cell_px=2)
    cold = solver.solve(evidence)
    warm = solver.solve(evidence, cold.memory)
    assert float(warm.certificate["first_energy"]) == pytest.approx(float(cold.certificate["energy"]))


def test_the_order_of_classes_hardly_matters():
    """Renamed classes give the same energy within 1 %, and the same bound."""
    logits, seeds, order = 2 * random_logits(5, 20, 20), nothing_drawn(20, 20), [3, 0, 4, 2, 1]
    plain, renamed = (AlphaExpansion().solve(evidence_of(seeds, each)) for each in (logits, logits[order]))
    torch.testing.assert_close(plain.energy, renamed.energy, rtol=0.01, atol=0)
    torch.testing.assert_close(plain.certificate["bound"], renamed.certificate["bound"], rtol=0.02, atol=0)


def test_a_remembered_labelling_is_where_it_starts():
    """A start better than its own is taken; one of nonsense does no harm."""
    evidence = evidence_of(nothing_drawn(20, 20), 2 * random_logits(5, 20, 20))
    cold = AlphaExpansion().solve(evidence)
    warm = AlphaExpansion().solve(evidence, cold.memory)
    assert float(warm.certificate["first_energy"]) == pytest.approx(float(cold.certificate["energy"]))
    nonsense = Memory(labels=torch.randint(-1, 5, (1, 20, 20), generator=torch.Generator().manual_seed(0)))
    again = AlphaExpansion().solve(evidence, nonsense)
    assert float(again.certificate["first_energy"]) == pytest.approx(float(cold.certificate["first_energy"]))


def test_two_labels_are_called_optimal_and_their_bound_is_tight():
    """The bound of a two-label cut is its energy."""
    solution = AlphaExpansion().solve(evidence_of(nothing_drawn(30, 30), random_logits(2, 30, 30)))
    assert "exact for two classes" in solution.status[0]
    torch.testing.assert_close(solution.certificate["bound"], solution.certificate["energy"], rtol=1e-5, atol=1e-6)


def test_it_says_when_it_stopped_early():
    """One sweep is not enough to know that no expansion is left."""
    solver = AlphaExpansion(max_sweeps=1, prediction_weight=8.0)
    solution = solver.solve(evidence_of(nothing_drawn(40, 40), random_logits(6, 10, 10)))
    assert solution.certificate["settled"] == 0
    assert "another might" in solution.status[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
@pytest.mark.parametrize("neighbours", [4, 8])
def test_lines_and_single_pixels_are_images_too(size, neighbours):
    """An image of one row, column or pixel has an answer."""
    solver = AlphaExpansion(GridPotts(neighbours=neighbours))
    solution = solver.solve(evidence_of(nothing_drawn(*size), random_logits(3, *size)))
    assert solution.energy.isfinite().all()
    assert solution.certificate["bound"] <= solution.certificate["energy"]


def test_images_without_contrast_void_or_choice_have_an_answer():
    """One colour, one class, and nothing valid at all."""
    seeds, logits = nothing_drawn(8, 8), random_logits(3, 8, 8)
    grey = AlphaExpansion().solve(evidence_of(seeds, logits, image=torch.full((3, 8, 8), 0.5)))
    assert grey.energy.isfinite().all()
    alone = AlphaExpansion().solve(evidence_of(seeds, logits[:1]))
    assert (alone.memory.labels == 0).all()
    assert abs(float(alone.energy)) < 1e-6
    void = AlphaExpansion().solve(evidence_of(seeds, logits, valid=torch.zeros(8, 8, dtype=torch.bool)))
    assert (void.memory.labels == UNLABELED).all()
    assert float(void.energy) == 0


def test_impossible_classes_stay_finite():
    """Classes with probability 0 leave every number finite, and cannot win against the others."""
    logits = random_logits(3, 4, 4)
    logits[0] = -torch.inf
    seeds = nothing_drawn(16, 16)
    solution = AlphaExpansion(prediction_weight=30.0).solve(evidence_of(seeds, logits))
    assert solution.energy.isfinite().all()
    assert (solution.memory.labels != 0).all()


def test_broken_predictions_are_refused_by_name():
    """NaN in the second image is said to be there."""
    logits, batch = mixed()
    log_probs = logits.log_softmax(1)
    log_probs[1, 0, 3, 3] = torch.nan
    with pytest.raises(EvidenceInvalid, match="image 1 of the batch"):
        AlphaExpansion().solve(Evidence(batch.image, log_probs, batch.weak))


def test_seeds_of_no_class_are_refused():
    """A seed of class 7 among three is an error, not a wrong answer."""
    seeds = nothing_drawn(6, 6)
    seeds[1, 1] = 7
    with pytest.raises(EvidenceInvalid, match="class 7"):
        AlphaExpansion().solve(evidence_of(seeds, random_logits(3, 6, 6)))


def test_a_image_too_large_for_memory_is_told_what_it_would_take(monkeypatch):
    """Rather than a machine that swaps: gibibytes needed, and what to do."""
    monkeypatch.setattr(alpha_expansion, "MEMORY_LIMIT", 1000)
    with pytest.raises(EvidenceInvalid, match="GiB"):
        AlphaExpansion().solve(evidence_of(nothing_drawn(6, 6), random_logits(3, 6, 6)))


@pytest.mark.parametrize(
    "wrong",
    [{"prediction_weight": w} for w in (-1.0, float("nan"), float("inf"))]
    + [{name: n} for name in ("max_sweeps", "cell_px") for n in (0, -1)],
)
def test_impossible_settings_are_refused(wrong):
    """Negative weights, and no sweep at all."""
    with pytest.raises(RecipeInvalid):
        AlphaExpansion(**wrong)


def test_a_image_enlarged_by_two_keeps_its_answer():
    """Equation `labelling` does not depend on the resolution: a smooth problem's minimiser is enlarged with it."""
    rows, columns = np.mgrid[:24, :24]
    disc = torch.tensor(((rows - 12) ** 2 + (columns - 12) ** 2 < 60).astype(np.float32))
    image, logits = disc[None].repeat(3, 1, 1), torch.stack([0.5 - disc, disc - 0.5]) * 3
    double = lambda values: torch.nn.functional.interpolate(values[None], scale_factor=2)[0]  # noqa: E731
    small = AlphaExpansion().solve(evidence_of(nothing_drawn(24, 24), logits, image))
    large = AlphaExpansion().solve(evidence_of(nothing_drawn(48, 48), double(logits), double(image)))
    assert torch.equal(double(small.target[0]), large.target[0])
    torch.testing.assert_close(small.energy, large.energy, rtol=0.2, atol=0)


@pytest.mark.parametrize("solver", [AlphaExpansion, JointProjection])
@pytest.mark.parametrize("sweeps", [None, 0, -1, 2.0, "3"])
def test_sweeps_without_end_are_refused(solver, sweeps):
    """`None` is no way to say "until nothing changes": a number is asked for, and the message has what was given."""
    # As it is made without the tests' own checks of types.
    asked = solver()
    object.__setattr__(asked, "max_sweeps", sweeps)
    with pytest.raises(RecipeInvalid, match=f"max_sweeps={sweeps}.*\n.*whole numbers from 1"):
        asked.__post_init__()
