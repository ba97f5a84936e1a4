"""The hidden segmentation of an image, as a run's solver finds it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from finished_run import Threshold
from images import Squares
from torch.nn import functional as F

from weakseg import Fit, Regularize, SeedsOnly, Sum
from weakseg.evaluation.predictor import Predictor
from weakseg.report.hidden import hidden_segmentation
from weakseg.types import UNLABELED, Evidence, Memory, Solution

SCRIBBLED = replace(Squares()[0], seeds=np.where(np.arange(24) < 2, Squares()[0].truth, UNLABELED))
PREDICTOR = Predictor(Threshold(), Squares().classes, 1)


@dataclass(frozen=True)
class Trusting:
    """Takes what the network says, except where it is unsure."""

    def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
        """The most probable class."""
        probs, labels = evidence.log_probs.exp().max(1)
        target = F.one_hot(labels, evidence.log_probs.shape[1]).movedim(-1, 1).float()
        return Solution(target, (probs > 0.9).float(), torch.zeros(1), ("Trusted.",))


def test_the_solver_s_target_is_shown_where_it_teaches():
    """Pixels of weight 0 stay unlabelled."""
    found = hidden_segmentation(Fit(Trusting()), PREDICTOR, SCRIBBLED)
    assert found is not None
    labels, sentence = found
    assert sentence == "Trusted."
    known = labels != UNLABELED
    assert 0.5 < known.mean() < 1
    assert (labels[known] == SCRIBBLED.truth[known]).mean() > 0.98


def test_void_stays_unlabelled():
    """What must not be judged is not segmented."""
    found = hidden_segmentation(
        Fit(Trusting()), PREDICTOR, replace(SCRIBBLED, valid=np.tile(np.arange(24) < 12, (24, 1)))
    )
    assert found is not None
    assert (found[0][:, 12:] == UNLABELED).all()


def test_the_last_solver_of_a_sum_is_asked():
    """Energies beside it do not matter."""
    objective = Sum((Fit(SeedsOnly()), Regularize(lambda probs, evidence: probs.sum((1, 2, 3))), Fit(Trusting())))
    assert hidden_segmentation(objective, PREDICTOR, SCRIBBLED) is not None


@pytest.mark.parametrize("objective", [Fit(SeedsOnly()), lambda logits, batch: logits.sum()])
def test_nothing_is_shown_where_nothing_is_hidden(objective):
    """Seeds alone, or a loss that solves nothing, have no hidden segmentation."""
    assert hidden_segmentation(objective, PREDICTOR, SCRIBBLED) is None


def test_a_coarse_network_is_solved_on_its_own_grid():
    """The solver sees as many cells as in training, and the answer fits the image."""
    seen = []

    @dataclass(frozen=True)
    class Watching(Trusting):
        def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
            seen.append(tuple(evidence.log_probs.shape[2:]))
            return super().solve(evidence, start)

    network = Threshold()
    network.stride = 5
    found = hidden_segmentation(Fit(Watching()), replace(PREDICTOR, network=network), SCRIBBLED)
    assert seen == [(5, 5)]
    assert found is not None
    assert found[0].shape == (24, 24)


def test_a_soft_target_is_shown_by_its_best_class_with_how_sure_it_is():
    """The mean over what teaches; a one-hot target says nothing of it."""

    @dataclass(frozen=True)
    class Doubting(Trusting):
        def solve(self, evidence: Evidence, start: Memory = Memory()) -> Solution:
            sure = super().solve(evidence, start)
            return replace(sure, target=0.5 * sure.target + 0.25)

    hard, soft = (hidden_segmentation(Fit(solver), PREDICTOR, SCRIBBLED) for solver in (Trusting(), Doubting()))
    assert hard is not None
    assert soft is not None
    assert (hard[0] == soft[0]).all()
    assert soft[1] == "Trusted. Mean confidence 0.75."
