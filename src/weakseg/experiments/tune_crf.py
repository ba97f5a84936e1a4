"""Tuning of a run's CRF: `weakseg tune-crf`.

The CRF is tuned on images with masks, and kept in the run. They are images that the run neither trained on nor was
validated on, if its recipe leaves some, as `Fold(train, held_out=False)` does; otherwise those it trained on. Images
whose scores are reported are never used.
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
    """Tune a run's CRF, keep it, and print its scores."""
    run = open_run(path, recipe)
    tuned, on = _tuned(run, run.predictor(device or best_device()), images)
    print(f"mean IoU on {on}: {tuned.without:.4f} without CRF, {tuned.before:.4f} untuned, {tuned.after:.4f} tuned")
    print(f"{tuned.crf}\nsaved in the run: --crf now uses it")
    if tuned.after <= tuned.without:
        print("no setting improves on the scores without a CRF: leave --crf out")


def which_crf(run: Run) -> str:
    """The CRF that refines a run's predictions, in words."""
    tuned = (
        "the CRF tuned for this run"
        if run.has_tuned_crf
        else f"the default CRF (`weakseg tune-crf {run.path}` tunes it)"
    )
    return f"{tuned}: {run.crf}"


def tuned_for(run: Run, images: int) -> DenseCRF:
    """The CRF tuned for a run.

    Where there is none, it is tuned now, to the run's last network.
    """
    if not run.has_tuned_crf:
        _tuned(run, run.predictor(which="last"), images)
    return run.crf


def _tuned(run: Run, predictor: Predictor, most: int) -> tuple[Tuned, str]:
    """The best setting, and the images it was tuned on.

    It is kept in the run.
    """
    tuning, kind = _tuning_images(run)
    predicted = _predicted(tuning, kind, predictor, most)
    with bar("tuning") as progress:
        tuned = tune(predicted, run.classes, progress=progress)
    keep_crf(run.path, tuned.crf)
    return tuned, f"{len(predicted)} {kind} image{'s' * (len(predicted) > 1)}"


def _tuning_images(run: Run) -> tuple[Dataset, str]:
    """The images to tune on, and their kind."""
    training, validation = dataset(run, "training"), run.recipe.validation
    if isinstance(training, Fold) and not training.held_out:
        aside = replace(training, held_out=True)
        validated = validation.keys if isinstance(validation, Dataset) else ()
        # Images whose scores are reported must not choose anything.
        if not {*aside.keys} & {*validated}:
            return aside, "held-out"
    return training, "training"


def _predicted(images: Dataset, kind: str, predictor: Predictor, most: int) -> list[Predicted]:
    """Predictions of at most `most` random images with masks."""
    found = []
    with bar("predicting") as progress:
        # Always the same ones: a second tuning of a run has to find the same setting.
        for index in np.random.default_rng(0).permutation(len(images)).tolist():
            sample = images[index]
            if sample.truth is not None and (sample.truth != UNLABELED).any():
                probs = predictor(sample.image).astype(np.float16)
                found.append(Predicted(sample.image, probs, sample.truth))
                progress(len(found), min(most, len(images)))
            if len(found) == most:
                break
    if not found:
        raise DataInvalid(
            f"none of the {len(images)} {kind} images has a mask with a class in it",
            fix="add masks for some of these images, or use --crf without tuning",
        )
    return found
