"""The solver that infers nothing."""

import torch
from batches import batch_of, mixed

from weakseg import Evidence, SeedsOnly
from weakseg.types import UNLABELED


def test_target_is_what_was_marked_on_the_labels_own_grid():
    """However coarse the prediction, each mark is its own target and teaches fully; the rest teaches nothing."""
    logits, batch = mixed(stride=4)
    weak = batch.weak
    solution = SeedsOnly().solve(Evidence(batch.image, logits.log_softmax(1), weak))
    marked = weak.seeds != UNLABELED
    assert torch.equal(solution.weight, marked.float())
    assert torch.equal(solution.target.argmax(1)[marked], weak.seeds[marked])
    assert (solution.target.amax(1)[marked] == 1).all()
    assert (solution.target.amax(1)[~marked] == 1 / logits.shape[1]).all()


def test_a_mark_on_a_void_pixel_teaches_nothing():
    """Void wins over what was drawn on it."""
    batch = batch_of(torch.tensor([[[0, 1]]]), torch.tensor([[[True, False]]]))
    solution = SeedsOnly().solve(Evidence(batch.image, torch.zeros(1, 4, 1, 2).log_softmax(1), batch.weak))
    assert solution.weight.tolist() == [[[1.0, 0.0]]]
