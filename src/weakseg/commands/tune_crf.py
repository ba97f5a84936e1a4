"""`weakseg tune-crf`: the CRF settings that suit a run, found on pictures with masks, kept in the run.

Pictures that the run neither trained on nor was validated on where its recipe leaves some, `Fold(train,
held_out=False)`; else those it trained on. Never those that are reported.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from weakseg.commands.bar import bar
from weakseg.data.fold import Fold
from weakseg.data.sample import Dataset
from weakseg.errors import DataInvalid
from weakseg.evaluate.predict import Predictor
from weakseg.evaluate.tune_crf import Predicted, Tuned, tune
from weakseg.report.run import dataset
from weakseg.train.run_folder import Run, keep_crf, open_run


def tune_and_show(path: Path, pictures: int, device: str) -> None:
    """Tune on up to so many pictures, keep the result, and print what it is worth."""
    run = open_run(path)
    tuning, kind = _tuning_pictures(run)
    predicted = _predicted(tuning, kind, run.predictor(device), pictures)
    with bar("tuning") as told:
        tuned = tune(predicted, run.classes, progress=told)
    keep_crf(run.path, tuned.crf)
    _show(tuned, f"{len(predicted)} {kind} pictures")


def _tuning_pictures(run: Run) -> tuple[Dataset, str]:
    """The pictures to tune on, and what they are to the run."""
    training, validation = dataset(run, "training"), run.recipe.validation
    if isinstance(training, Fold) and not training.held_out:
        aside = replace(training, held_out=True)
        judged = validation.keys if isinstance(validation, Dataset) else ()
        if not {*aside.keys} & {*judged}:
            return aside, "held-out"
    return training, "training"


def _predicted(pictures: Dataset, kind: str, predictor: Predictor, most: int) -> list[Predicted]:
    """Up to so many of those with masks, drawn from all over the set."""
    found = []
    with bar("predicting") as told:
        for index in np.random.default_rng(0).permutation(len(pictures)).tolist():
            sample = pictures[index]
            if sample.truth is not None:
                probs = predictor(sample.image).astype(np.float16)
                found.append(Predicted(sample.image, probs, sample.truth))
                told(len(found), min(most, len(pictures)))
            if len(found) == most:
                break
    if not found:
        raise DataInvalid(
            f"none of {len(pictures)} {kind} pictures has a full mask",
            mend="add masks of some of these pictures, or use --crf as it is",
        )
    return found


def _show(tuned: Tuned, pictures: str) -> None:
    print(f"mean IoU on {pictures}: {tuned.without:.4f} without CRF, {tuned.before:.4f} untuned, ", end="")
    print(f"{tuned.after:.4f} tuned")
    print(f"{tuned.crf}\nkept in the run: --crf uses it from now on")
