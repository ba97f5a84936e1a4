"""The search for a CRF never ends worse than it began."""

import numpy as np

from weakseg import Classes, DenseCRF
from weakseg.evaluate.tune_crf import TRIALS, Predicted, tune


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
