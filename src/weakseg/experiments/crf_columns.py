"""CRF columns of a table of runs.

Runs are refined by the CRF of the constrained CNN's paper, and by one tuned to each row.
"""

import json
from collections.abc import Sequence

import numpy as np

from weakseg.console.progress_bar import bar
from weakseg.energies.dense_crf import DenseCRF
from weakseg.experiments.tune_crf import tuned_for
from weakseg.files.whole_file import write_whole
from weakseg.runs.run import Run
from weakseg.runs.scores import evaluate_run, kept_scores

TITLES = ("untuned CRF", "tuned CRF")
IMAGES = 40
"""Number of training images with masks to tune on; the paper had 100."""


def refined_scores(runs: Sequence[Run], score: str) -> list[list[float]]:
    """Scores of runs' last networks under both CRFs.

    Computed scores are kept in the run as `crf_scores.json`.

    All runs of a row use the CRF that was tuned to its first run.
    """
    tuned = tuned_for(runs[0], IMAGES) if runs else DenseCRF()
    return [[_kept_score(run, crf, score) for run in runs] for crf in (DenseCRF.ccnn(), tuned)]


def mean_and_spread(scores: Sequence[float]) -> str:
    """The mean and standard deviation as text.

    A dash stands for no score.
    """
    if not len(scores):
        return "-"
    spread = f" ± {np.std(scores, ddof=1):.3f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.3f}{spread}"


def _kept_score(run: Run, crf: DenseCRF, score: str) -> float:
    # Scores are kept under CRF and epoch, so that another setting or a longer training is not taken for this one.
    file, name = run.path / "crf_scores.json", f"{crf}, epoch {len(run.metrics)}"
    kept = kept_scores(file)
    if not isinstance(kept.get(name), dict) or not isinstance(kept[name].get(score), (int, float)):
        with bar(f"{run.name} with a CRF") as progress:
            kept[name] = evaluate_run(run, "last", progress=progress, crf=crf).summary
        write_whole(file, lambda part: part.write_text(json.dumps(kept), encoding="utf-8"))
    return float(kept[name][score])
