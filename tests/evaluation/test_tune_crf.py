"""The search for a CRF never ends worse than it began."""

import numpy as np

from weakseg import Classes
from weakseg.energies import DenseCRF
from weakseg.evaluation import tune_crf
from weakseg.evaluation.tune_crf import TRIALS, Predicted, tune


def test_the_search_improves_noisy_predictions_and_tells_its_progress():
    """Two halves under noise: refined is better than not, tuned at least as good as untuned."""
    random = np.random.default_rng(0)
    truth = np.zeros((20, 30), int)
    truth[:, 15:] = 1
    image = np.repeat(truth[None], 3, 0).astype(np.float32)
    scores = np.stack([1 - truth, truth]) + random.normal(0, 1.2, (2, 20, 30))
    probs = (np.exp(scores) / np.exp(scores).sum(0)).astype(np.float32)
    told = []
    found = tune(
        [Predicted(image, probs, truth)],
        Classes(("left", "right")),
        DenseCRF(sxy=0.4, srgb=0.3, compat=0.01, smooth_compat=0.01),
        lambda done, total: told.append((done, total)),
    )
    assert found.without < found.after
    assert found.before < found.after
    assert found.crf.compat > 0.01
    assert told == [(done, TRIALS) for done in range(1, TRIALS + 1)]


def test_no_setting_is_judged_twice(monkeypatch):
    """Where nothing is better than the start, the second round is the first again, and costs nothing."""
    truth, asked = np.zeros((6, 6), int), []
    monkeypatch.setattr(tune_crf, "refined", lambda probs, image, crf: asked.append(crf) or probs)
    probs, classes = np.stack([1 - truth, truth]).astype(np.float16), Classes(("left", "right"))
    found = tune([Predicted(np.zeros((3, 6, 6), np.float32), probs, truth)], classes)
    assert found.crf == DenseCRF()
    assert len(asked) == len({*asked}) == (TRIALS + 1) // 2
