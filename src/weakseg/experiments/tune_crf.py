"""`weakseg tune-crf`: the CRF settings that suit a run, found on images with masks, kept in the run.

Images that the run neither trained on nor was validated on where its recipe leaves some, `Fold(train,
held_out=False)`; else those it trained on. Never those that are reported.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from weakseg.console.progress_bar import bar
from weakseg.data.fold import Fold
from weakseg.data.sample import Dataset
from weakseg.energies.dense_crf import DenseCRF
from weakseg.errors import DataInvalid
from weakseg.evaluation.device import best_device
from weakseg.evaluation.predictor import Predictor
from weakseg.evaluation.tune_crf import Predicted, Tuned, tune
from weakseg.runs.datasets import dataset
from weakseg.runs.run import Run, keep_crf, open_run
from weakseg.types import UNLABELED


def tune_and_show(path: Path, images: int, device: str | None, recipe: Path | None = None) -> None:
    """Tune on up to so many images, keep the result, and print what it is worth."""
    run = open_run(path, recipe)
    tuned, on = _tuned(run, run.predictor(device or best_device()), images)
    print(f"mean IoU on {on}: {tuned.without:.4f} without CRF, {tuned.before:.4f} untuned, {tuned.after:.4f} tuned")
    print(f"{tuned.crf}\nkept in the run: --crf uses it from now on")
    if tuned.after <= tuned.without:
        print("no setting is better than no CRF here: leave --crf out")


def which_crf(run: Run) -> str:
    """Which CRF a run's predictions are refined by, for people."""
    tuned = (
        "the CRF tuned for this run" if run.has_tuned_crf else f"the usual CRF (`weakseg tune-crf {run.path}` tunes it)"
    )
    return f"{tuned}: {run.crf}"


def tuned_for(run: Run, images: int) -> DenseCRF:
    """The CRF that was tuned for a run; tuned now, to its last network, where none was."""
    if not run.has_tuned_crf:
        _tuned(run, run.predictor(which="last"), images)
    return run.crf


def _tuned(run: Run, predictor: Predictor, most: int) -> tuple[Tuned, str]:
    """The best setting, which is kept in the run, and on what it was tuned."""
    tuning, kind = _tuning_images(run)
    predicted = _predicted(tuning, kind, predictor, most)
    with bar("tuning") as told:
        tuned = tune(predicted, run.classes, progress=told)
    keep_crf(run.path, tuned.crf)
    return tuned, f"{len(predicted)} {kind} image{'s' * (len(predicted) > 1)}"


def _tuning_images(run: Run) -> tuple[Dataset, str]:
    """The images to tune on, and what they are to the run."""
    training, validation = dataset(run, "training"), run.recipe.validation
    if isinstance(training, Fold) and not training.held_out:
        aside = replace(training, held_out=True)
        judged = validation.keys if isinstance(validation, Dataset) else ()
        if not {*aside.keys} & {*judged}:
            return aside, "held-out"
    return training, "training"


def _predicted(images: Dataset, kind: str, predictor: Predictor, most: int) -> list[Predicted]:
    """Up to so many of those with masks to compare with, drawn from all over the set."""
    found = []
    with bar("predicting") as told:
        for index in np.random.default_rng(0).permutation(len(images)).tolist():
            sample = images[index]
            if sample.truth is not None and (sample.truth != UNLABELED).any():
                probs = predictor(sample.image).astype(np.float16)
                found.append(Predicted(sample.image, probs, sample.truth))
                told(len(found), min(most, len(images)))
            if len(found) == most:
                break
    if not found:
        raise DataInvalid(
            f"none of {len(images)} {kind} images has a mask that shows a class",
            fix="add masks of some of these images, or use --crf as it is",
        )
    return found
