"""EM-Adapt's sweeps, and where they agree with the projection."""

from dataclasses import replace

import pytest
import torch
from batches import batch_of

from weakseg import DualProjection, Evidence
from weakseg.constraints import TaggedClassesPresent
from weakseg.errors import EvidenceInvalid
from weakseg.papers import EmAdapt
from weakseg.types import ABSENT, PRESENT, UNLABELED, UNTOLD

SIZE = (10, 10)


def evidence_of(tags, seed=0) -> Evidence:
    """Random logits of a whole image with tags."""
    batch = batch_of(torch.full((1, *SIZE), UNLABELED))
    logits = torch.randn((1, 4, *SIZE), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    logits[:, 0] += 2
    return Evidence(batch.image, logits.log_softmax(1), replace(batch.weak, tags=torch.tensor([tags])))


def test_each_present_class_was_given_its_share_in_its_turn():
    """With one class to raise, it ends with exactly its share; absent classes get nothing."""
    solution = EmAdapt(background=None, share=0.3).solve(evidence_of([UNTOLD, PRESENT, ABSENT, UNTOLD]))
    assert 29 <= solution.target[0, 1].sum() <= 30
    assert solution.target[0, 2].sum() == 0
    assert (solution.target.amax(1) == 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_bias_is_the_hard_projection_s_multiplier_where_one_bound_is_active(seed):
    """One lower bound: the bias lies where the projection's multiplier does at hardness 1000."""
    evidence = evidence_of([UNTOLD, PRESENT, UNTOLD, UNTOLD], seed)
    bias = EmAdapt(background=None, share=0.3, sweeps=1).solve(evidence).memory.multipliers
    rows = TaggedClassesPresent(share=0.295, price=float("inf"))
    exact = DualProjection(rows, hardness=1000.0).solve(evidence).memory.multipliers
    assert bias is not None
    assert exact is not None
    assert float(exact[0][0]) == pytest.approx(float(bias[0][1]), abs=0.02)


def test_the_background_is_raised_first_whatever_its_index():
    """Ten pixels. It takes four, where it lacks 0 to 3; the other class then has to beat it at the first two."""
    scores = torch.full((1, 3, 2, 5), 3.0)
    scores[0, 1] = 3.0 - torch.arange(10.0).reshape(2, 5)
    scores[0, 0] = -10.0
    scores[0, 0, 0, :2] = 0.0
    batch = batch_of(torch.full((1, 2, 5), UNLABELED), classes=3)
    weak = replace(batch.weak, tags=torch.tensor([[PRESENT, PRESENT, UNTOLD]]))
    bias = EmAdapt(background=1, sweeps=1).solve(Evidence(batch.image, scores, weak)).memory.multipliers
    assert bias is not None
    assert bias[0].tolist() == [6.0, 3.0, 0.0]


def test_a_class_that_has_enough_is_not_raised():
    """Biases are at least 0 and only as large as needed."""
    bias = EmAdapt(background=0, background_share=0.4).solve(evidence_of([PRESENT, ABSENT, ABSENT, UNTOLD])).memory
    assert bias.multipliers is not None
    assert bias.multipliers[0].tolist() == [0, 0, 0, 0]


def test_images_whose_classes_are_all_absent_keep_their_prediction():
    """Nothing can be lowered below everything."""
    evidence = evidence_of([ABSENT] * 4)
    solution = EmAdapt().solve(evidence)
    assert torch.equal(solution.target.argmax(1), evidence.log_probs.argmax(1))


def test_half_precision_cannot_overflow_its_cost():
    """Sums of many surprising pixels are beyond float16."""
    evidence = evidence_of([PRESENT, PRESENT, PRESENT, UNTOLD])
    solution = EmAdapt().solve(replace(evidence, log_probs=(evidence.log_probs * 1e4).half()))
    assert solution.energy.isfinite().all()


@pytest.mark.parametrize("background", [-1, 7])
def test_a_background_that_does_not_exist_is_refused(background):
    """Else its own share would be given to no class, without a word."""
    with pytest.raises(EvidenceInvalid, match=f"background of EmAdapt is class {background}, but there are 4"):
        EmAdapt(background=background).solve(evidence_of([PRESENT, PRESENT, ABSENT, UNTOLD]))
