"""Mean field: never uphill, seeds held, and with all pixels at once the textbook's update."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import batch_of, mixed
from torch.nn import functional as F

from weakseg import Batch, Evidence, MeanField
from weakseg.energies import DenseCRF, GridPotts
from weakseg.errors import EvidenceInvalid, RecipeInvalid
from weakseg.mean_field.parallel_crf import FAINT, refined, stepped
from weakseg.papers import paper_boxes
from weakseg.types import UNLABELED

CRF = DenseCRF(sxy=0.4, srgb=0.3, compat=5.0, smooth_sxy=0.1, smooth_compat=3.0)


class BruteForce:
    """Equation `dense-crf` with the matrices written down; strong enough that full steps overshoot."""

    def __init__(self, strength: float):
        self._strength = strength

    def __call__(self, probs, evidence):
        """Appearance only, every pixel valid."""
        height, width = probs.shape[2:]
        places = torch.cartesian_prod(torch.arange(height), torch.arange(width)) / (0.4 * width)
        features = torch.cat([places, evidence.image[0].flatten(1).T / 0.3], 1).double()
        weights = torch.exp(-(features[:, None] - features).square().sum(2) / 2)
        root = weights.sum(0).sqrt()
        p = probs[0].flatten(1).T.double()
        return self._strength / 2 * (p * ((weights / root / root[:, None]) @ (1 - p))).sum()[None] / len(p)


def case(seed: int, size=(10, 12), classes: int = 3) -> Evidence:
    """A random image, its unsure prediction, and a few seeds."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(1, classes, *size, generator=generator)
    seeds = torch.full((1, *size), UNLABELED)
    seeds[0, 2, 3], seeds[0, 7, 8] = 0, 2
    image = F.interpolate(torch.rand(1, 3, 3, 3, generator=generator), size, mode="bilinear")
    return Evidence(image, scores.log_softmax(1), batch_of(seeds).weak)


def one_pixel() -> Evidence:
    """An image of one pixel, unmarked."""
    scores = torch.randn(1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    batch = batch_of(torch.full((1, 1, 1), UNLABELED), classes=3)
    return Evidence(batch.image, scores.log_softmax(1), batch.weak)


def after(energy, evidence, steps: int) -> float:
    """The free energy after that many damped steps."""
    return MeanField(energy, steps=steps).solve(evidence).energy.item()


@pytest.mark.parametrize("energy", [BruteForce(40.0), CRF, GridPotts()], ids=["brute force", "lattice", "grid"])
def test_free_energy_never_rises_when_damped(energy):
    """Step after step, for any differentiable energy."""
    for seed in range(3):
        evidence = case(seed)
        first = MeanField(energy).solve(evidence).certificate["first_energy"].item()
        values = [first, *(after(energy, evidence, steps) for steps in range(1, 8))]
        assert all(later <= earlier + 1e-6 for earlier, later in zip(values, values[1:], strict=False))
        assert values[-1] < values[0]


def test_enough_damped_steps_reach_a_fixed_point():
    """Where no probability wants to move any more."""
    assert MeanField(BruteForce(4.0), steps=100).solve(case(0)).certificate["residual"].item() < 1e-3


def test_seeds_stay_what_they_are():
    """Certain, in both schedules, whatever the neighbours say."""
    evidence = case(0)
    for damped in (True, False):
        target = MeanField(CRF, weight=10.0, damped=damped).solve(evidence).target
        assert target[0, 0, 2, 3] == 1
        assert target[0, 2, 7, 8] == 1


def test_without_pairs_the_answer_is_the_prediction():
    """A weight of 0 leaves only the distance to the prediction, whose minimum is the prediction."""
    evidence = case(0)
    hidden = evidence.weak.hidden[0]
    target = MeanField(CRF, weight=0.0).solve(evidence).target
    torch.testing.assert_close(target[0, :, hidden], evidence.log_probs.exp()[0, :, hidden])


def test_the_fused_schedule_is_the_update_written_out():
    """q = softmax(scores + W q), with each kernel's matrix taken from the lattice column by column."""
    random = np.random.default_rng(0)
    probs = random.dirichlet(np.ones(3), (7, 9)).transpose(2, 0, 1).astype(np.float32)
    image = random.random((3, 7, 9)).astype(np.float32)
    # One kernel of one feature: with a single order of blurs there is nothing to average.
    crf = DenseCRF(smooth_sxy=0.3, compat=0.0)
    found = refined(probs, image, crf, steps=3)
    ((matrix, strength),) = crf.kernels(torch.from_numpy(image)[None], torch.arange(63), torch.tensor([63**0.5]))
    weights = matrix.symmetric(torch.eye(63)).numpy()
    scores = np.log(probs.reshape(3, -1)).T
    q = F.softmax(torch.from_numpy(scores), 1).numpy()
    for _ in range(3):
        q = F.softmax(torch.from_numpy(scores + strength * weights @ q), 1).numpy()
    np.testing.assert_allclose(found.reshape(3, -1).T, q, atol=0.02)


@pytest.mark.parametrize("classes", [2, 5, 9, 21])
def test_renamed_classes_are_refined_alike_with_any_number_of_threads(classes):
    """No class is special, those that share a vector register with padding included."""
    random = np.random.default_rng(0)
    probs = random.dirichlet(np.ones(classes), (9, 11)).transpose(2, 0, 1).astype(np.float32)
    image = random.random((3, 9, 11)).astype(np.float32)
    order = random.permutation(classes)
    found = refined(probs, image, CRF)
    np.testing.assert_allclose(refined(probs[order], image, CRF), found[order], atol=1e-5)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        np.testing.assert_allclose(refined(probs, image, CRF), found, atol=1e-5)
    finally:
        torch.set_num_threads(before)


def test_classes_that_are_faint_everywhere_keep_their_probabilities():
    """Labels are what they are with all classes, and probabilities within a thousandth."""
    random = np.random.default_rng(0)
    probs = np.concatenate([random.dirichlet([1, 1, 1], (9, 11)), FAINT * random.random((9, 11, 2))], 2)
    probs = (probs / probs.sum(2, keepdims=True)).transpose(2, 0, 1).astype(np.float32)
    image = random.random((3, 9, 11)).astype(np.float32)
    found = refined(probs, image, CRF)
    np.testing.assert_array_equal(found[3:], probs[3:])
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    scores = np.log(np.maximum(probs.reshape(5, -1), 1e-8)).T
    kernels = CRF.kernels(torch.from_numpy(image)[None], torch.arange(99), torch.tensor([99**0.5]))
    all_of_them = stepped(scores, kernels, 1.0, 10).T.reshape(probs.shape)
    np.testing.assert_allclose(found, all_of_them, atol=1e-3)
    np.testing.assert_array_equal(found.argmax(0), all_of_them.argmax(0))


def test_void_takes_no_part():
    """Neither its colours nor its prediction reach the pixels that count."""
    logits, batch = mixed()
    evidence = Evidence(batch.image, logits.log_softmax(1), batch.weak)
    void = ~batch.weak.valid[:, None]
    other = Evidence(torch.where(void, 0.5, batch.image), torch.where(void, 0.0, evidence.log_probs), batch.weak)
    for damped in (True, False):
        solver = MeanField(CRF, steps=3, damped=damped)
        one, two = solver.solve(evidence).target, solver.solve(other).target
        torch.testing.assert_close(torch.where(void, 0, one), torch.where(void, 0, two))


def test_noise_is_smoothed_away():
    """A noisy prediction of two halves comes out as the two halves."""
    truth = torch.zeros(20, 30, dtype=torch.long)
    truth[:, 15:] = 1
    image = truth[None, None].expand(1, 3, 20, 30).float()
    scores = F.one_hot(truth, 2).movedim(-1, 0)[None] + torch.randn(
        1, 2, 20, 30, generator=torch.Generator().manual_seed(0)
    )
    evidence = Evidence(image, scores.log_softmax(1), batch_of(torch.full((1, 20, 30), UNLABELED)).weak)
    assert (scores.argmax(1) == truth).float().mean() < 0.9
    for damped in (True, False):
        assert (MeanField(CRF, damped=damped).solve(evidence).target.argmax(1) == truth).float().mean() > 0.97


@pytest.mark.parametrize("damped", [True, False])
def test_one_pixel_and_300_classes_are_as_good_as_any(damped):
    """Distributions, and finite numbers."""
    for evidence in (one_pixel(), case(0, classes=300)):
        found = MeanField(CRF, damped=damped).solve(evidence)
        torch.testing.assert_close(found.target.sum(1), torch.ones_like(found.target[:, 0]))
        assert found.energy.isfinite().all()


def test_impossible_settings_and_predictions_are_refused():
    """No step, a negative weight, log-probabilities that are nan."""
    for wrong in ({"steps": 0}, {"weight": -1.0}, {"weight": float("inf")}):
        with pytest.raises(RecipeInvalid, match="at least one step"):
            MeanField(**wrong)
    evidence = case(0)
    with pytest.raises(EvidenceInvalid, match="NaN"):
        MeanField().solve(Evidence(evidence.image, evidence.log_probs * torch.nan, evidence.weak))


def test_the_image_that_is_refused_is_the_one_that_is_named():
    """Each is solved on its own, but counted in its batch: predictions, pixels and boxes of the second."""
    batch, logits = (
        Batch.of(torch.rand(2, 3, 6, 6), 3, seeds=torch.full((2, 6, 6), UNLABELED)),
        torch.zeros(2, 3, 6, 6),
    )
    whole = Evidence(batch.image, logits.log_softmax(1), batch.weak, ("cat", "dog"))
    broken = torch.tensor([1.0, torch.nan])[:, None, None, None]
    with pytest.raises(EvidenceInvalid, match="image 'dog'"):
        MeanField(CRF).solve(replace(whole, log_probs=whole.log_probs * broken))
    with pytest.raises(EvidenceInvalid, match="Image 1 of the batch"):
        MeanField(CRF).solve(replace(whole, image=whole.image * broken))
    boxes = (torch.empty(0, 5), torch.tensor([[7.0, 0.0, 0.0, 3.0, 3.0]]))
    with pytest.raises(EvidenceInvalid, match="image 1 of the batch"):
        MeanField(CRF, constraint=paper_boxes()).solve(replace(whole, weak=replace(batch.weak, boxes=boxes)))


@pytest.mark.parametrize("damped", [True, False])
def test_nothing_valid_and_broken_images_are_told(damped):
    """A sentence for an image that is all void, and one message for a pixel that is nan."""
    evidence = case(0)
    void = replace(evidence, weak=replace(evidence.weak, valid=torch.zeros_like(evidence.weak.valid)))
    found = MeanField(CRF, damped=damped).solve(void)
    assert found.status == ("No pixel is valid; nothing is refined.",)
    assert found.energy == 0
    assert found.target.isfinite().all()
    with pytest.raises(EvidenceInvalid, match="nan or infinite"):
        MeanField(CRF, damped=damped).solve(replace(evidence, image=evidence.image * torch.nan))


def test_refinement_takes_any_image_and_refuses_what_is_no_number():
    """One pixel, 300 classes; nan in probabilities or image."""
    random = np.random.default_rng(0)
    for size, classes in (((1, 1), 3), ((4, 5), 300)):
        probs = random.dirichlet(np.ones(classes), size).transpose(2, 0, 1).astype(np.float32)
        found = refined(probs, random.random((3, *size)).astype(np.float32), CRF)
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    probs, image = np.full((2, 4, 5), 0.5, np.float32), np.zeros((3, 4, 5), np.float32)
    with pytest.raises(EvidenceInvalid, match="probabilities are nan"):
        refined(probs * np.nan, image, CRF)
    with pytest.raises(EvidenceInvalid, match="nan or infinite"):
        refined(probs, image * np.nan, CRF)
